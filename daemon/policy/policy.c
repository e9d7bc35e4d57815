/* SPDX-License-Identifier: MIT */
#include "policy/policy.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"
#include "policy/builder.h"
#include "policy/describe.h"
#include "policy/services.h"

/* What all entries of one list say of one name, or of all names below it. */
struct grant {
    uint64_t services, private_services;
    const struct entry *entry; /* the first such; NULL: the list does not have the name */
};

struct name_rule {
    const char *name;
    struct grant grants[POLICY_LISTS];
};

struct net_list {
    struct policy_net *nets;
    const struct entry **entries; /* of each net */
    size_t count;
};

struct policy {
    struct entry_list lists[POLICY_LISTS];
    struct mode_request modes[POLICY_MODES];
    struct shared_texts mode_files;
    enum policy_refusal_answer refusal_answer;
    struct policy_upstream upstreams[POLICY_UPSTREAMS_MAX];
    size_t upstream_count;

    struct services services;
    struct table *names, *wildcards; /* of struct name_rule */
    struct net_list nets[POLICY_LISTS];
    const char **exact_names;
    size_t exact_name_count;
};

/* --- compiling -------------------------------------------------------------------------------- */

static void copy_modes(struct policy *policy, const struct policy_builder *builder)
{
    memcpy(policy->modes, builder->modes, sizeof(policy->modes));
    for (size_t i = 0; i < POLICY_MODES; i++) {
        struct entry_source *source = &policy->modes[i].source;

        source->file = shared_texts_keep(&policy->mode_files, source->file);
    }
}

static void copy_entries(struct policy *policy, const struct policy_builder *builder)
{
    for (size_t list = 0; list < POLICY_LISTS; list++)
        for (size_t i = 0; i < builder->lists[list].count; i++)
            entry_list_append(&policy->lists[list], &builder->lists[list].entries[i]);
}

/* Which file it is, a text_error cannot say: so the message does. */
static int refuse_services(const struct entry *entry, struct text_error *reterr)
{
    char source[SOURCE_TEXT_SIZE];

    entry_format_source(entry, source);
    return text_error_set(reterr, 0, 0,
                          "%.200s%s'%.80s' makes more than %d different port ranges in the whole "
                          "policy: write fewer and wider ones",
                          source, source[0] ? ": " : "", entry->text, POLICY_SERVICES_MAX);
}

static int compile_services(struct policy *policy, struct text_error *reterr)
{
    struct port_range ranges[ENTRY_PORTS_MAX];

    for (size_t list = 0; list < POLICY_LISTS; list++)
        for (size_t i = 0; i < policy->lists[list].count; i++) {
            const struct entry *entry = &policy->lists[list].entries[i];
            size_t count = policy_entry_ports((enum policy_list)list, entry, ranges);

            for (size_t k = 0; k < count; k++) {
                int r = list == POLICY_ALLOW ? services_add(&policy->services, &ranges[k])
                                             : services_cut(&policy->services, &ranges[k]);
                if (r < 0)
                    return refuse_services(entry, reterr);
            }
        }
    return 0;
}

static void compile_name(struct policy *policy, enum policy_list list, const struct entry *entry)
{
    struct table *table = entry->kind == ENTRY_NAME ? policy->names : policy->wildcards;
    size_t length = strlen(entry->name);
    struct name_rule *rule = table_get(table, entry->name, length);
    uint64_t services = policy_entry_services(policy, list, entry);

    if (!rule) {
        rule = xcalloc(1, sizeof(*rule));
        rule->name = entry->name;
        table_put(table, rule->name, length, rule);
    }

    struct grant *grant = &rule->grants[list];

    grant->services |= services;
    if (entry->allow_private)
        grant->private_services |= services;
    if (!grant->entry)
        grant->entry = entry;
}

