/* SPDX-License-Identifier: MIT */
/* What the daemon finds around it that could undo its work, for status. */
#include "run/enforcement_internal.h"

#include <string.h>

#include "base/log.h"

struct findings {
    struct doctor_finding *list;
    size_t count;
};

static void add(void *context, const struct doctor_finding *finding)
{
    struct findings *findings = context;

    if (findings->count < ENFORCEMENT_FINDINGS_MAX)
        findings->list[findings->count++] = *finding;
}

static bool has(const struct doctor_finding *list, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].id, id) == 0)
            return true;
    return false;
}

/* The rules of sudo can be read at the start only, so what was found then is kept. */
static void keep_earlier(const struct enforcement *enforcement, struct findings *findings)
{
    for (size_t i = 0; i < enforcement->finding_count; i++) {
        const struct doctor_finding *earlier = &enforcement->findings[i];

        if (strcmp(earlier->id, "sudo") == 0 && !has(findings->list, findings->count, "sudo"))
            add(findings, earlier);
    }
}

static void log_new(const struct enforcement *enforcement, const struct findings *findings)
{
    char text[DOCTOR_TEXT_SIZE];

    for (size_t i = 0; i < findings->count; i++)
        if (!has(enforcement->findings, enforcement->finding_count, findings->list[i].id))
            log_warning("weakness: %s", doctor_format(&findings->list[i], text));
}

void enforcement_examine_surroundings(struct enforcement *enforcement)
{
    struct doctor_finding list[ENFORCEMENT_FINDINGS_MAX] = {{0}};
    struct findings findings = {.list = list};
    struct position container;

    position_of_container(&container);
    doctor_examine(DOCTOR_DAEMON, &container, add, &findings);
    keep_earlier(enforcement, &findings);
    log_new(enforcement, &findings);
    memcpy(enforcement->findings, list, findings.count * sizeof(list[0]));
    enforcement->finding_count = findings.count;
}
