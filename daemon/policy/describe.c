/* SPDX-License-Identifier: MIT */
#include "policy/describe.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"
#include "policy/name_budget.h"
#include "policy/notes.h"

#define HOST_WIDTH_MAX 40
#define PORTS_WIDTH_MAX 24

/* A host and where it was written first. */
struct first_use {
    char host[ENTRY_TEXT_SIZE];
    const struct entry *entry;
};

struct description {
    const struct policy *policy;
    FILE *out;
    int host_width, ports_width;
    struct table *first_uses; /* of allow entries, by host */
};

const char *source_format(const struct entry_source *source, char text[static SOURCE_TEXT_SIZE])
{
    if (!source->file)
        text[0] = '\0';
    else if (source->line)
        snprintf(text, SOURCE_TEXT_SIZE, "%s:%u:%u", source->file, source->line, source->column);
    else
        snprintf(text, SOURCE_TEXT_SIZE, "%s", source->file);
    return text;
}

const char *entry_format_source(const struct entry *entry, char text[static SOURCE_TEXT_SIZE])
{
    return source_format(&entry->source, text);
}

/* Appends to text, with commas between. */
static void format_ranges(const struct port_range *ranges, size_t count,
                          char text[static PORTS_TEXT_SIZE])
{
    char range[PORT_RANGE_TEXT_SIZE];
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < count && used < PORTS_TEXT_SIZE; i++)
        used += (size_t)snprintf(text + used, PORTS_TEXT_SIZE - used, "%s%s", i ? "," : "",
                                 port_range_format(&ranges[i], range));
}

const char *entry_format_ports(enum policy_list list, const struct entry *entry,
                               char text[static PORTS_TEXT_SIZE])
{
    struct port_range ranges[ENTRY_PORTS_MAX];
    size_t count = policy_entry_ports(list, entry, ranges);
    char numbers[PORTS_TEXT_SIZE];

    format_ranges(ranges, count, numbers);
    if (entry->port_count > 0)
        snprintf(text, PORTS_TEXT_SIZE, "%s", numbers);
    else if (list == POLICY_ALLOW)
        snprintf(text, PORTS_TEXT_SIZE, "%.*s (default)", PORTS_TEXT_SIZE - 16, numbers);
    else
        snprintf(text, PORTS_TEXT_SIZE, "%s",
                 entry->protocol == IPPROTO_UDP   ? "every UDP port"
                 : entry->protocol == IPPROTO_TCP ? "every TCP port"
                                                  : "every port");
    return text;
}

/* --- notes
 * ----------------------------------------------------------------------------------------- */

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

static void note_denied(const struct description *d, const struct entry *entry)
{
    uint64_t given = policy_entry_services(d->policy, POLICY_ALLOW, entry), left;
    const struct entry *taker = NULL;
    char source[SOURCE_TEXT_SIZE];

    if (entry->kind == ENTRY_PREFIX) {
        left = given & ~denied_of_prefix(d->policy, entry, &taker);
    } else {
        struct verdict verdict = entry->kind == ENTRY_NAME
                                     ? policy_judge_name(d->policy, entry->name)
                                     : judge_below(d->policy, entry);

        left = given & verdict.services;
        taker = verdict.allowed ? NULL : verdict.entry;
    }
    if (left == given)
        return;
    if (left)
        fprintf(d->out, "       note: deny entries take some of these ports away\n");
    else if (taker)
        fprintf(d->out, "       note: has no effect: denied by '%s' (%s)\n", taker->text,
                entry_format_source(taker, source));
    else
        fprintf(d->out, "       note: has no effect: deny entries take all of it away\n");
}

static void note_repetition(const struct description *d, const struct entry *entry)
{
    char host[ENTRY_TEXT_SIZE], source[SOURCE_TEXT_SIZE];
    struct first_use *first;

    entry_format_host(entry, host);
    first = table_get(d->first_uses, host, strlen(host));
    if (!first) {
        first = xcalloc(1, sizeof(*first));
        memcpy(first->host, host, sizeof(host));
        first->entry = entry;
        table_put(d->first_uses, first->host, strlen(first->host), first);
        return;
    }

    uint64_t mine = policy_entry_services(d->policy, POLICY_ALLOW, entry);
    uint64_t theirs = policy_entry_services(d->policy, POLICY_ALLOW, first->entry);

    entry_format_source(first->entry, source);
    if ((mine & ~theirs) == 0)
        fprintf(d->out, "       note: repeats '%s' (%s)\n", first->entry->text, source);
    else
        fprintf(d->out, "       note: adds to '%s' (%s)\n", first->entry->text, source);
    if (entry->names_max && name_budget_of(first->entry) != entry->names_max)
        fprintf(d->out, "       note: its number of names has no effect: '%s' (%s) came first\n",
                first->entry->text, source);
}

/* Said where it was written; the default is in the documentation. */
static void note_names(const struct description *d, const struct entry *entry)
{
    uint32_t names = name_budget_of(entry), at_once = name_budget_at_once(entry);

    if (entry->names_max && at_once < names)
        fprintf(d->out, "       note: may lead to %u names, %u of them at once\n", names, at_once);
    else if (entry->names_max)
        fprintf(d->out, "       note: may lead to %u names\n", names);
}

