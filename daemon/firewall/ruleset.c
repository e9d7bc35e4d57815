/* SPDX-License-Identifier: MIT */
#include "firewall/ruleset.h"

#include <endian.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>

#include "base/memory.h"
#include "firewall/elements.h"
#include "firewall/intervals.h"
#include "firewall/rules.h"

const enum address_family ruleset_families[FAMILIES] = {ADDRESS_V4, ADDRESS_V6};
const char ruleset_anonymous[] = "__set%d";

/* NFT_TABLE_F_PERSIST, which older headers lack. */
#define TABLE_PERSIST 0x4u

/* --- table and chains ------------------------------------------------------------------------- */

struct nftnl_table *ruleset_build_table(const struct transaction *transaction,
                                        const struct features *features, uint8_t family)
{
    struct nftnl_table *built = nftnl_table_alloc();
    uint8_t data[COMMENT_SIZE_MAX];

    if (!built)
        abort();
    nftnl_table_set_str(built, NFTNL_TABLE_NAME, FIREWALL_TABLE);
    nftnl_table_set_u32(built, NFTNL_TABLE_FAMILY, family);
    /* Never owned alone: such a table would end with the daemon, and everything would be open. */
    if (!features->missing[FEATURE_OWNER]) {
        nftnl_table_set_u32(built, NFTNL_TABLE_FLAGS, NFT_TABLE_F_OWNER | TABLE_PERSIST);
        nftnl_table_set_u32(built, NFTNL_TABLE_OWNER, transaction_port(transaction));
    }
    nftnl_table_set_data(
        built, NFTNL_TABLE_USERDATA, data,
        comment_pack(NFTNL_UDATA_TABLE_COMMENT,
                     family == NFPROTO_NETDEV
                         ? "egressd: what leaves here came through the table inet egressd"
                         : "egressd: what this container may reach; see egressctl",
                     data));
    return built;
}

/* By its name alone: whatever the table is, that is no contradiction. */
static void put_name(struct transaction *transaction, uint8_t family, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *message = transaction_start_for(transaction, family, type, flags);

    mnl_attr_put_strz(message, NFTA_TABLE_NAME, FIREWALL_TABLE);
    transaction_put(transaction, message);
}

void ruleset_put_table(struct transaction *transaction, const struct features *features,
                       uint8_t family, uint16_t flags)
{
    struct nlmsghdr *message = transaction_start_for(transaction, family, NFT_MSG_NEWTABLE, flags);
    struct nftnl_table *built = ruleset_build_table(transaction, features, family);

    nftnl_table_nlmsg_build_payload(message, built);
    nftnl_table_free(built);
    transaction_put(transaction, message);
}

void ruleset_put_empty_table(struct transaction *transaction, const struct features *features,
                             uint8_t family)
{
    /* The first makes the second right where there is no table yet. */
    put_name(transaction, family, NFT_MSG_NEWTABLE, NLM_F_CREATE);
    put_name(transaction, family, NFT_MSG_DELTABLE, 0);
    ruleset_put_table(transaction, features, family, NLM_F_CREATE);
}

void ruleset_put_rules_removal(struct transaction *transaction, uint8_t family)
{
    struct nlmsghdr *message = transaction_start_for(transaction, family, NFT_MSG_DELRULE, 0);

    mnl_attr_put_strz(message, NFTA_RULE_TABLE, FIREWALL_TABLE);
    transaction_put(transaction, message);
}

struct chain {
    const char *name, *comment;
    const char *type; /* NULL: it has no hook, other chains lead here */
    uint32_t hook;
    int32_t priority;
    uint32_t policy;
};

