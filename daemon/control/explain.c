/* SPDX-License-Identifier: MIT */
#include "control/explain.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "control/describe.h"
#include "control/request.h"
#include "control/suggestion.h"
#include "control/target.h"
#include "control/view.h"
#include "dns/resolver.h"
#include "firewall/leases.h"
#include "policy/groups.h"
#include "policy/policy.h"

#define BAKED_POLICY_FILE "/etc/egressd/policy.d/local.json"
#define SENTENCE_SIZE 1024
#define LEASED_BY_SHOWN_MAX 16

/* Everything known of one target, gathered before a word is said. */
struct explanation {
    const struct view *view;
    struct target target;
    struct verdict verdict;
    uint64_t services; /* where the target may be reached now */
    bool allowed;
    const struct entry *denied_by; /* the deny entry that stands in the way, or NULL */
    enum budget_standing standing; /* of the name below its wildcard */
    bool name_is_refused;          /* it led to addresses, none of which may be let out */
    struct json_object *leased_by;
    struct json_object *reply;
};

static void on_lease(void *context, const struct lease_view *lease)
{
    struct explanation *about = context;

    if (!address_equal(&lease->address, &about->target.address))
        return;
    about->services |= lease->services;
    if (json_object_array_length(about->leased_by) < LEASED_BY_SHOWN_MAX)
        json_object_array_add(about->leased_by, json_object_new_string(lease->name));
}

static void on_name(void *context, const struct resolver_name_view *name)
{
    struct explanation *about = context;

    if (strcmp(name->name, about->target.host) != 0)
        return;
    reply_add_text(about->reply, "name_state", name->state);
    reply_add_text(about->reply, "last_error", name->last_error);
    about->name_is_refused = name->is_refused && name->count == 0;
}

static const struct entry *find_deny(const struct policy *policy, const struct target *target)
{
    size_t count;
    const struct entry *entries = policy_entries(policy, POLICY_DENY, &count);

    for (size_t i = 0; i < count; i++) {
        if (target_is_denied_by(target, &entries[i]))
            return &entries[i];
    }
    return NULL;
}

static bool is_over_budget(const struct explanation *about)
{
    return budget_refuses(about->standing);
}

/* What the policy allows, the gate may refuse nevertheless: a new name of a wildcard that has led
 * to enough. */
static void judge_budget(struct explanation *about)
{
    const struct view *view = about->view;

    if (about->target.is_address || !about->verdict.allowed || !view->resolver)
        return;
    about->standing =
        resolver_budget_standing(view->resolver, about->verdict.entry, about->target.host);
    if (is_over_budget(about))
        about->services = 0;
}

static void judge_by_policy(struct explanation *about)
{
    const struct policy *policy = about->view->policy;
    const struct target *target = &about->target;

    about->verdict = target->is_address ? policy_judge_address(policy, &target->address)
                                        : policy_judge_name(policy, target->host);
    about->services = about->verdict.services;
    judge_budget(about);
}

static void conclude(struct explanation *about)
{
    const struct policy *policy = about->view->policy;
    const struct target *target = &about->target;
    uint64_t asked = UINT64_MAX;

    if (target->has_port)
        asked = policy_service_of(policy, target->protocol, target->port);
    about->allowed = (about->services & asked) != 0;
    if (!about->allowed && !is_over_budget(about))
        about->denied_by = find_deny(policy, target);
}

static void judge(struct explanation *about)
{
    judge_by_policy(about);
    if (about->target.is_address && about->view->leases)
        leases_each(about->view->leases, on_lease, about);
    conclude(about);
}

/* " (FILE:LINE)", " (FILE:LINE, of @GROUP)", or nothing for an entry that no file holds. */
static const char *place_text(const struct entry *entry, char *text, size_t size)
{
    if (entry->source.file && entry->group)
        snprintf(text, size, " (%s:%u, of @%s)", entry->source.file, entry->source.line,
                 entry->group);
    else if (entry->source.file)
        snprintf(text, size, " (%s:%u)", entry->source.file, entry->source.line);
    else
        text[0] = '\0';
    return text;
}