static void compile_net(struct policy *policy, enum policy_list list, const struct entry *entry)
{
    struct net_list *nets = &policy->nets[list];

    nets->nets = xreallocarray(nets->nets, nets->count + 1, sizeof(nets->nets[0]));
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): it holds pointers */
    nets->entries = xreallocarray(nets->entries, nets->count + 1, sizeof(nets->entries[0]));
    nets->entries[nets->count] = entry;
    nets->nets[nets->count++] =
        (struct policy_net){entry->prefix, policy_entry_services(policy, list, entry)};
}

static void compile_entries(struct policy *policy)
{
    for (size_t list = 0; list < POLICY_LISTS; list++)
        for (size_t i = 0; i < policy->lists[list].count; i++) {
            const struct entry *entry = &policy->lists[list].entries[i];

            if (entry->kind == ENTRY_PREFIX)
                compile_net(policy, (enum policy_list)list, entry);
            else
                compile_name(policy, (enum policy_list)list, entry);
        }
}

static void collect_exact_names(struct policy *policy)
{
    const struct entry_list *list = &policy->lists[POLICY_ALLOW];

    policy->exact_names = xcalloc(table_count(policy->names), sizeof(policy->exact_names[0]));
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *entry = &list->entries[i];
        const struct name_rule *rule;

        if (entry->kind != ENTRY_NAME)
            continue;
        rule = table_get(policy->names, entry->name, strlen(entry->name));
        if (rule->grants[POLICY_ALLOW].entry == entry &&
            policy_judge_name(policy, entry->name).allowed)
            policy->exact_names[policy->exact_name_count++] = entry->name;
    }
}

int policy_build(const struct policy_builder *builder, struct policy **ret_policy,
                 struct text_error *reterr)
{
    struct policy *policy = xcalloc(1, sizeof(*policy));

    policy->names = table_new();
    policy->wildcards = table_new();
    policy->refusal_answer = builder->refusal_answer;
    policy->upstream_count = builder->upstream_count;
    memcpy(policy->upstreams, builder->upstreams, sizeof(policy->upstreams));
    copy_modes(policy, builder);
    copy_entries(policy, builder);
    if (compile_services(policy, reterr) < 0) {
        policy_free(policy);
        return -EINVAL;
    }
    compile_entries(policy);
    collect_exact_names(policy);
    *ret_policy = policy;
    return 0;
}

static void free_rules(struct table *table)
{
    size_t position = 0;
    void *rule;

    while ((rule = table_next(table, &position)))
        free(rule);
    table_free(table);
}

void policy_free(struct policy *policy)
{
    if (!policy)
        return;
    free_rules(policy->names);
    free_rules(policy->wildcards);
    for (size_t i = 0; i < POLICY_LISTS; i++) {
        free(policy->nets[i].nets);
        free(policy->nets[i].entries);
        entry_list_done(&policy->lists[i]);
    }
    free(policy->exact_names);
    shared_texts_done(&policy->mode_files);
    free(policy);
}

/* --- deciding --------------------------------------------------------------------------------- */

/* Visits the rules on a name from the most specific on: the name itself, then the wildcards on what
 * is above it. Start with *above == NULL. */
static const struct name_rule *next_rule(const struct policy *policy, const char *name,
                                         const char **above)
{
    const struct name_rule *rule;

    if (!*above) {
        *above = name;
        rule = table_get(policy->names, name, strlen(name));
        if (rule)
            return rule;
    }
    while ((*above = strchr(*above, '.'))) {
        ++*above;
        rule = table_get(policy->wildcards, *above, strlen(*above));
        if (rule)
            return rule;
    }
    return NULL;
}

static void add_grant(struct grant *sum, const struct grant *grant)
{
    sum->services |= grant->services;
    sum->private_services |= grant->private_services;
    if (!sum->entry)
        sum->entry = grant->entry;
}

static struct verdict decide(const struct grant *allow, const struct grant *deny)
{
    uint64_t services = allow->services & ~deny->services;

