/* SPDX-License-Identifier: MIT */
#include "firewall/backstop.h"

/* Before the kernel's headers, which leave out what it defines. */
#include <netinet/in.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "firewall/expressions.h"
#include "firewall/rules.h"

/* How often interfaces may change under our hands before the kernel's refusal counts. */
#define TRIES_MAX 8

struct backstop {
    struct netlink *netlink;
    struct transaction *transaction;
    struct features *features;
    struct links *links;
    bool is_due;          /* uplinks have changed since it was put */
    struct snapshot *put; /* what a transaction that was not committed yet would make */
    struct expectation expectation;
    unsigned tries;
};

struct backstop *backstop_new(struct netlink *netlink, struct transaction *transaction,
                              struct features *features)
{
    struct backstop *backstop = xcalloc(1, sizeof(*backstop));

    backstop->netlink = netlink;
    backstop->transaction = transaction;
    backstop->features = features;
    if (links_open(&backstop->links) < 0)
        features->missing[FEATURE_BACKSTOP] = true;
    return backstop;
}

void backstop_free(struct backstop *backstop)
{
    if (!backstop)
        return;
    links_close(backstop->links);
    snapshot_free(backstop->put);
    snapshot_free(backstop->expectation.snapshot);
    free(backstop);
}

static bool is_possible(const struct backstop *backstop)
{
    return !backstop->features->missing[FEATURE_BACKSTOP];
}

static int read_links(struct backstop *backstop)
{
    int r = links_read(backstop->links);

    if (r == 1)
        backstop->is_due = true;
    return r;
}

/* --- what it is made of ----------------------------------------------------------------------- */

static struct nftnl_chain *build_chain(const struct link *link)
{
    struct nftnl_chain *built = nftnl_chain_alloc();
    uint8_t data[COMMENT_SIZE_MAX];

    if (!built)
        abort();
    nftnl_chain_set_str(built, NFTNL_CHAIN_TABLE, FIREWALL_TABLE);
    nftnl_chain_set_str(built, NFTNL_CHAIN_NAME, link->name);
    nftnl_chain_set_str(built, NFTNL_CHAIN_TYPE, "filter");
    nftnl_chain_set_u32(built, NFTNL_CHAIN_HOOKNUM, NF_NETDEV_EGRESS);
    nftnl_chain_set_str(built, NFTNL_CHAIN_DEV, link->name);
    nftnl_chain_set_s32(built, NFTNL_CHAIN_PRIO, 0);
    nftnl_chain_set_u32(built, NFTNL_CHAIN_POLICY, NF_DROP);
    nftnl_chain_set_data(built, NFTNL_CHAIN_USERDATA, data,
                         comment_pack(NFTNL_UDATA_CHAIN_COMMENT,
                                      "what goes past the IP stack does not leave here", data));
    return built;
}

static void put_rules(struct backstop *backstop, const struct link *link)
{
    struct nftnl_rule *rule;

    /* meta rtclassid >= 0 accept
     * That is: it has a route at all, of whatever realm. */
    rule = rule_start(NFPROTO_NETDEV, link->name, "it has a route: the IP stack let it out");
    match_routed(rule);
    act_accept(rule);
    rule_finish(backstop->transaction, backstop->put, rule);

    /* meta skuid >= 0 drop */
    rule = rule_start(NFPROTO_NETDEV, link->name,
                      "it has none, but a socket: somebody speaks past the IP stack");
    match_any_socket(rule);
    act_drop(rule);
    rule_finish(backstop->transaction, backstop->put, rule);

    /* meta protocol arp accept */
    rule = rule_start(NFPROTO_NETDEV, link->name, "the kernel itself asks who has an address");
    match_ethertype(rule, ETH_P_ARP);
    act_accept(rule);
    rule_finish(backstop->transaction, backstop->put, rule);
}

/* --- putting it ------------------------------------------------------------------------------- */

static void put_chain_removal(struct backstop *backstop, const char *name)
{
    struct nlmsghdr *message =
        transaction_start_for(backstop->transaction, NFPROTO_NETDEV, NFT_MSG_DELCHAIN, 0);

    mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, FIREWALL_TABLE);
    mnl_attr_put_strz(message, NFTA_CHAIN_NAME, name);
    transaction_put(backstop->transaction, message);
}

static void put_chain(struct backstop *backstop, const struct nftnl_chain *built)
{
    struct nlmsghdr *message = transaction_start_for(backstop->transaction, NFPROTO_NETDEV,
                                                     NFT_MSG_NEWCHAIN, NLM_F_CREATE);

    nftnl_chain_nlmsg_build_payload(message, built);
    transaction_put(backstop->transaction, message);
}