static void add_reason(struct explanation *about)
{
    const struct entry *entry = about->verdict.entry;
    const char *host = about->target.host;
    char text[SENTENCE_SIZE], place[SENTENCE_SIZE / 2], port[PORT_RANGE_TEXT_SIZE + 9] = "";
    char budget[BUDGET_TEXT_SIZE];

    if (about->target.has_port) {
        char number[PORT_RANGE_TEXT_SIZE];

        snprintf(port, sizeof(port), " on port %s", target_port_text(&about->target, number));
    }
    if (about->view->state == VIEW_INVALID_POLICY)
        snprintf(text, sizeof(text), "the policy is invalid, so everything is denied: %s",
                 about->view->reason ? about->view->reason : "see egressctl status");
    else if (about->allowed && about->verdict.allowed && entry)
        snprintf(text, sizeof(text), "\"%s\" in allow%s lets %s out%s", entry->text,
                 place_text(entry, place, sizeof(place)), host, port);
    else if (about->allowed)
        snprintf(text, sizeof(text), "an allowed name led to %s", host);
    else if (is_over_budget(about))
        snprintf(text, sizeof(text), "%s has not been asked before, and %s%s", host,
                 budgets_explain(entry, about->standing, budget),
                 place_text(entry, place, sizeof(place)));
    else if (about->denied_by)
        snprintf(text, sizeof(text), "\"%s\" in deny%s refuses %s%s, and deny wins",
                 about->denied_by->text, place_text(about->denied_by, place, sizeof(place)), host,
                 port);
    else if (about->services != 0)
        snprintf(text, sizeof(text), "%s is allowed, but not%s", host, port);
    else
        snprintf(text, sizeof(text), "no entry of the policy matches %s", host);
    reply_add_text(about->reply, "reason", text);
}

/* A wildcard of the very name that was asked: the commonest slip. */
static const struct entry *find_apex(const struct policy *policy, const struct target *target)
{
    size_t count;
    const struct entry *entries = policy_entries(policy, POLICY_ALLOW, &count);

    for (size_t i = 0; i < count && !target->is_address; i++) {
        if (entries[i].kind == ENTRY_WILDCARD && strcmp(entries[i].name, target->host) == 0)
            return &entries[i];
    }
    return NULL;
}

/* The range of an address that only its owner can mean, or nobody; NULL: it is like any other. */
static const char *special_range(const struct explanation *about)
{
    return !about->allowed && !about->denied_by && about->target.is_address
               ? address_special_range(&about->target.address)
               : NULL;
}

static const char *note_of_special(const struct explanation *about, const char *range,
                                   char text[static TARGET_NOTE_SIZE])
{
    return target_may_mean(range) ? "a private address: add it only if it is meant"
                                  : target_special_note(&about->target, range, text);
}

/* What goes with the host, where it is one of many that are needed together. */
static const struct group *group_of(const struct explanation *about)
{
    return about->allowed || about->denied_by || about->services != 0 || is_over_budget(about) ||
                   about->target.is_address
               ? NULL
               : suggestion_find_group(&about->target);
}

static void add_note(struct explanation *about)
{
    const char *range = special_range(about);
    const struct group *group;
    const struct entry *apex =
        about->allowed ? NULL : find_apex(about->view->policy, &about->target);
    char text[SENTENCE_SIZE], special[TARGET_NOTE_SIZE];

    if (apex && !about->denied_by)
        snprintf(text, sizeof(text), "\"%s\" covers the names below %s, not %s itself", apex->text,
                 apex->name, apex->name);
    else if (about->allowed && about->name_is_refused && !about->verdict.private_services)
        snprintf(text, sizeof(text),
                 "if its addresses are private ones and that is meant, write the entry as "
                 "{ \"host\": \"%s\", \"private\": true }",
                 about->target.host);
    else if (range)
        snprintf(text, sizeof(text), "%s", note_of_special(about, range, special));
    else if ((group = group_of(about)))
        snprintf(text, sizeof(text), "\"@%s\" allows it too, and the hosts that go with it",
                 group->name);
    else
        return;
    reply_add_text(about->reply, "note", text);
}

/* --- what to do about it ---------------------------------------------------------------------- */

static bool takes_workspace(const struct view *view)
{
    return view->devcontainer_file && *view->devcontainer_file &&
           strcmp(view->workspace_policy, "ignore") != 0;
}

static const char *then_text(const struct view *view)
{
    if (!takes_workspace(view))
        return "as root, run: egressctl reload";
    if (strcmp(view->workspace_policy, "follow") == 0)
        return "save the file: it is taken up within seconds";
    return "rebuild the container, or as root in it run: egressctl apply";
}

void explain_add_where(struct json_object *reply, const struct view *view)
{
    char text[SENTENCE_SIZE];

    if (takes_workspace(view))
        snprintf(text, sizeof(text), "customizations.egressd in %s", view->devcontainer_file);
    else
        snprintf(text, sizeof(text), "%s",
                 view->policy_file_count > 0 ? view->policy_files[0] : BAKED_POLICY_FILE);
    reply_add_text(reply, "where", text);
    reply_add_text(reply, "then", then_text(view));
}