    if (services)
        return (struct verdict){true, VERDICT_ALLOWED, services, allow->private_services & services,
                                allow->entry};
    if (deny->entry)
        return (struct verdict){.reason = VERDICT_DENIED, .entry = deny->entry};
    return (struct verdict){.reason = VERDICT_NOT_LISTED};
}

struct verdict policy_judge_name(const struct policy *policy, const char *name)
{
    struct grant allow = {0}, deny = {0};
    const struct name_rule *rule;
    const char *above = NULL;

    while ((rule = next_rule(policy, name, &above))) {
        add_grant(&allow, &rule->grants[POLICY_ALLOW]);
        add_grant(&deny, &rule->grants[POLICY_DENY]);
    }
    if (allow.services & ~deny.services) {
        /* What decided is the first that gives something that is left. */
        allow.entry = NULL;
        above = NULL;
        while (!allow.entry && (rule = next_rule(policy, name, &above)))
            if (rule->grants[POLICY_ALLOW].services & ~deny.services)
                allow.entry = rule->grants[POLICY_ALLOW].entry;
    }
    return decide(&allow, &deny);
}

uint64_t policy_denied_services(const struct policy *policy, const char *name)
{
    const struct name_rule *rule;
    const char *above = NULL;
    uint64_t services = 0;

    while ((rule = next_rule(policy, name, &above)))
        services |= rule->grants[POLICY_DENY].services;
    return services;
}

uint64_t policy_denied_via(const struct policy *policy, const char *via)
{
    uint64_t services = 0;
    char name[ENTRY_NAME_SIZE];

    while (via && *via) {
        size_t length = strcspn(via, " ");

        if (length >= sizeof(name))
            return UINT64_MAX; /* no name is so long */
        memcpy(name, via, length);
        name[length] = '\0';
        services |= policy_denied_services(policy, name);
        via += length + (via[length] == ' ');
    }
    return services;
}

void verdict_take(struct verdict *verdict, uint64_t services)
{
    verdict->services &= ~services;
    verdict->private_services &= ~services;
    if (verdict->allowed && verdict->services == 0) {
        verdict->allowed = false;
        verdict->reason = VERDICT_DENIED;
    }
}

struct verdict policy_judge_name_via(const struct policy *policy, const char *name, const char *via)
{
    struct verdict verdict = policy_judge_name(policy, name);

    verdict_take(&verdict, policy_denied_via(policy, via));
    return verdict;
}

static struct grant sum_of_nets(const struct net_list *list, const struct address *address)
{
    struct grant sum = {0};
    unsigned longest = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct policy_net *net = &list->nets[i];

        if (!prefix_contains(&net->prefix, address))
            continue;
        sum.services |= net->services;
        if (!sum.entry || net->prefix.length > longest) {
            sum.entry = list->entries[i];
            longest = net->prefix.length;
        }
    }
    sum.private_services = sum.services;
    return sum;
}

struct verdict policy_judge_address(const struct policy *policy, const struct address *address)
{
    struct grant allow = sum_of_nets(&policy->nets[POLICY_ALLOW], address);
    struct grant deny = sum_of_nets(&policy->nets[POLICY_DENY], address);

    return decide(&allow, &deny);
}

uint64_t policy_judge_learned(const struct policy *policy, const struct verdict *verdict,
                              const struct address *address, const char **ret_why)
{
    uint64_t services = verdict->services;
    const char *special = address_special_range(address), *why = NULL;

    /* What an entry that is this address opens, it opens anyway: a name that leads there by one of
     * those ports opens nothing new. */
    if (special)
        services =
            (services & verdict->private_services) |
            services_meeting(&policy->services,
                             sum_of_nets(&policy->nets[POLICY_ALLOW], address).services, services);
    if (!services)
        why = special;
    services &= ~sum_of_nets(&policy->nets[POLICY_DENY], address).services;
    if (!services && !why)
        why = verdict->services ? "denied by address" : "not allowed";
    if (ret_why)
        *ret_why = why;
    return services;
}

