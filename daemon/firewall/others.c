/* SPDX-License-Identifier: MIT */
#include "firewall/others.h"

/* Before the kernel's headers, which leave out what it defines. */
#include <netinet/in.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "firewall/sets.h"
#include "firewall/state.h"

/* Who has more tables than this behind ours is not told of all of them. */
#define TABLES_MAX 32
#define OUR_PRIORITY 0      /* of the chains that judge */
#define IPV4_DESTINATION 16 /* where it begins in the header; that of IPv6 comes later */

/* A table with a chain behind ours. */
struct other {
    uint8_t family;
    char *table;
};

struct others {
    struct other tables[TABLES_MAX];
    size_t count;
    bool is_rewriting; /* the one that is being read */
};

/* --- tables ----------------------------------------------------------------------------------- */

static bool is_behind_ours(const struct nftnl_chain *chain)
{
    uint32_t family = nftnl_chain_get_u32(chain, NFTNL_CHAIN_FAMILY);
    uint32_t hook = nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM);
    const char *type = nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE);

    if (!nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM) || !type || strcmp(type, "nat") == 0 ||
        strcmp(nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE), FIREWALL_TABLE) == 0)
        return false;
    if (family == NFPROTO_NETDEV)
        return hook == NF_NETDEV_EGRESS;
    if (family != NFPROTO_IPV4 && family != NFPROTO_IPV6 && family != NFPROTO_INET)
        return false;
    return hook == NF_INET_POST_ROUTING ||
           ((hook == NF_INET_LOCAL_OUT || hook == NF_INET_FORWARD) &&
            nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO) >= OUR_PRIORITY);
}

static void add_table(struct others *others, uint8_t family, const char *table)
{
    for (size_t i = 0; i < others->count; i++)
        if (others->tables[i].family == family && strcmp(others->tables[i].table, table) == 0)
            return;
    if (others->count < TABLES_MAX)
        others->tables[others->count++] = (struct other){family, xstrdup(table)};
}

static int on_chain(void *context, const struct nlmsghdr *message)
{
    struct nftnl_chain *chain = nftnl_chain_alloc();

    if (!chain)
        abort();
    if (nftnl_chain_nlmsg_parse(message, chain) >= 0 && is_behind_ours(chain))
        add_table(context, (uint8_t)nftnl_chain_get_u32(chain, NFTNL_CHAIN_FAMILY),
                  nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE));
    nftnl_chain_free(chain);
    return 0;
}

static void forget_tables(void *context)
{
    struct others *others = context;

    while (others->count > 0)
        free(others->tables[--others->count].table);
}

static int find_tables(struct firewall *firewall, struct others *others)
{
    const struct netlink_listener listener = {on_chain, forget_tables, others};
    char buffer[256] = {0};

    return netlink_dump(firewall->netlink,
                        netlink_start(firewall->netlink, buffer, NFNL_SUBSYS_NFTABLES,
                                      NFT_MSG_GETCHAIN, NFPROTO_UNSPEC, NLM_F_DUMP),
                        &listener);
}

/* --- their rules ------------------------------------------------------------------------------ */

static int look_at_expression(struct nftnl_expr *expr, void *context)
{
    bool *is_rewriting = context;
    const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);

    if (strcmp(name, "payload") == 0 && nftnl_expr_is_set(expr, NFTNL_EXPR_PAYLOAD_SREG) &&
        nftnl_expr_get_u32(expr, NFTNL_EXPR_PAYLOAD_BASE) == NFT_PAYLOAD_NETWORK_HEADER &&
        nftnl_expr_get_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET) +
                nftnl_expr_get_u32(expr, NFTNL_EXPR_PAYLOAD_LEN) >
            IPV4_DESTINATION)
        *is_rewriting = true;
    return MNL_CB_OK;
}

static int on_rule(void *context, const struct nlmsghdr *message)
{
    struct others *others = context;
    struct nftnl_rule *rule = nftnl_rule_alloc();

    if (!rule)
        abort();
    if (nftnl_rule_nlmsg_parse(message, rule) >= 0)
        nftnl_expr_foreach(rule, look_at_expression, &others->is_rewriting);
    nftnl_rule_free(rule);
    return 0;
}

static int read_rules(struct firewall *firewall, struct others *others, const struct other *other)
{
    const struct netlink_listener listener = {on_rule, NULL, others};
    char buffer[256] = {0};
    struct nlmsghdr *message = netlink_start(firewall->netlink, buffer, NFNL_SUBSYS_NFTABLES,
                                             NFT_MSG_GETRULE, other->family, NLM_F_DUMP);

    others->is_rewriting = false;
    mnl_attr_put_strz(message, NFTA_RULE_TABLE, other->table);
    return netlink_dump(firewall->netlink, message, &listener);
}

static const char *family_name(uint8_t family)
{
    switch (family) {
    case NFPROTO_IPV4:
        return "ip";
    case NFPROTO_IPV6:
        return "ip6";
    case NFPROTO_NETDEV:
        return "netdev";
    default:
        return "inet";
    }
}

int others_find_rewriter(struct firewall *firewall, char ret_text[static OTHERS_TEXT_SIZE])
{
    struct others others = {.count = 0};
    int r = find_tables(firewall, &others);

    for (size_t i = 0; r == 0 && i < others.count; i++) {
        const struct other *other = &others.tables[i];

        r = read_rules(firewall, &others, other);
        if (r == -ENOENT) /* gone meanwhile */
            r = 0;
        if (r == 0 && others.is_rewriting) {
            snprintf(ret_text, OTHERS_TEXT_SIZE,
                     "the table %s %.64s writes other destinations into packets behind egressd's: "
                     "what was allowed may go anywhere (nft delete table %s %.64s)",
                     family_name(other->family), other->table, family_name(other->family),
                     other->table);
            r = 1;
        }
    }
    forget_tables(&others);
    return r;
}