static void add_where_denied(struct json_object *reply, const struct explanation *about)
{
    const struct entry_source *source = &about->denied_by->source;
    char text[SENTENCE_SIZE];

    snprintf(text, sizeof(text), "%s, line %u", source->file, source->line);
    reply_add_text(reply, "where", text);
    reply_add_text(reply, "then", then_text(about->view));
}

static void add_suggestion(struct explanation *about)
{
    const char *range = special_range(about);
    struct json_object *suggestion = NULL;
    char text[TARGET_TEXT_SIZE];

    if (!about->allowed && (!range || target_may_mean(range)) &&
        about->view->state != VIEW_INVALID_POLICY) {
        suggestion = json_object_new_object();
        reply_add_text(suggestion, "list", about->denied_by ? "deny" : "allow");
        reply_add_text(suggestion, "entry",
                       about->denied_by ? NULL : target_as_entry(&about->target, text));
        if (about->denied_by && about->denied_by->source.file)
            add_where_denied(suggestion, about);
        else
            explain_add_where(suggestion, about->view);
    }
    json_object_object_add(about->reply, "suggestion", suggestion);
}

static void add_entry(struct explanation *about)
{
    const struct policy *policy = about->view->policy;
    const struct entry *entry = about->denied_by ? about->denied_by : about->verdict.entry;
    struct json_object *reply = about->reply;

    json_object_object_add(reply, "ports", describe_services(policy, about->services));
    reply_add_text(reply, "entry", entry ? entry->text : NULL);
    if (!entry)
        return;
    reply_add_text(reply, "list",
                   describe_list_of(policy, entry) == POLICY_DENY ? "deny" : "allow");
    reply_add_text(reply, "group", entry->group);
    reply_add_text(reply, "file", entry->source.file);
    reply_add_number(reply, "line", entry->source.line);
    describe_budget(reply, about->view->resolver, describe_list_of(policy, entry), entry);
}

struct json_object *explain_describe(const struct view *view, const char *target)
{
    struct explanation about = {.view = view};
    struct text_error error;

    if (target_parse(target, &about.target, &error) < 0)
        return reply_error(EX_USAGE, "'%.300s' cannot be explained: %s", target, error.message);
    about.leased_by = json_object_new_array();
    about.reply = reply_new();
    judge(&about);
    reply_add_text(about.reply, "host", about.target.host);
    if (about.target.has_port)
        reply_add_number(about.reply, "port", about.target.port);
    else
        json_object_object_add(about.reply, "port", NULL);
    reply_add_text(about.reply, "protocol", about.target.protocol == IPPROTO_UDP ? "udp" : "tcp");
    json_object_object_add(about.reply, "allowed", json_object_new_boolean(about.allowed));
    reply_add_text(about.reply, "mode", policy_mode_text(view->policy));
    add_reason(&about);
    add_entry(&about);
    json_object_object_add(about.reply, "leased_by", about.leased_by);
    if (!about.target.is_address && view->resolver)
        resolver_each_name(view->resolver, on_name, &about);
    add_note(&about);
    add_suggestion(&about);
    return about.reply;
}

/* --- in short --------------------------------------------------------------------------------- */

static const char *note_of_denied(const struct explanation *about, char text[static SENTENCE_SIZE])
{
    char place[SENTENCE_SIZE / 2];

    snprintf(text, SENTENCE_SIZE, "\"%s\" in deny%s stands in the way, and deny wins",
             about->denied_by->text, place_text(about->denied_by, place, sizeof(place)));
    return text;
}

struct json_object *explain_suggestion(const struct view *view, const struct target *target)
{
    struct explanation about = {.view = view, .target = *target};
    const char *special = target->is_address ? address_special_range(&target->address) : NULL;
    const char *entry = NULL, *note = NULL;
    char text[TARGET_TEXT_SIZE], note_text[SENTENCE_SIZE];
    struct json_object *suggestion;

    judge_by_policy(&about);
    conclude(&about);
    if (about.allowed ||
        (target->is_address && view->leases &&
         leases_cover(view->leases, &target->address, target->protocol, target->port)))
        return NULL;
    if (view->state == VIEW_INVALID_POLICY)
        note = "the policy is invalid, so everything is denied: see egressctl status";
    else if (about.denied_by)
        note = note_of_denied(&about, note_text);
    else if (special)
        note = target_special_note(target, special, note_text);
    else
        entry = target_as_entry(target, text);
    suggestion = json_object_new_object();
    reply_add_text(suggestion, "entry", entry);
    reply_add_text(suggestion, "note", note);
    return suggestion;
}