/* Docker's redirect of 127.0.0.11:53 is at -100, in the same hook. */
static const struct chain chains[] = {
    {"dns", "every question for a name goes to the gate", "nat", NF_INET_LOCAL_OUT, -105,
     NF_ACCEPT},
    {"inner_dns", "and every question of a container within this one", "nat", NF_INET_PRE_ROUTING,
     -105, NF_ACCEPT},
    {"out", "what leaves this container: refused unless allowed", "filter", NF_INET_LOCAL_OUT, 0,
     NF_DROP},
    {"forward", "the same for containers within this container", "filter", NF_INET_FORWARD, 0,
     NF_DROP},
    {"in", "nothing is filtered here but what would open a way out", "filter", NF_INET_LOCAL_IN, 0,
     NF_ACCEPT},
    {"leaving", "what is for this container does not leave it", "filter", NF_INET_POST_ROUTING, 0,
     NF_ACCEPT},
    {"lo_out", "loopback is open, but for resolvers that forward names", NULL, 0, 0, 0},
    {"allowed", "returns what nothing allows", NULL, 0, 0, 0},
    {"deny", "what the policy does not allow", NULL, 0, 0, 0},
    {"forbid", "what no policy allows, and audit mode does not let through either", NULL, 0, 0, 0},
    {"refuse", "so that the client knows at once", NULL, 0, 0, 0},
};

static struct nftnl_chain *build_chain(const struct chain *chain)
{
    struct nftnl_chain *built = nftnl_chain_alloc();
    uint8_t data[COMMENT_SIZE_MAX];

    if (!built)
        abort();
    nftnl_chain_set_str(built, NFTNL_CHAIN_TABLE, FIREWALL_TABLE);
    nftnl_chain_set_str(built, NFTNL_CHAIN_NAME, chain->name);
    if (chain->type) {
        nftnl_chain_set_str(built, NFTNL_CHAIN_TYPE, chain->type);
        nftnl_chain_set_u32(built, NFTNL_CHAIN_HOOKNUM, chain->hook);
        nftnl_chain_set_s32(built, NFTNL_CHAIN_PRIO, chain->priority);
        nftnl_chain_set_u32(built, NFTNL_CHAIN_POLICY, chain->policy);
    }
    nftnl_chain_set_data(built, NFTNL_CHAIN_USERDATA, data,
                         comment_pack(NFTNL_UDATA_CHAIN_COMMENT, chain->comment, data));
    return built;
}

static void expect_table(struct ruleset *ruleset)
{
    struct nftnl_table *table =
        ruleset_build_table(ruleset->transaction, &ruleset->features, NFPROTO_INET);

    snapshot_add_table(ruleset->expected, table);
    nftnl_table_free(table);
    for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
        struct nftnl_chain *built = build_chain(&chains[i]);

        snapshot_add_chain(ruleset->expected, built);
        nftnl_chain_free(built);
    }
}

static void put_whole_table(struct ruleset *ruleset)
{
    ruleset_put_empty_table(ruleset->transaction, &ruleset->features, NFPROTO_INET);
    for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
        struct nlmsghdr *message =
            transaction_start(ruleset->transaction, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
        struct nftnl_chain *built = build_chain(&chains[i]);

        nftnl_chain_nlmsg_build_payload(message, built);
        nftnl_chain_free(built);
        transaction_put(ruleset->transaction, message);
    }
}

static void put_set_message(struct ruleset *ruleset, uint16_t type, uint16_t table_attribute,
                            uint16_t set_attribute, const char *name)
{
    struct nlmsghdr *message = transaction_start(ruleset->transaction, type, 0);

    mnl_attr_put_strz(message, table_attribute, FIREWALL_TABLE);
    mnl_attr_put_strz(message, set_attribute, name);
    transaction_put(ruleset->transaction, message);
}

static void put_set_removal(struct ruleset *ruleset, const char *name)
{
    put_set_message(ruleset, NFT_MSG_DELSET, NFTA_SET_TABLE, NFTA_SET_NAME, name);
}

static void put_set_emptying(struct ruleset *ruleset, const char *name)
{
    put_set_message(ruleset, NFT_MSG_DELSETELEM, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET,
                    name);
}

static void put_old_sets_removal(struct ruleset *ruleset)
{
    char name[SET_NAME_SIZE];

    for (size_t i = 0; snapshot_set_name(ruleset->existing, i, name); i++)
        if (!snapshot_has_set(ruleset->expected, name))
            put_set_removal(ruleset, name);
}

