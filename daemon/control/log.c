/* SPDX-License-Identifier: MIT */
#include "control/log.h"

#include <json-c/json.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "control/explain.h"
#include "control/request.h"
#include "control/target.h"
#include "control/users.h"
#include "control/view.h"
#include "journal/journal.h"
#include "policy/policy.h"

#define SENTENCE_SIZE 768
#define DNS_PORT 53

struct log {
    const struct view *view;
    uint64_t now_ms;
    char *users; /* text of passwd(5), or NULL */
    struct json_object *entries;
};

/* --- words ------------------------------------------------------------------------------------ */

static const char *const kind_texts[JOURNAL_KINDS] = {
    [JOURNAL_PACKET] = "packet", [JOURNAL_QUESTION] = "question", [JOURNAL_GRANT] = "grant"};
static const char *const verdict_texts[JOURNAL_VERDICTS] = {
    [JOURNAL_REFUSED] = "refused",
    [JOURNAL_WOULD_REFUSE] = "would-refuse",
    [JOURNAL_GRANTED] = "granted",
};

const char *log_kind_text(enum journal_kind kind)
{
    return kind_texts[kind];
}

const char *log_verdict_text(enum journal_verdict verdict)
{
    return verdict_texts[verdict];
}

#define PROTOCOL_TEXT_SIZE 8

static const char *protocol_text(int protocol, char text[static PROTOCOL_TEXT_SIZE])
{
    switch (protocol) {
    case IPPROTO_TCP:
        return "tcp";
    case IPPROTO_UDP:
        return "udp";
    case IPPROTO_ICMP:
        return "icmp";
    case IPPROTO_ICMPV6:
        return "icmpv6";
    case IPPROTO_SCTP:
        return "sctp";
    case JOURNAL_NO_PROTOCOL:
        return NULL;
    default:
        snprintf(text, PROTOCOL_TEXT_SIZE, "%d", protocol & 0xff);
        return text;
    }
}

static const char *via_text(enum journal_via via)
{
    switch (via) {
    case JOURNAL_VIA_OUT:
        return "out";
    case JOURNAL_VIA_FORWARD:
        return "forward";
    case JOURNAL_VIA_NONE:
        break;
    }
    return NULL;
}

/* What was wanted: the name if there is one. */
static const char *subject_of(const struct journal_event *event,
                              char text[static ADDRESS_TEXT_SIZE])
{
    if (event->name)
        return event->name;
    return event->address.family == ADDRESS_NONE ? "a name that no host can have"
                                                 : address_format(&event->address, text);
}

const char *log_reason(const struct journal_event *event, char text[static LOG_REASON_SIZE])
{
    const char *detail = event->detail ? event->detail : "";
    char address[ADDRESS_TEXT_SIZE];
    const char *subject = subject_of(event, address);

    text[0] = '\0';
    switch (event->reason) {
    case JOURNAL_NOT_LISTED:
        snprintf(text, LOG_REASON_SIZE, "%s is not on the allowlist", subject);
        break;
    case JOURNAL_DENIED:
        snprintf(text, LOG_REASON_SIZE, "%s is denied", subject);
        break;
    case JOURNAL_OTHER_PORT:
        snprintf(text, LOG_REASON_SIZE, "port %d%s is not among the ports of %s", event->port,
                 event->protocol == IPPROTO_UDP ? "/udp" : "", subject);
        break;
    case JOURNAL_NEVER_ANSWERED:
        snprintf(text, LOG_REASON_SIZE, "the address was never the answer to a name asked here");
        break;
    case JOURNAL_SPECIAL:
        if (event->name)
            snprintf(text, LOG_REASON_SIZE, "%s is allowed, but not at this address: %s", subject,
                     detail);
        else
            snprintf(text, LOG_REASON_SIZE, "a special address (%s) that no entry names", detail);
        break;
    case JOURNAL_NOT_LEASED:
        snprintf(text, LOG_REASON_SIZE,
                 "%s is allowed, but its answer has ended: the name has to be asked again",
                 subject);
        break;
    case JOURNAL_PROTOCOL:
        snprintf(text, LOG_REASON_SIZE, "nothing but tcp and udp can be allowed");
        break;
    case JOURNAL_FORBIDDEN:
        snprintf(text, LOG_REASON_SIZE, "%s",
                 event->port == DNS_PORT
                     ? "names are asked through egressd, and nowhere else"
                     : "whatever the policy, nothing is let out like this (forged, or a resolver "
                       "that hides on loopback)");
        break;
    case JOURNAL_ENDED:
        snprintf(text, LOG_REASON_SIZE, "%s is allowed, but this flow has been ended", subject);
        break;
    case JOURNAL_SPENT:
        snprintf(text, LOG_REASON_SIZE, "%s has not been asked before, and %s", subject, detail);
        break;
    case JOURNAL_ANSWER:
        snprintf(text, LOG_REASON_SIZE, "%s is allowed, but %s", subject, detail);
        break;
    case JOURNAL_REASON_NONE:
        snprintf(text, LOG_REASON_SIZE, "%s is allowed", subject);
        break;
    }
    return text;
}

