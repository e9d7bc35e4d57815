/* SPDX-License-Identifier: MIT */
#include "egressctl/doctor_command.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/describe.h"
#include "control/request.h"
#include "doctor/doctor.h"
#include "egressctl/client.h"
#include "egressctl/screen.h"

#define ASK_TIMEOUT_MS 10000

static void on_finding(void *context, const struct doctor_finding *finding)
{
    json_object_array_add(context, describe_finding(finding));
}

static void add(struct json_object *findings, const char *id, const char *what, const char *detail,
                const char *remedy)
{
    struct json_object *finding = json_object_new_object();

    reply_add_text(finding, "id", id);
    reply_add_text(finding, "what", what);
    reply_add_text(finding, "detail", detail && *detail ? detail : NULL);
    reply_add_text(finding, "remedy", remedy);
    json_object_array_add(findings, finding);
}

/* --- what the daemon says --------------------------------------------------------------------- */

static void add_state(struct json_object *findings, struct json_object *status)
{
    const char *state = screen_text(status, "state"), *reason = screen_text(status, "reason");

    if (strcmp(state, "enforcing") != 0)
        add(findings, "not-enforcing", "egressd does not enforce the policy",
            *reason ? reason : state, "put right what it says: egressctl status");
    else if (strcmp(screen_text(status, "mode"), "enforce") != 0)
        add(findings, "not-enforcing", "in audit mode nothing is refused", NULL,
            "set \"mode\" to \"enforce\"");
}

/* Its findings that we could not have made ourselves; where we could, ours count. */
static void add_findings_of_daemon(struct json_object *findings, struct json_object *theirs)
{
    size_t count =
        json_object_is_type(theirs, json_type_array) ? json_object_array_length(theirs) : 0;

    for (size_t i = 0; i < count; i++) {
        struct json_object *finding = json_object_array_get_idx(theirs, i);

        if (!doctor_looks_for(DOCTOR_CALLER, screen_text(finding, "id")))
            json_object_array_add(findings, json_object_get(finding));
    }
}

/* Those of the surroundings stand last among the weaknesses: they are findings already. */
static void add_weaknesses(struct json_object *findings, struct json_object *status)
{
    struct json_object *weaknesses = screen_member(status, "weaknesses");
    struct json_object *theirs = screen_member(status, "findings");
    size_t count =
        json_object_is_type(weaknesses, json_type_array) ? json_object_array_length(weaknesses) : 0;
    size_t of_surroundings =
        json_object_is_type(theirs, json_type_array) ? json_object_array_length(theirs) : 0;

    for (size_t i = 0; i + of_surroundings < count; i++)
        add(findings, "weakness", json_object_get_string(json_object_array_get_idx(weaknesses, i)),
            NULL, NULL);
    add_findings_of_daemon(findings, theirs);
}

static void ask_daemon(const char *runtime_dir, struct json_object *findings)
{
    struct json_object *status;

    if (client_ask(runtime_dir, "status", NULL, ASK_TIMEOUT_MS, &status) < 0) {
        add(findings, "not-running", "egressd cannot be reached: perhaps nothing is held back here",
            runtime_dir,
            "read the container's log (docker logs CONTAINER), and see that the Feature's "
            "entrypoint starts it");
        return;
    }
    add_state(findings, status);
    add_weaknesses(findings, status);
    json_object_put(status);
}

/* --- saying it -------------------------------------------------------------------------------- */

static void print_findings(struct json_object *findings)
{
    size_t count = json_object_array_length(findings);

    screen_clean(findings);
    for (size_t i = 0; i < count; i++) {
        struct json_object *finding = json_object_array_get_idx(findings, i);
        const char *detail = screen_text(finding, "detail");
        const char *remedy = screen_text(finding, "remedy");

        screen_print(SCREEN_WARN, "%s", screen_text(finding, "id"));
        printf(": %s%s%s%s\n", screen_text(finding, "what"), *detail ? " (" : "", detail,
               *detail ? ")" : "");
        if (*remedy)
            printf("    what to do: %s\n", remedy);
    }
    if (count == 0)
        screen_print(SCREEN_GOOD, "nothing found that could undo the protection here\n");
}

static void print_json(struct json_object *findings)
{
    struct json_object *reply = reply_new();

    json_object_object_add(reply, "findings", json_object_get(findings));
    screen_print_json(reply);
    json_object_put(reply);
}

int doctor_command(const char *runtime_dir, bool as_json, const struct position *caller)
{
    struct json_object *findings = json_object_new_array();
    int r;

    ask_daemon(runtime_dir, findings);
    doctor_examine(DOCTOR_CALLER, caller, on_finding, findings);
    r = json_object_array_length(findings) > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    if (as_json)
        print_json(findings);
    else
        print_findings(findings);
    json_object_put(findings);
    return r;
}