/* --- sets ------------------------------------------------------------------------------------- */

/* A set that is there stays and is filled anew. A new set of intervals is empty for a moment after
 * the rules that ask it have come into force (seen on 6.18), and allowed packets are lost. */
static void put_set(struct ruleset *ruleset, const struct set *set)
{
    struct nftnl_set *built = set_build(set);

    if (ruleset->existing && snapshot_has_same_set(ruleset->existing, built))
        put_set_emptying(ruleset, set->name);
    else {
        struct nlmsghdr *message;

        if (ruleset->existing && snapshot_has_set(ruleset->existing, set->name))
            put_set_removal(ruleset, set->name);
        message = transaction_start(ruleset->transaction, NFT_MSG_NEWSET, NLM_F_CREATE);
        nftnl_set_set_u32(built, NFTNL_SET_ID, ++ruleset->last_set_id);
        nftnl_set_nlmsg_build_payload(message, built);
        transaction_put(ruleset->transaction, message);
    }
    snapshot_add_set(ruleset->expected, built);
    nftnl_set_free(built);
}

uint32_t ruleset_put_bytes(struct ruleset *ruleset, uint32_t key_type, const uint8_t *values,
                           size_t count)
{
    struct nlmsghdr *message =
        transaction_start(ruleset->transaction, NFT_MSG_NEWSET, NLM_F_CREATE);
    struct nftnl_set *set = nftnl_set_alloc();
    uint32_t id = ++ruleset->last_set_id;

    if (!set)
        abort();
    nftnl_set_set_str(set, NFTNL_SET_TABLE, FIREWALL_TABLE);
    nftnl_set_set_str(set, NFTNL_SET_NAME, ruleset_anonymous);
    nftnl_set_set_u32(set, NFTNL_SET_FAMILY, NFPROTO_INET);
    nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT);
    nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, key_type);
    nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, 1);
    nftnl_set_set_u32(set, NFTNL_SET_ID, id);
    nftnl_set_nlmsg_build_payload(message, set);
    transaction_put(ruleset->transaction, message);

    for (size_t i = 0; i < count; i++) {
        struct nftnl_set_elem *element = nftnl_set_elem_alloc();

        if (!element)
            abort();
        nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, &values[i], 1);
        nftnl_set_elem_add(set, element);
    }
    message = transaction_start(ruleset->transaction, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
    nftnl_set_elems_nlmsg_build_payload(message, set);
    transaction_put(ruleset->transaction, message);
    nftnl_set_free(set);
    return id;
}

static void put_endpoints(struct ruleset *ruleset, enum address_family family)
{
    const struct firewall_plan *plan = ruleset->plan;
    struct set upstreams = set_of_upstreams(family), dockerd = set_of_dockerd(family);
    struct element_writer writer;

    put_set(ruleset, &upstreams);
    elements_begin(&writer, ruleset->transaction, &upstreams, NFT_MSG_NEWSETELEM);
    for (size_t i = 0; i < plan->upstream_count; i++)
        if (plan->upstreams[i].address.family == family)
            elements_put(&writer, &(struct element){.address = plan->upstreams[i].address,
                                                    .port = plan->upstreams[i].port});
    elements_end(&writer);

    put_set(ruleset, &dockerd);
    elements_begin(&writer, ruleset->transaction, &dockerd, NFT_MSG_NEWSETELEM);
    for (size_t i = 0; i < plan->dockerd_server_count; i++)
        if (plan->dockerd_servers[i].family == family)
            elements_put(&writer, &(struct element){.address = plan->dockerd_servers[i]});
    elements_end(&writer);
}

/* Whether the net's addresses go into the set of this service. Those denied at every port have one
 * of their own. */
static bool is_for(const struct policy *policy, const struct policy_net *net, enum policy_list list,
                   enum address_family family, size_t service)
{
    size_t count;
    uint64_t every;