static void note_gate_port(const struct description *d, const struct entry *entry)
{
    for (size_t i = 0; i < entry->port_count; i++)
        if (entry->ports[i].from == 53 && entry->ports[i].to == 53) {
            fprintf(d->out, "       note: what goes to port 53 is answered by egressd itself, "
                            "whoever it is for\n");
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

static void note_host(const struct description *d, const struct entry *entry)
{
    const char *shared = note_shared_host(entry), *resolver = note_resolver(entry);

    if (shared)
        fprintf(d->out, "       note: %s\n", shared);
    else if (entry->kind == ENTRY_WILDCARD && !policy_judge_name(d->policy, entry->name).allowed)
        fprintf(d->out, "       note: does not cover '%s' itself: add it if it is needed too\n",
                entry->name);
    if (entry->kind == ENTRY_PREFIX && entry->prefix.length == 0)
        fprintf(d->out, "       note: is every IPv%d address there is\n",
                entry->prefix.address.family);
    if (resolver && (has_port(entry, 443) || has_port(entry, 853)))
        fprintf(d->out, "       note: %s\n", resolver);
}

static void print_notes(const struct description *d, const struct entry *entry)
{
    note_host(d, entry);
    note_names(d, entry);
    note_gate_port(d, entry);
    note_repetition(d, entry);
    note_denied(d, entry);
}

/* --- lines
 * ----------------------------------------------------------------------------------------- */

static int larger(int width, size_t length, int most)
{
    return (int)length > width && (int)length <= most ? (int)length : width;
}

static void measure(struct description *d, enum policy_list list)
{
    size_t count;
    const struct entry *entries = policy_entries(d->policy, list, &count);
    char host[ENTRY_TEXT_SIZE], ports[PORTS_TEXT_SIZE];

    for (size_t i = 0; i < count; i++) {
        entry_format_host(&entries[i], host);
        entry_format_ports(list, &entries[i], ports);
        d->host_width = larger(d->host_width, strlen(host), HOST_WIDTH_MAX);
        d->ports_width = larger(d->ports_width, strlen(ports), PORTS_WIDTH_MAX);
    }
}

static void print_list(const struct description *d, enum policy_list list)
{
    size_t count;
    const struct entry *entries = policy_entries(d->policy, list, &count);
    char host[ENTRY_TEXT_SIZE], ports[PORTS_TEXT_SIZE], source[SOURCE_TEXT_SIZE];

    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = &entries[i];

        fprintf(d->out, "%-6s %-*s  %-*s  %-7s  %s\n", list == POLICY_ALLOW ? "allow" : "deny",
                d->host_width, entry_format_host(entry, host), d->ports_width,
                entry_format_ports(list, entry, ports),
                entry->allow_private && list == POLICY_ALLOW ? "private" : "-",
                entry_format_source(entry, source));
        if (list == POLICY_ALLOW)
            print_notes(d, entry);
    }
}

static void print_mode(const struct description *d)
{
    const struct entry_source *audit = policy_mode_source(d->policy, POLICY_AUDIT);
    const struct entry_source *enforce = policy_mode_source(d->policy, POLICY_ENFORCE);
    char audit_text[SOURCE_TEXT_SIZE], enforce_text[SOURCE_TEXT_SIZE];

    fprintf(d->out, "mode       %s\n",
            policy_mode(d->policy) == POLICY_AUDIT ? "audit" : "enforce");
    if (policy_mode(d->policy) == POLICY_AUDIT)
        fprintf(d->out,
                "       note: %s: nothing is refused; what \"enforce\" would refuse is "
                "recorded, see 'egressctl suggest'\n",
                source_format(audit, audit_text));
    else if (audit)
        fprintf(d->out,
                "       note: the \"audit\" of %s does not count, because %s says "
                "\"enforce\", which wins\n",
                source_format(audit, audit_text), source_format(enforce, enforce_text));
}

static void print_settings(const struct description *d)
{
    size_t count;
    const struct policy_upstream *upstreams = policy_upstreams(d->policy, &count);
    char text[ADDRESS_TEXT_SIZE];

    print_mode(d);
    fprintf(d->out, "refusal    %s\n",
            policy_refusal_answer(d->policy) == POLICY_REFUSED ? "refused" : "nxdomain");
    fprintf(d->out, "upstreams  %s", count ? "" : "(the container's own)");
    for (size_t i = 0; i < count; i++) {
        address_format(&upstreams[i].address, text);
        fprintf(d->out, upstreams[i].address.family == ADDRESS_V6 ? "%s[%s]:%u" : "%s%s:%u",
                i ? ", " : "", text, upstreams[i].port);
    }
    fprintf(d->out, "\n\n");
}

void policy_describe(const struct policy *policy, FILE *out)
{
    struct description d = {.policy = policy, .out = out, .first_uses = table_new()};
    size_t allowed, position = 0;
    struct first_use *first;

    print_settings(&d);
    measure(&d, POLICY_ALLOW);
    measure(&d, POLICY_DENY);
    policy_entries(policy, POLICY_ALLOW, &allowed);
    if (allowed == 0)
        fprintf(out, "Nothing is allowed: every name and every address is refused.\n");
    print_list(&d, POLICY_ALLOW);
    print_list(&d, POLICY_DENY);

    while ((first = table_next(d.first_uses, &position)))
        free(first);
    table_free(d.first_uses);
}