/* --- what to do about it ---------------------------------------------------------------------- */

static struct json_object *note_alone(const char *note)
{
    struct json_object *suggestion = json_object_new_object();

    reply_add_text(suggestion, "entry", NULL);
    reply_add_text(suggestion, "note", note);
    return suggestion;
}

static struct json_object *suggest(const struct view *view, const struct journal_event *event)
{
    struct target target;
    char text[SENTENCE_SIZE];

    if (event->kind == JOURNAL_GRANT || event->reason == JOURNAL_ENDED ||
        event->reason == JOURNAL_NOT_LEASED)
        return NULL;
    if (event->reason == JOURNAL_FORBIDDEN)
        return note_alone("nothing to add: no policy allows it");
    if (event->reason == JOURNAL_PROTOCOL)
        return note_alone("nothing but tcp and udp can be allowed");
    if (!event->name && event->kind == JOURNAL_QUESTION)
        return note_alone("no entry can hold this name");
    if (event->name && (event->reason == JOURNAL_SPECIAL || event->reason == JOURNAL_ANSWER)) {
        snprintf(text, sizeof(text),
                 "if a private address is meant, write { \"host\": \"%s\", \"private\": true }",
                 event->name);
        return note_alone(text);
    }
    target = target_make(event->name, &event->address, event->protocol, event->port);
    return explain_suggestion(view, &target);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void add_what(struct json_object *object, const struct journal_event *event)
{
    char address[ADDRESS_TEXT_SIZE], protocol[PROTOCOL_TEXT_SIZE];

    reply_add_text(object, "name", event->name);
    reply_add_number(object, "names_more", event->names_more);
    reply_add_text(
        object, "address",
        event->address.family == ADDRESS_NONE ? NULL : address_format(&event->address, address));
    if (event->port == JOURNAL_NO_PORT)
        reply_add_text(object, "port", NULL);
    else
        reply_add_number(object, "port", (unsigned long long)event->port);
    reply_add_text(object, "protocol", protocol_text(event->protocol, protocol));
}

static void add_who(struct json_object *object, const struct log *log,
                    const struct journal_event *event)
{
    char name[USERS_NAME_SIZE];
    const char *user = NULL;

    if (event->uid == JOURNAL_NO_USER) {
        reply_add_text(object, "uid", NULL);
    } else {
        reply_add_number(object, "uid", (unsigned long long)event->uid);
        user = log->users ? users_find(log->users, (uint32_t)event->uid, name) : NULL;
    }
    reply_add_text(object, "user", user);
    reply_add_text(object, "process", event->process);
    reply_add_text(object, "command", event->command);
    reply_add_text(object, "via", via_text(event->via));
}

static void add_when(struct json_object *object, const struct log *log,
                     const struct journal_line *line)
{
    uint64_t first_s = (log->now_ms - line->first_ms) / 1000;
    uint64_t last_s = (log->now_ms - line->last_ms) / 1000;

    reply_add_time(object, "first", first_s);
    reply_add_time(object, "last", last_s);
    reply_add_number(object, "first_ago_s", first_s);
    reply_add_number(object, "last_ago_s", last_s);
    reply_add_number(object, "count", line->count);
}

static void on_line(void *context, const struct journal_line *line)
{
    const struct log *log = context;
    const struct journal_event *event = &line->event;
    struct json_object *object = json_object_new_object();
    char reason[LOG_REASON_SIZE];

    reply_add_number(object, "id", line->id);
    reply_add_text(object, "kind", log_kind_text(event->kind));
    reply_add_text(object, "verdict", log_verdict_text(event->verdict));
    add_what(object, event);
    add_who(object, log, event);
    reply_add_text(object, "reason", log_reason(event, reason));
    json_object_object_add(object, "suggestion", suggest(log->view, event));
    add_when(object, log, line);
    json_object_array_add(log->entries, object);
}

static void add_hour(struct json_object *reply, const struct log *log)
{
    struct json_object *hour = json_object_new_array();
    uint64_t minutes[JOURNAL_MINUTES];

    journal_read_hour(log->view->journal, log->now_ms, minutes);
    for (size_t i = 0; i < JOURNAL_MINUTES; i++)
        json_object_array_add(hour, json_object_new_uint64(minutes[i]));
    json_object_object_add(reply, "hour", hour);
}

struct json_object *log_describe(const struct view *view, uint64_t after)
{
    struct json_object *reply = reply_new();
    struct log log = {
        .view = view,
        .now_ms = clock_now_ms(),
        .entries = json_object_new_array(),
    };

    if (after != journal_cursor(view->journal)) /* something has happened */
        log.users = users_read();
    reply_add_number(reply, "next", journal_cursor(view->journal));
    reply_add_text(reply, "mode", policy_mode_text(view->policy));
    reply_add_number(reply, "forgotten", journal_forgotten(view->journal));
    if (view->tells_packets)
        reply_add_number(reply, "untold", view->untold);
    else
        reply_add_text(reply, "untold", NULL);
    add_hour(reply, &log);
    journal_each(view->journal, after, on_line, &log);
    json_object_object_add(reply, "entries", log.entries);
    free(log.users);
    return reply;
}
