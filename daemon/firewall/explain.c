/* SPDX-License-Identifier: MIT */
#include "firewall/explain.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "firewall/attributes.h"

#define WHAT_SIZE 192

static const char remedy_capability[] =
    "CAP_NET_ADMIN is missing in this network namespace: add \"capAdd\": [\"NET_ADMIN\"] to "
    "devcontainer.json (docker run: --cap-add=NET_ADMIN) and rebuild";

/* What the modules are called whose absence shows in a message of this kind. */
static const struct {
    const char *expression, *modules;
} needs[] = {
    {"ct", "nft_ct and nf_conntrack (CONFIG_NFT_CT, CONFIG_NF_CONNTRACK_MARK)"},
    {"redir", "nft_redir (CONFIG_NFT_REDIR)"},
    {"reject", "nft_reject_inet (CONFIG_NFT_REJECT_INET)"},
    {"log", "nft_log and nfnetlink_log (CONFIG_NFT_LOG)"},
    {"limit", "nft_limit (CONFIG_NFT_LIMIT)"},
    {"fib", "nft_fib_inet (CONFIG_NFT_FIB_INET)"},
};

static const char *modules_for(const char *expression)
{
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
        if (strcmp(needs[i].expression, expression) == 0)
            return needs[i].modules;
    return "nf_tables (CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET)";
}

const char *explain_expression(const struct transaction *transaction,
                               char name[static EXPLAIN_NAME_SIZE])
{
    struct netlink_refusal refusal;
    const struct nlmsghdr *message = transaction_refused_message(transaction, &refusal);
    struct attributes attributes;

    if (!message || (message->nlmsg_type & 0xff) != NFT_MSG_NEWRULE || !refusal.offset ||
        refusal.offset % NLMSG_ALIGNTO != 0 ||
        refusal.offset + sizeof(struct nlattr) > message->nlmsg_len)
        return NULL;

    /* The kernel points at one item of the rule's list of expressions. */
    const struct nlattr *item =
        (const struct nlattr *)(const void *)((const uint8_t *)message + refusal.offset);

    if (!mnl_attr_ok(item, (int)(message->nlmsg_len - refusal.offset)) ||
        mnl_attr_get_type(item) != NFTA_LIST_ELEM ||
        attributes_read_nested(item, &attributes) < 0 ||
        !attributes_text(&attributes, NFTA_EXPR_NAME))
        return NULL;
    snprintf(name, EXPLAIN_NAME_SIZE, "%s", attributes_text(&attributes, NFTA_EXPR_NAME));
    return name;
}

static const char *text_of(const struct attributes *attributes, unsigned type)
{
    const char *text = attributes_text(attributes, type);

    return text ? text : "?";
}

/* A comment is user data of one item: type, length, text with NUL. */
static const char *rule_comment(const struct attributes *attributes)
{
    const char *text = attributes_text(attributes, NFTA_RULE_USERDATA);

    return text && mnl_attr_get_payload_len(attributes->of[NFTA_RULE_USERDATA]) > 2 ? text + 2
                                                                                    : "?";
}

static void describe_message(const struct nlmsghdr *message, char what[static WHAT_SIZE])
{
    struct attributes top;

    attributes_read(message, sizeof(struct nfgenmsg), &top);
    switch (message->nlmsg_type & 0xff) {
    case NFT_MSG_NEWTABLE:
    case NFT_MSG_DELTABLE:
        snprintf(what, WHAT_SIZE, "the table %s egressd",
                 message_family(message) == NFPROTO_NETDEV ? "netdev" : "inet");
        break;
    case NFT_MSG_NEWCHAIN:
        snprintf(what, WHAT_SIZE, "the chain %s%s", text_of(&top, NFTA_CHAIN_NAME),
                 top.of[NFTA_CHAIN_HOOK] ? " on its hook" : "");
        break;
    case NFT_MSG_NEWSET:
        snprintf(what, WHAT_SIZE, "the set %s", text_of(&top, NFTA_SET_NAME));
        break;
    case NFT_MSG_NEWSETELEM:
    case NFT_MSG_DELSETELEM:
        snprintf(what, WHAT_SIZE, "an element of the set %s",
                 text_of(&top, NFTA_SET_ELEM_LIST_SET));
        break;
    case NFT_MSG_NEWRULE:
        snprintf(what, WHAT_SIZE, "the rule \"%s\" of chain %s", rule_comment(&top),
                 text_of(&top, NFTA_RULE_CHAIN));
        break;
    default:
        snprintf(what, WHAT_SIZE, "message %u", message->nlmsg_type & 0xffu);
    }
}

bool explain_is_missing(int error)
{
    return error == -ENOENT || error == -EOPNOTSUPP || error == -EPROTONOSUPPORT ||
           error == -EAFNOSUPPORT || error == -EINVAL;
}

void explain_refusal(const struct transaction *transaction, int error, struct text_error *reterr)
{
    struct netlink_refusal refusal;
    const struct nlmsghdr *message = transaction_refused_message(transaction, &refusal);
    char name[EXPLAIN_NAME_SIZE], what[WHAT_SIZE] = "the ruleset as a whole";
    const char *expression = explain_expression(transaction, name);
    const char *said = refusal.text[0] ? refusal.text : strerror(-error);

    if (message)
        describe_message(message, what);
    if (error == -EPERM && message)
        text_error_set(reterr, 0, 0,
                       "another process owns %s (%s): end it; `nft list ruleset` shows its name",
                       what, said);
    else if (error == -EPERM || error == -EACCES)
        text_error_set(reterr, 0, 0, "%s", remedy_capability);
    else if (expression)
        text_error_set(reterr, 0, 0,
                       "this kernel refused nft \"%s\" in %s (%s): it needs %s; load the module on "
                       "the machine that runs the container, or use a kernel that has it",
                       expression, what, said, modules_for(expression));
    else if (error == -EMSGSIZE || error == -ENOBUFS || error == -ENOMEM)
        text_error_set(reterr, 0, 0,
                       "the kernel has no room for %s (%s): fewer address entries, or more memory "
                       "(net.core.wmem_max if this is a rootless container)",
                       what, said);
    else if (message && explain_is_missing(error))
        text_error_set(
            reterr, 0, 0,
            "this kernel refused %s (%s): it needs nf_tables with inet tables, nat on "
            "output and sets with timeouts (CONFIG_NF_TABLES_INET, CONFIG_NFT_NAT); load "
            "the modules on the machine that runs the container, or use a kernel that has "
            "them",
            what, said);
    else
        text_error_set(reterr, 0, 0, "the kernel refused %s: %s", what, said);
}

void explain_no_netlink(int error, struct text_error *reterr)
{
    if (error == -EPERM || error == -EACCES)
        text_error_set(reterr, 0, 0, "%s", remedy_capability);
    else
        text_error_set(reterr, 0, 0,
                       "this kernel has no nf_tables (%s): egressd needs it (CONFIG_NF_TABLES, "
                       "CONFIG_NETFILTER_NETLINK); sandboxes such as gVisor lack it, use an "
                       "ordinary container runtime",
                       strerror(-error));
}
