/* SPDX-License-Identifier: MIT */
#include "control/suggest.h"

#include <json-c/json.h>
#include <stdio.h>
#include <sysexits.h>

#include "control/explain.h"
#include "control/log.h"
#include "control/request.h"
#include "control/suggestion.h"
#include "control/target.h"
#include "control/view.h"
#include "firewall/leases.h"
#include "policy/policy.h"

#define WHY_SIZE (LOG_REASON_SIZE + TARGET_TEXT_SIZE + 80)

struct reading {
    const struct view *view;
    struct suggestion_maker *maker;
};

/* --- what no entry changes -------------------------------------------------------------------- */

static void add_other(struct reading *reading, const struct journal_line *line, const char *why)
{
    const struct journal_event *event = &line->event;
    struct target target = target_make(event->name, &event->address, event->protocol, event->port);
    char text[TARGET_TEXT_SIZE];

    suggestion_add_other(reading->maker, target_as_entry(&target, text), why, line->count);
}

/* The policy allows the name, and the gate did not answer it nevertheless. */
static void add_allowed(struct reading *reading, const struct journal_line *line,
                        const struct verdict *verdict)
{
    const struct journal_event *event = &line->event;
    char reason[LOG_REASON_SIZE], why[WHY_SIZE];

    if (event->reason == JOURNAL_SPENT) {
        suggestion_add_other(reading->maker, verdict->entry->text,
                             event->detail ? event->detail : "it has led to enough names",
                             line->count);
    } else if (!verdict->private_services) {
        snprintf(why, sizeof(why),
                 "%s; if a private address is meant, write { \"host\": \"%s\", \"private\": true }",
                 log_reason(event, reason), event->name);
        add_other(reading, line, why);
    }
}

/* Whether the line was one of those. */
static bool read_other(struct reading *reading, const struct journal_line *line)
{
    const struct journal_event *event = &line->event;
    char reason[LOG_REASON_SIZE];
    struct verdict verdict;

    if (event->kind == JOURNAL_QUESTION && !event->name) {
        suggestion_add_other(reading->maker, "a name that no host can have", "no entry can hold it",
                             line->count);
        return true;
    }
    if (event->reason == JOURNAL_FORBIDDEN) {
        add_other(reading, line, log_reason(event, reason));
        return true;
    }
    if (event->reason != JOURNAL_SPENT && event->reason != JOURNAL_ANSWER)
        return false;
    verdict = policy_judge_name(reading->view->policy, event->name);
    if (verdict.allowed)
        add_allowed(reading, line, &verdict);
    return verdict.allowed;
}

/* --- reading it ------------------------------------------------------------------------------- */

static bool is_leased(const struct view *view, const struct journal_event *event)
{
    return view->leases && event->address.family != ADDRESS_NONE && event->port > 0 &&
           leases_cover(view->leases, &event->address, (uint8_t)event->protocol,
                        (uint16_t)event->port);
}

static void on_line(void *context, const struct journal_line *line)
{
    struct reading *reading = context;
    const struct journal_event *event = &line->event;
    const struct address none = {.family = ADDRESS_NONE};
    const bool is_question = event->kind == JOURNAL_QUESTION;

    if (event->kind == JOURNAL_GRANT || read_other(reading, line) ||
        is_leased(reading->view, event))
        return;
    suggestion_add(reading->maker, &(struct suggestion_wish){
                                       .name = event->name,
                                       .address = is_question ? none : event->address,
                                       .protocol = is_question ? -1 : event->protocol,
                                       .port = is_question ? -1 : event->port,
                                       .count = line->count,
                                   });
}

static void add_lines(struct json_object *reply, const char *member, const char *what,
                      const struct suggestion_lines *lines)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < lines->count; i++) {
        struct json_object *object = json_object_new_object();

        reply_add_text(object, what, lines->lines[i].what);
        reply_add_text(object, "why", lines->lines[i].why);
        reply_add_number(object, "count", lines->lines[i].count);
        json_object_array_add(array, object);
    }
    json_object_object_add(reply, member, array);
}

struct json_object *suggest_describe(const struct view *view)
{
    struct reading reading = {.view = view};
    struct suggestion suggestion;
    struct json_object *reply;

    if (view->state == VIEW_INVALID_POLICY)
        return reply_error(EX_CONFIG, "the policy is invalid, so everything is denied: %s",
                           view->reason ? view->reason : "see egressctl status");
    reading.maker = suggestion_begin(view->policy);
    journal_each(view->journal, 0, on_line, &reading);
    suggestion = suggestion_end(reading.maker);
    reply = reply_new();
    reply_add_text(reply, "mode", policy_mode_text(view->policy));
    add_lines(reply, "allow", "entry", &suggestion.entries);
    add_lines(reply, "others", "what", &suggestion.others);
    explain_add_where(reply, view);
    suggestion_done(&suggestion);
    return reply;
}