uint64_t policy_service_of(const struct policy *policy, uint8_t protocol, uint16_t port)
{
    return services_at(&policy->services, protocol, port);
}

/* --- reading ---------------------------------------------------------------------------------- */

enum policy_mode policy_mode(const struct policy *policy)
{
    return policy->modes[POLICY_AUDIT].is_made && !policy->modes[POLICY_ENFORCE].is_made
               ? POLICY_AUDIT
               : POLICY_ENFORCE;
}

const char *policy_mode_text(const struct policy *policy)
{
    return policy_mode(policy) == POLICY_AUDIT ? "audit" : "enforce";
}

const struct entry_source *policy_mode_source(const struct policy *policy, enum policy_mode mode)
{
    return policy->modes[mode].is_made ? &policy->modes[mode].source : NULL;
}

enum policy_refusal_answer policy_refusal_answer(const struct policy *policy)
{
    return policy->refusal_answer;
}

const struct port_range *policy_services(const struct policy *policy, size_t *ret_count)
{
    *ret_count = policy->services.count;
    return policy->services.ranges;
}

const struct entry *policy_entries(const struct policy *policy, enum policy_list list,
                                   size_t *ret_count)
{
    *ret_count = policy->lists[list].count;
    return policy->lists[list].entries;
}

static bool is_of_same_group(const struct entry *a, const struct entry *b)
{
    return a->group && b->group && strcmp(a->group, b->group) == 0 &&
           a->source.line == b->source.line && a->source.column == b->source.column &&
           a->source.file == b->source.file;
}

size_t policy_count_written(const struct policy *policy, enum policy_list list)
{
    size_t count, written = 0;
    const struct entry *entries = policy_entries(policy, list, &count);

    for (size_t i = 0; i < count; i++)
        written += i == 0 || !is_of_same_group(&entries[i - 1], &entries[i]);
    return written;
}

const char *const *policy_exact_names(const struct policy *policy, size_t *ret_count)
{
    *ret_count = policy->exact_name_count;
    return policy->exact_names;
}

size_t policy_entry_ports(enum policy_list list, const struct entry *entry,
                          struct port_range ret_ranges[static ENTRY_PORTS_MAX])
{
    uint8_t protocol = entry->protocol;
    size_t count = 0;

    if (entry->port_count > 0) {
        memcpy(ret_ranges, entry->ports, entry->port_count * sizeof(ret_ranges[0]));
        return entry->port_count;
    }
    if (list == POLICY_ALLOW) {
        if (protocol == 0)
            protocol = IPPROTO_TCP;
        ret_ranges[count++] = (struct port_range){protocol, 80, 80};
        ret_ranges[count++] = (struct port_range){protocol, 443, 443};
        return count;
    }
    if (protocol != IPPROTO_UDP)
        ret_ranges[count++] = (struct port_range){IPPROTO_TCP, 1, UINT16_MAX};
    if (protocol != IPPROTO_TCP)
        ret_ranges[count++] = (struct port_range){IPPROTO_UDP, 1, UINT16_MAX};
    return count;
}

uint64_t policy_entry_services(const struct policy *policy, enum policy_list list,
                               const struct entry *entry)
{
    struct port_range ranges[ENTRY_PORTS_MAX];
    size_t count = policy_entry_ports(list, entry, ranges);
    uint64_t services = 0;

    for (size_t i = 0; i < count; i++)
        services |= list == POLICY_ALLOW ? services_covering(&policy->services, &ranges[i])
                                         : services_within(&policy->services, &ranges[i]);
    return services;
}

const struct policy_net *policy_nets(const struct policy *policy, enum policy_list list,
                                     size_t *ret_count)
{
    *ret_count = policy->nets[list].count;
    return policy->nets[list].nets;
}

const struct policy_upstream *policy_upstreams(const struct policy *policy, size_t *ret_count)
{
    *ret_count = policy->upstream_count;
    return policy->upstreams;
}
