/* SPDX-License-Identifier: MIT */
#include "control/metrics.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "control/log.h"
#include "control/request.h"
#include "control/view.h"
#include "firewall/leases.h"
#include "journal/counters.h"
#include "journal/journal.h"
#include "policy/policy.h"

/* --- families --------------------------------------------------------------------------------- */

static void put_head(FILE *text, const char *name, const char *type, const char *help)
{
    fprintf(text, "# TYPE egressd_%s %s\n# HELP egressd_%s %s\n", name, type, name, help);
}

static void put_gauge(FILE *text, const char *name, const char *help, uint64_t value)
{
    put_head(text, name, "gauge", help);
    fprintf(text, "egressd_%s %llu\n", name, (unsigned long long)value);
}

/* name ends in "_seconds". */
static void put_age(FILE *text, const char *name, const char *help, uint64_t since_ms)
{
    uint64_t age_ms = clock_now_ms() - since_ms;

    put_head(text, name, "gauge", help);
    fprintf(text, "# UNIT egressd_%s seconds\negressd_%s %llu.%03u\n", name, name,
            (unsigned long long)(age_ms / 1000), (unsigned)(age_ms % 1000));
}

static void put_counter(FILE *text, const char *name, const char *help, uint64_t value)
{
    put_head(text, name, "counter", help);
    fprintf(text, "egressd_%s_total %llu\n", name, (unsigned long long)value);
}

/* --- what there is ---------------------------------------------------------------------------- */

static void put_state(FILE *text, const struct view *view)
{
    put_head(text, "build", "info", "which egressd this is");
    fprintf(text, "egressd_build_info{version=\"%s\"} 1\n", EGRESSD_VERSION);
    put_head(text, "state", "stateset", "whether the policy is enforced");
    for (enum view_state state = VIEW_STARTING; state <= VIEW_FAILED; state++)
        fprintf(text, "egressd_state{egressd_state=\"%s\"} %d\n", view_state_text(state),
                state == view->state);
    put_gauge(text, "audit", "1 in audit mode, in which nothing is refused",
              policy_mode(view->policy) == POLICY_AUDIT);
    put_age(text, "state_age_seconds", "since the state began", view->since_ms);
    put_age(text, "table_verified_age_seconds", "since the kernel's table was last found right",
            view->verified_ms);
    put_gauge(text, "weaknesses", "what makes less of the promise",
              view->weakness_count + view->finding_count);
}

static void put_entries(FILE *text, const struct view *view)
{
    size_t allowed, denied;

    policy_entries(view->policy, POLICY_ALLOW, &allowed);
    policy_entries(view->policy, POLICY_DENY, &denied);
    put_head(text, "entries", "gauge", "entries of the policy");
    fprintf(text, "egressd_entries{list=\"allow\"} %zu\negressd_entries{list=\"deny\"} %zu\n",
            allowed, denied);
    put_gauge(text, "leases", "addresses that are open because a name led to them",
              view->leases ? leases_count(view->leases) : 0);
}

static void put_refusals(FILE *text, const struct journal *journal)
{
    put_head(text, "refusals", "counter", "what was refused, or would have been");
    for (enum journal_kind kind = JOURNAL_PACKET; kind <= JOURNAL_QUESTION; kind++)
        for (enum journal_verdict verdict = JOURNAL_REFUSED; verdict <= JOURNAL_WOULD_REFUSE;
             verdict++)
            fprintf(text, "egressd_refusals_total{kind=\"%s\",verdict=\"%s\"} %llu\n",
                    log_kind_text(kind), log_verdict_text(verdict),
                    (unsigned long long)journal_total(journal, kind, verdict));
    put_counter(text, "log_lines_forgotten", "lines that egressctl log no longer shows",
                journal_forgotten(journal));
}

struct json_object *metrics_describe(const struct view *view)
{
    struct json_object *reply = reply_new();
    struct counter counter;
    char *bytes = NULL;
    size_t size = 0;
    FILE *text = open_memstream(&bytes, &size);

    if (!text)
        abort();
    put_state(text, view);
    put_entries(text, view);
    put_counter(text, "table_restored", "times the kernel's table was changed and put back",
                view->restored);
    if (view->journal)
        put_refusals(text, view->journal);
    put_counter(text, "packets_untold", "refused packets that the kernel did not tell",
                view->untold);
    for (size_t i = 0; counters_read(view->counters, i, &counter); i++)
        put_counter(text, counter.name, counter.help, counter.value);
    fprintf(text, "# EOF\n");
    if (fclose(text) != 0 || !bytes)
        abort();
    reply_add_text(reply, "text", bytes);
    free(bytes);
    return reply;
}