    policy_services(policy, &count);
    every = count == POLICY_SERVICES_MAX ? UINT64_MAX : (UINT64_C(1) << count) - 1;
    if (net->prefix.address.family != family || net->services == 0)
        return false;
    if (list == POLICY_DENY && net->services == every)
        return service == SERVICE_ANY;
    return service != SERVICE_ANY && net->services >> service & 1;
}

bool ruleset_has_nets(const struct policy *policy, enum policy_list list,
                      enum address_family family, size_t service)
{
    size_t count;
    const struct policy_net *nets = policy_nets(policy, list, &count);

    for (size_t i = 0; i < count; i++)
        if (is_for(policy, &nets[i], list, family, service))
            return true;
    return false;
}

static void put_nets(struct ruleset *ruleset, enum policy_list list, enum address_family family,
                     size_t service)
{
    const struct policy *policy = ruleset->plan->policy;
    size_t net_count, service_count, count = 0;
    const struct policy_net *nets = policy_nets(policy, list, &net_count);
    const struct port_range *services = policy_services(policy, &service_count);
    const struct port_range *range = service < service_count ? &services[service] : NULL;
    struct set set =
        list == POLICY_DENY ? set_of_denied(family, range) : set_of_nets(family, range);
    struct interval *intervals = xcalloc(net_count, sizeof(intervals[0]));
    struct element_writer writer;

    for (size_t i = 0; i < net_count; i++)
        if (is_for(policy, &nets[i], list, family, service)) {
            prefix_bounds(&nets[i].prefix, &intervals[count].first, &intervals[count].last);
            count++;
        }
    count = intervals_merge(intervals, count);
    put_set(ruleset, &set);
    elements_begin(&writer, ruleset->transaction, &set, NFT_MSG_NEWSETELEM);
    for (size_t i = 0; i < count; i++)
        elements_put_interval(&writer, &intervals[i].first, &intervals[i].last);
    elements_end(&writer);
    free(intervals);
}

static void put_policy_sets(struct ruleset *ruleset, enum policy_list list,
                            enum address_family family)
{
    const struct policy *policy = ruleset->plan->policy;
    size_t count;
    const struct port_range *services = policy_services(policy, &count);

    for (size_t i = 0; i <= SERVICE_ANY; i++) {
        if (list == POLICY_ALLOW && i < count && ports_are_range(&services[i])) {
            struct set leased = set_of_range(family, &services[i]);

            put_set(ruleset, &leased);
        }
        if (ruleset_has_nets(policy, list, family, i))
            put_nets(ruleset, list, family, i);
    }
}

/* Those of denied addresses first: the kernel brings intervals into force set by set. */
static void put_sets(struct ruleset *ruleset)
{
    for (size_t i = 0; ruleset->plan->policy && i < FAMILIES; i++)
        put_policy_sets(ruleset, POLICY_DENY, ruleset_families[i]);
    for (size_t i = 0; i < FAMILIES; i++) {
        enum address_family family = ruleset_families[i];
        struct set leased = set_of_leases(family), in_use = set_in_use(family);

        put_set(ruleset, &leased);
        put_set(ruleset, &in_use);
        put_endpoints(ruleset, family);
        if (ruleset->plan->policy)
            put_policy_sets(ruleset, POLICY_ALLOW, family);
    }
}

enum ruleset_way ruleset_put(struct transaction *transaction, const struct firewall_plan *plan,
                             const struct features *features, const struct snapshot *existing,
                             struct snapshot *expected)
{
    struct ruleset ruleset = {
        .transaction = transaction, .plan = plan, .features = *features, .expected = expected};

    expect_table(&ruleset);
    if (existing && snapshot_has_chains_of(existing, expected)) {
        ruleset.existing = existing;
        ruleset_put_table(transaction, features, NFPROTO_INET, 0);
        ruleset_put_rules_removal(transaction, NFPROTO_INET);
    } else
        put_whole_table(&ruleset);
    put_sets(&ruleset);
    rules_put(&ruleset);
    if (!ruleset.existing)
        return RULESET_REPLACES_TABLE;
    put_old_sets_removal(&ruleset);
    return RULESET_KEEPS_CHAINS;
}