/* Chains of interfaces that are gone, and those that somebody else put there. */
static void put_old_chains_removal(struct backstop *backstop, const struct snapshot *existing)
{
    char *name;

    for (size_t i = 0; (name = snapshot_chain_name(existing, i)); i++) {
        if (!snapshot_has_chain_of(backstop->put, existing, i))
            put_chain_removal(backstop, name);
        free(name);
    }
}

static void expect_table(struct backstop *backstop)
{
    size_t count;
    const struct link *uplinks = links_uplinks(backstop->links, &count);
    struct nftnl_table *table =
        ruleset_build_table(backstop->transaction, backstop->features, NFPROTO_NETDEV);

    snapshot_add_table(backstop->put, table);
    nftnl_table_free(table);

    for (size_t i = 0; i < count; i++) {
        struct nftnl_chain *built = build_chain(&uplinks[i]);

        snapshot_add_chain(backstop->put, built);
        nftnl_chain_free(built);
    }
}

static void put_chains(struct backstop *backstop, const struct snapshot *existing)
{
    size_t count;
    const struct link *uplinks = links_uplinks(backstop->links, &count);

    for (size_t i = 0; i < count; i++) {
        struct nftnl_chain *built = build_chain(&uplinks[i]);

        if (!snapshot_has_chain(existing, built))
            put_chain(backstop, built);
        nftnl_chain_free(built);
    }
    for (size_t i = 0; i < count; i++)
        put_rules(backstop, &uplinks[i]);
}

void backstop_put(struct backstop *backstop)
{
    struct transaction *transaction = backstop->transaction;
    struct snapshot *existing;
    bool can_stay;

    if (!is_possible(backstop))
        return;
    read_links(backstop); /* if that fails, those of last time are right, most likely */
    snapshot_free(backstop->put);
    backstop->put = snapshot_new();
    expect_table(backstop);

    existing = snapshot_new();
    can_stay = snapshot_read(existing, backstop->netlink, NFPROTO_NETDEV) == 0 &&
               (backstop->expectation.snapshot ? snapshot_has_table_of(existing, backstop->put)
                                               : snapshot_has_chains_of(existing, backstop->put));
    if (can_stay) {
        ruleset_put_table(transaction, backstop->features, NFPROTO_NETDEV, 0);
        ruleset_put_rules_removal(transaction, NFPROTO_NETDEV);
        put_old_chains_removal(backstop, existing);
    } else {
        /* What cannot be read, sleeps or has no owner is replaced as a whole; also what an earlier
         * daemon left for other interfaces, for a table that is taken over gets no new chains in
         * the same transaction. */
        ruleset_put_empty_table(transaction, backstop->features, NFPROTO_NETDEV);
        snapshot_free(existing);
        existing = snapshot_new();
    }
    put_chains(backstop, existing);
    snapshot_free(existing);
}

bool backstop_may_retry(struct backstop *backstop)
{
    struct netlink_refusal refusal;
    const struct nlmsghdr *message = transaction_refused_message(backstop->transaction, &refusal);

    if (!is_possible(backstop) || !message || message_family(message) != NFPROTO_NETDEV ||
        backstop->tries >= TRIES_MAX)
        return false;
    backstop->tries++;
    /* A chain goes with its interface, so that it can be gone before we remove it. */
    return (message->nlmsg_type & 0xff) == NFT_MSG_DELCHAIN || read_links(backstop) == 1;
}

void backstop_take_over(struct backstop *backstop)
{
    backstop->tries = 0;
    backstop->is_due = false;
    if (!is_possible(backstop))
        return;
    snapshot_free(backstop->expectation.snapshot);
    backstop->expectation = (struct expectation){.snapshot = backstop->put};
    backstop->put = NULL;
}

/* --- looking after it ------------------------------------------------------------------------- */

int backstop_fd(const struct backstop *backstop)
{
    return is_possible(backstop) ? links_fd(backstop->links) : -1;
}

int backstop_look(struct backstop *backstop)
{
    int r = is_possible(backstop) ? read_links(backstop) : 0;

    return r < 0 ? r : is_possible(backstop) && backstop->is_due;
}

int backstop_verify(struct backstop *backstop, struct text_error *reterr)
{
    struct snapshot *actual;
    struct text_error difference;
    int r;

    if (!is_possible(backstop) || !backstop->expectation.snapshot)
        return 0;
    actual = snapshot_new();
    r = snapshot_read(actual, backstop->netlink, NFPROTO_NETDEV);
    if (r < 0)
        text_error_set(reterr, 0, 0, "cannot read the table netdev egressd back: %s", strerror(-r));
    else {
        r = expectation_meet(&backstop->expectation, &actual, &difference);
        if (r < 0)
            text_error_set(reterr, 0, 0, "table netdev egressd: %.400s", difference.message);
    }
    snapshot_free(actual);
    return r;
}
