/* SPDX-License-Identifier: MIT */
#include "policy/describe.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/plain_text.h"
#include "policy/remarks.h"

#define HOST_WIDTH_MAX 40
#define PORTS_WIDTH_MAX 24

struct description {
    const struct policy *policy;
    FILE *out;
    int host_width, ports_width;
    struct remarks *remarks;
};

const char *source_format(const struct entry_source *source, char text[static SOURCE_TEXT_SIZE])
{
    if (!source->file)
        text[0] = '\0';
    else if (source->line)
        snprintf(text, SOURCE_TEXT_SIZE, "%s:%u:%u", source->file, source->line, source->column);
    else
        snprintf(text, SOURCE_TEXT_SIZE, "%s", source->file);
    plain_text_clean(text, ""); /* a path is anybody's choice */
    return text;
}

const char *entry_format_source(const struct entry *entry, char text[static SOURCE_TEXT_SIZE])
{
    char source[SOURCE_TEXT_SIZE];

    source_format(&entry->source, source);
    if (entry->group)
        snprintf(text, SOURCE_TEXT_SIZE, "%.*s%sof @%.*s", SOURCE_TEXT_SIZE - 64, source,
                 source[0] ? ", " : "", ENTRY_GROUP_NAME_SIZE, entry->group);
    else
        snprintf(text, SOURCE_TEXT_SIZE, "%s", source);
    return text;
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

static void print_entry(const struct description *d, enum policy_list list,
                        const struct entry *entry)
{
    char host[ENTRY_TEXT_SIZE], ports[PORTS_TEXT_SIZE], source[SOURCE_TEXT_SIZE];

    fprintf(d->out, "%-6s %-*s  %-*s  %-7s  %s\n", list == POLICY_ALLOW ? "allow" : "deny",
            d->host_width, entry_format_host(entry, host), d->ports_width,
            entry_format_ports(list, entry, ports),
            entry->allow_private && list == POLICY_ALLOW ? "private" : "-",
            entry_format_source(entry, source));
}

/* How many of the entries stand for the group that the first one is of. */
static size_t group_size(const struct entry *entries, size_t count)
{
    size_t size = 1;

    while (size < count && entries[size].group == entries->group &&
           entries[size].source.line == entries->source.line &&
           entries[size].source.column == entries->source.column)
        size++;
    return size;
}

static void print_list(const struct description *d, enum policy_list list)
{
    size_t count, size;
    const struct entry *entries = policy_entries(d->policy, list, &count);

    for (; count > 0; count -= size, entries += size) {
        size = entries->group ? group_size(entries, count) : 1;
        for (size_t i = 0; i < size; i++)
            print_entry(d, list, &entries[i]);
        if (list == POLICY_ALLOW && entries->group)
            remarks_on_group(d->remarks, entries, size);
        else if (list == POLICY_ALLOW)
            remarks_on_entry(d->remarks, entries);
    }
}

static void print_mode(const struct description *d)
{
    const struct entry_source *audit = policy_mode_source(d->policy, POLICY_AUDIT);
    const struct entry_source *enforce = policy_mode_source(d->policy, POLICY_ENFORCE);
    char audit_text[SOURCE_TEXT_SIZE], enforce_text[SOURCE_TEXT_SIZE];

    fprintf(d->out, "mode       %s\n", policy_mode_text(d->policy));
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
    struct description d = {.policy = policy, .out = out, .remarks = remarks_new(policy, out)};
    size_t allowed;

    print_settings(&d);
    measure(&d, POLICY_ALLOW);
    measure(&d, POLICY_DENY);
    policy_entries(policy, POLICY_ALLOW, &allowed);
    if (allowed == 0)
        fprintf(out, "Nothing is allowed: every name and every address %s refused.\n",
                policy_mode(policy) == POLICY_AUDIT ? "would be" : "is");
    print_list(&d, POLICY_ALLOW);
    print_list(&d, POLICY_DENY);
    remarks_free(d.remarks);
}
