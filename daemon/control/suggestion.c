/* SPDX-License-Identifier: MIT */
#include "control/suggestion.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"
#include "control/suggestion_internal.h"
#include "control/target.h"
#include "policy/describe.h"
#include "policy/notes.h"
#include "policy/policy.h"

#define DNS_PORT 53
#define DNS_OVER_TLS_PORT 853

/* --- what is not suggested -------------------------------------------------------------------- */

static const struct entry *find_deny(const struct policy *policy, const struct target *target)
{
    size_t count;
    const struct entry *entries = policy_entries(policy, POLICY_DENY, &count);

    for (size_t i = 0; i < count; i++)
        if (target_is_denied_by(target, &entries[i]))
            return &entries[i];
    return NULL;
}

/* A name that was only asked is wanted at 80 or 443, whichever is not denied. */
static const struct entry *find_deny_of_host(const struct policy *policy,
                                             const struct target *target)
{
    struct target http = *target, https = *target;

    if (target->has_port)
        return find_deny(policy, target);
    http.has_port = https.has_port = true;
    http.port = HTTP_PORT;
    https.port = HTTPS_PORT;
    return find_deny(policy, &http) ? find_deny(policy, &https) : NULL;
}

/* What refuses the name, or the address it led to; NULL: nothing. */
static const struct entry *find_any_deny(const struct policy *policy,
                                         const struct suggestion_wish *wish,
                                         const struct target *target)
{
    const struct entry *entry = find_deny_of_host(policy, target);
    struct target by_address;

    if (entry || target->is_address || wish->address.family == ADDRESS_NONE)
        return entry;
    by_address = target_make(NULL, &wish->address, wish->protocol, wish->port);
    return find_deny_of_host(policy, &by_address);
}

/* New text. */
static char *denied_text(const struct entry *entry)
{
    char source[SOURCE_TEXT_SIZE];

    entry_format_source(entry, source);
    return xasprintf("\"%s\" in deny%s%s%s refuses it, and deny wins", entry->text,
                     source[0] ? " (" : "", source, source[0] ? ")" : "");
}

/* New text. */
static char *special_text(const struct suggestion_wish *wish, const struct target *target,
                          const char *range)
{
    char address[ADDRESS_TEXT_SIZE], text[TARGET_NOTE_SIZE];

    if (!wish->name)
        return xstrdup(target_special_note(target, range, text));
    address_format(&wish->address, address);
    if (strcmp(range, "private") != 0)
        return xasprintf("it leads to %s, a special address (%s)", address, range);
    return xasprintf("it leads to %s, a private address: if that is meant, write { \"host\": "
                     "\"%s\", \"private\": true }",
                     address, wish->name);
}

static bool ends_in(const char *name, const char *tail)
{
    size_t length = strlen(name), tail_length = strlen(tail);

    return length >= tail_length && strcmp(name + length - tail_length, tail) == 0;
}

static bool is_reverse(const char *name)
{
    return ends_in(name, ".in-addr.arpa") || ends_in(name, ".ip6.arpa");
}

/* Why nobody should allow it, as new text; NULL: one may. */
static char *objection(const struct suggestion_maker *maker, const struct suggestion_wish *wish,
                       const struct target *target)
{
    const struct entry *denied_by = find_any_deny(maker->policy, wish, target);
    char text[TARGET_TEXT_SIZE];
    struct text_error ignored = {0};
    struct entry entry;

    if (wish->protocol != -1 && wish->protocol != IPPROTO_TCP && wish->protocol != IPPROTO_UDP)
        return xstrdup("nothing but tcp and udp can be allowed");
    if (wish->port == DNS_PORT || wish->port == DNS_OVER_TLS_PORT)
        return xstrdup("names are asked through egressd, and nowhere else");
    if (wish->name && is_reverse(wish->name))
        return xstrdup("what an address is called: nothing depends on that");
    if (entry_parse(target_as_entry(target, text), &entry, &ignored) < 0 ||
        entry.kind != (wish->name ? ENTRY_NAME : ENTRY_PREFIX)) /* "192.0.2.1" can be asked too */
        return xstrdup("no entry can hold this name");
    if (denied_by)
        return denied_text(denied_by);
    if (note_resolver(&entry))
        return xstrdup(note_resolver(&entry));
    return NULL;
}

/* --- what the policy in force makes of it ----------------------------------------------------- */

static uint64_t asked_services(const struct policy *policy, const struct suggestion_wish *wish)
{
    return wish->port > 0 ? policy_service_of(policy, (uint8_t)wish->protocol, (uint16_t)wish->port)
                          : UINT64_MAX;
}

static bool is_allowed(const struct policy *policy, const struct suggestion_wish *wish)
{
    const bool is_question = wish->address.family == ADDRESS_NONE;
    uint64_t services = 0;

    if (!is_question)
        services = policy_judge_address(policy, &wish->address).services;
    if (wish->name) {
        struct verdict verdict = policy_judge_name(policy, wish->name);

        services |= is_question ? verdict.services
                                : policy_judge_learned(policy, &verdict, &wish->address, NULL);
    }
    return services & asked_services(policy, wish);
}

/* The range that keeps the address from being let out under an entry that is just this host; NULL:
 * nothing does. */
