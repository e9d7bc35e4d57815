/* SPDX-License-Identifier: MIT */
#include "policy/remarks.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"
#include "policy/describe.h"
#include "policy/name_budget.h"
#include "policy/notes.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define HOSTS_NAMED_MAX 4

/* A host and where it was written first. */
struct first_use {
    char host[ENTRY_TEXT_SIZE];
    const struct entry *entry;
};

struct remarks {
    const struct policy *policy;
    FILE *out;
    struct table *first_uses; /* of allow entries, by host */
};

struct remarks *remarks_new(const struct policy *policy, FILE *out)
{
    struct remarks *remarks = xcalloc(1, sizeof(*remarks));

    remarks->policy = policy;
    remarks->out = out;
    remarks->first_uses = table_new();
    return remarks;
}

void remarks_free(struct remarks *remarks)
{
    size_t position = 0;
    struct first_use *first;

    while ((first = table_next(remarks->first_uses, &position)))
        free(first);
    table_free(remarks->first_uses);
    free(remarks);
}

__attribute__((format(printf, 2, 3))) static void note(const struct remarks *remarks,
                                                       const char *format, ...)
{
    va_list arguments;

    fputs("       note: ", remarks->out);
    va_start(arguments, format);
    vfprintf(remarks->out, format, arguments);
    va_end(arguments);
    fputc('\n', remarks->out);
}

/* --- one entry -------------------------------------------------------------------------------- */

/* Names cannot hold '*', so this one is below the wildcard's and matches no other entry. */
static struct verdict judge_below(const struct policy *policy, const struct entry *entry)
{
    char name[ENTRY_TEXT_SIZE];

    snprintf(name, sizeof(name), "*.%s", entry->name);
    return policy_judge_name(policy, name);
}

/* What deny entries that hold the whole prefix take; ret_entry is the last of them. */
static uint64_t denied_of_prefix(const struct policy *policy, const struct entry *entry,
                                 const struct entry **ret_entry)
{
    size_t count;
    const struct entry *denied = policy_entries(policy, POLICY_DENY, &count);
    uint64_t services = 0;

    for (size_t i = 0; i < count; i++) {
        if (denied[i].kind != ENTRY_PREFIX || denied[i].prefix.length > entry->prefix.length ||
            !prefix_contains(&denied[i].prefix, &entry->prefix.address))
            continue;
        services |= policy_entry_services(policy, POLICY_DENY, &denied[i]);
        *ret_entry = &denied[i];
    }
    return services;
}

/* What of the entry deny entries leave; ret_taker is the one that takes all, if there is one. */
static uint64_t left_of(const struct policy *policy, const struct entry *entry,
                        const struct entry **ret_taker)
{
    uint64_t given = policy_entry_services(policy, POLICY_ALLOW, entry);
    struct verdict verdict;

    *ret_taker = NULL;
    if (entry->kind == ENTRY_PREFIX)
        return given & ~denied_of_prefix(policy, entry, ret_taker);
    verdict = entry->kind == ENTRY_NAME ? policy_judge_name(policy, entry->name)
                                        : judge_below(policy, entry);
    if (!verdict.allowed)
        *ret_taker = verdict.entry;
    return given & verdict.services;
}

static void note_denied(struct remarks *remarks, const struct entry *entry)
{
    const struct entry *taker;
    uint64_t left = left_of(remarks->policy, entry, &taker);
    char source[SOURCE_TEXT_SIZE];

    if (left == policy_entry_services(remarks->policy, POLICY_ALLOW, entry))
        return;
    if (left)
        note(remarks, "deny entries take some of these ports away");
    else if (taker)
        note(remarks, "has no effect: denied by '%s' (%s)", taker->text,
             entry_format_source(taker, source));
    else
        note(remarks, "has no effect: deny entries take all of it away");
}

/* The entry that has this host first: itself, if it is this one. */
static const struct entry *first_use_of(struct remarks *remarks, const struct entry *entry)
{
    char host[ENTRY_TEXT_SIZE];
    struct first_use *first;

    entry_format_host(entry, host);
    first = table_get(remarks->first_uses, host, strlen(host));
    if (!first) {
        first = xcalloc(1, sizeof(*first));
        memcpy(first->host, host, sizeof(host));
        first->entry = entry;
        table_put(remarks->first_uses, first->host, strlen(first->host), first);
    }
    return first->entry;
}

static void note_repetition(struct remarks *remarks, const struct entry *entry)
{
    const struct entry *first = first_use_of(remarks, entry);
    char source[SOURCE_TEXT_SIZE];

    if (first == entry)
        return;

    uint64_t mine = policy_entry_services(remarks->policy, POLICY_ALLOW, entry);
    uint64_t theirs = policy_entry_services(remarks->policy, POLICY_ALLOW, first);

    entry_format_source(first, source);
    note(remarks, "%s '%s' (%s)", (mine & ~theirs) == 0 ? "repeats" : "adds to", first->text,
         source);
    if (entry->names_max && name_budget_of(first) != entry->names_max)
        note(remarks, "its number of names has no effect: '%s' (%s) came first", first->text,
             source);
}

/* Said where it was written; the default is in the documentation. */
static void note_names(struct remarks *remarks, const struct entry *entry)
{
    uint32_t names = name_budget_of(entry), at_once = name_budget_at_once(entry);

    if (entry->names_max && at_once < names)
        note(remarks, "may lead to %u names, %u of them at once", names, at_once);
    else if (entry->names_max)
        note(remarks, "may lead to %u names", names);
}

static void note_gate_port(struct remarks *remarks, const struct entry *entry)
{
    for (size_t i = 0; i < entry->port_count; i++)
        if (entry->ports[i].from == 53 && entry->ports[i].to == 53) {
            note(remarks, "what goes to port 53 is answered by egressd itself, "
                          "whoever it is for");
            return;
        }
}

static bool has_port(const struct entry *entry, uint16_t port)
{
    struct port_range ranges[ENTRY_PORTS_MAX];
    size_t count = policy_entry_ports(POLICY_ALLOW, entry, ranges);

    for (size_t i = 0; i < count; i++)
        if (ranges[i].from <= port && port <= ranges[i].to)
            return true;
    return false;
}

/* NULL where the ports leave no way to ask it. */
static const char *note_open_resolver(const struct entry *entry)
{
    return has_port(entry, 443) || has_port(entry, 853) ? note_resolver(entry) : NULL;
}

/* What may be known of a host, each a sentence. */
static const char *(*const kinds[])(const struct entry *entry) = {note_shared_host, note_courier,
                                                                  note_open_resolver};

static void note_host(struct remarks *remarks, const struct entry *entry)
{
    bool is_shared = false;

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const char *text = kinds[i](entry);

        is_shared |= text && kinds[i] == note_shared_host;
        if (text)
            note(remarks, "%s", text);
    }
    if (entry->kind == ENTRY_WILDCARD && !is_shared &&
        !policy_judge_name(remarks->policy, entry->name).allowed)
        note(remarks, "does not cover '%s' itself: add it if it is needed too", entry->name);
    if (entry->kind == ENTRY_PREFIX && entry->prefix.length == 0)
        note(remarks, "is every IPv%d address there is", entry->prefix.address.family);
}

void remarks_on_entry(struct remarks *remarks, const struct entry *entry)
{
    note_host(remarks, entry);
    note_names(remarks, entry);
    note_gate_port(remarks, entry);
    note_repetition(remarks, entry);
    note_denied(remarks, entry);
}

/* --- groups ----------------------------------------------------------------------------------- */

/* Those of a group of which the same is to be said. */
struct hosts {
    const struct entry *named[HOSTS_NAMED_MAX];
    const struct entry *last;
    size_t count;
};

/* A host's entries stand together, one for each port. */
static void add_host(struct hosts *hosts, const struct entry *entry)
{
    bool is_new = !hosts->last || entry->kind == ENTRY_PREFIX || entry->kind != hosts->last->kind ||
                  strcmp(entry->name, hosts->last->name) != 0;

    hosts->last = entry;
    if (is_new && hosts->count < HOSTS_NAMED_MAX)
        hosts->named[hosts->count] = entry;
    hosts->count += is_new;
}

/* "a.example, b.example and 3 more of @group: WHAT" */
static void note_of_hosts(const struct remarks *remarks, const struct hosts *hosts,
                          const char *what)
{
    char host[ENTRY_TEXT_SIZE];

    if (hosts->count == 0)
        return;
    fputs("       note: ", remarks->out);
    for (size_t i = 0; i < hosts->count && i < HOSTS_NAMED_MAX; i++)
        fprintf(remarks->out, "%s%s", i ? ", " : "", entry_format_host(hosts->named[i], host));
    if (hosts->count > HOSTS_NAMED_MAX)
        fprintf(remarks->out, " and %zu more", hosts->count - HOSTS_NAMED_MAX);
    fprintf(remarks->out, " of @%s: %s\n", hosts->last->group, what);
}

/* The texts that a kind has are few and static, so that one text is one pointer. */
static void note_kind(const struct remarks *remarks, const struct entry *entries, size_t count,
                      const char *(*kind)(const struct entry *entry))
{
    for (size_t i = 0; i < count; i++) {
        const char *text = kind(&entries[i]);
        struct hosts hosts = {.count = 0};
        size_t first = 0;

        while (text && kind(&entries[first]) != text)
            first++;
        if (!text || first < i)
            continue;
        for (size_t k = i; k < count; k++)
            if (kind(&entries[k]) == text)
                add_host(&hosts, &entries[k]);
        note_of_hosts(remarks, &hosts, text);
    }
}

static void note_denied_of_group(const struct remarks *remarks, const struct entry *entries,
                                 size_t count)
{
    struct hosts hosts = {.count = 0};
    const struct entry *taker;

    for (size_t i = 0; i < count; i++)
        if (left_of(remarks->policy, &entries[i], &taker) !=
            policy_entry_services(remarks->policy, POLICY_ALLOW, &entries[i]))
            add_host(&hosts, &entries[i]);
    note_of_hosts(remarks, &hosts, "deny entries take these away, or some of their ports");
}

void remarks_on_group(struct remarks *remarks, const struct entry *entries, size_t count)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        note_kind(remarks, entries, count, kinds[i]);
    note_denied_of_group(remarks, entries, count);
    for (size_t i = 0; i < count; i++)
        first_use_of(remarks, &entries[i]);
}