static const char *special_range(const struct suggestion_wish *wish)
{
    struct text_error ignored = {0};
    struct entry entry;

    if (wish->address.family == ADDRESS_NONE)
        return NULL;
    if (wish->name && entry_parse_host(wish->name, &entry, &ignored) == 0 && entry.allow_private)
        return NULL;
    return address_special_range(&wish->address);
}

/* --- taking in -------------------------------------------------------------------------------- */

struct suggestion_maker *suggestion_begin(const struct policy *policy)
{
    struct suggestion_maker *maker = xcalloc(1, sizeof(*maker));

    maker->policy = policy;
    maker->hosts = table_new();
    return maker;
}

static struct wished_host *find_or_add_host(struct suggestion_maker *maker,
                                            const struct target *target)
{
    size_t length = strlen(target->host);
    struct wished_host *host = table_get(maker->hosts, target->host, length);

    if (host)
        return host;
    host = xcalloc(1, sizeof(*host));
    host->target = *target;
    host->target.has_port = false;
    host->target.protocol = IPPROTO_TCP;
    host->target.port = 0;
    table_put(maker->hosts, host->target.host, length, host);
    return host;
}

static void add_port(struct wished_host *host, const struct suggestion_wish *wish)
{
    for (size_t i = 0; i < host->port_count; i++)
        if (host->ports[i].protocol == wish->protocol && host->ports[i].port == wish->port) {
            host->ports[i].count += wish->count;
            return;
        }
    host->ports = xreallocarray(host->ports, host->port_count + 1, sizeof(host->ports[0]));
    host->ports[host->port_count++] = (struct wished_port){
        .protocol = (uint8_t)wish->protocol, .port = (uint16_t)wish->port, .count = wish->count};
}

void suggestion_add_other(struct suggestion_maker *maker, const char *what, const char *why,
                          uint64_t count)
{
    suggestion_put(&maker->others, xstrdup(what), xstrdup(why), count);
}

void suggestion_add(struct suggestion_maker *maker, const struct suggestion_wish *wish)
{
    struct target target = target_make(wish->name, &wish->address, wish->protocol, wish->port);
    const char *range = special_range(wish);
    char text[TARGET_TEXT_SIZE];
    char *why;

    if (is_allowed(maker->policy, wish))
        return;
    why = objection(maker, wish, &target);
    if (!why && range)
        why = special_text(wish, &target, range);
    if (why)
        suggestion_put(&maker->others, xstrdup(target_as_entry(&target, text)), why, wish->count);
    if (wish->name && range) /* nor is it suggested for the sake of a question about it */
        find_or_add_host(maker, &target)->is_special = true;
    if (why)
        return;
    if (wish->port > 0)
        add_port(find_or_add_host(maker, &target), wish);
    else
        find_or_add_host(maker, &target)->questions += wish->count;
}

/* --- giving out ------------------------------------------------------------------------------- */

void suggestion_put(struct suggestion_lines *lines, char *take_what, char *take_why, uint64_t count)
{
    lines->lines = xreallocarray(lines->lines, lines->count + 1, sizeof(lines->lines[0]));
    lines->lines[lines->count++] = (struct suggestion_line){take_what, take_why, count};
}

static int compare_texts(const void *a, const void *b)
{
    const struct suggestion_line *first = a, *second = b;
    int order = strcmp(first->what, second->what);

    return order != 0 ? order : strcmp(first->why, second->why);
}

static int compare_counts(const void *a, const void *b)
{
    const struct suggestion_line *first = a, *second = b;

    if (first->count != second->count)
        return first->count < second->count ? 1 : -1;
    return compare_texts(a, b);
}

/* What says the same becomes one line. */
static void sort(struct suggestion_lines *lines)
{
    size_t kept = 0;

    if (lines->count == 0)
        return;
    qsort(lines->lines, lines->count, sizeof(lines->lines[0]), compare_texts);
    for (size_t i = 1; i < lines->count; i++) {
        if (compare_texts(&lines->lines[kept], &lines->lines[i]) != 0) {
            lines->lines[++kept] = lines->lines[i];
            continue;
        }
        lines->lines[kept].count += lines->lines[i].count;
        free(lines->lines[i].what);
        free(lines->lines[i].why);
    }
    lines->count = kept + 1;
    qsort(lines->lines, lines->count, sizeof(lines->lines[0]), compare_counts);
}

static void free_maker(struct suggestion_maker *maker)
{
    struct wished_host *host;
    size_t position = 0;

    while ((host = table_next(maker->hosts, &position))) {
        free(host->ports);
        free(host);
    }
    free(maker->wants);
    table_free(maker->hosts);
    free(maker);
}

struct suggestion suggestion_end(struct suggestion_maker *maker)
{
    struct suggestion suggestion;

    suggestion_make_entries(maker);
    sort(&maker->entries);
    suggestion_leave_room(maker);
    sort(&maker->others);
    suggestion = (struct suggestion){.entries = maker->entries, .others = maker->others};
    free_maker(maker);
    return suggestion;
}

static void free_lines(struct suggestion_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->lines[i].what);
        free(lines->lines[i].why);
    }
    free(lines->lines);
}

void suggestion_done(struct suggestion *suggestion)
{
    free_lines(&suggestion->entries);
    free_lines(&suggestion->others);
    *suggestion = (struct suggestion){0};
}
