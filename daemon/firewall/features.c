/* SPDX-License-Identifier: MIT */
#include "firewall/features.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "firewall/explain.h"

/* The refusal of which message shows that what is missing. */
static const struct {
    enum feature feature;
    uint8_t family;
    uint8_t message;
    const char
        *expression; /* of a rule; NULL: whatever the kernel does not like about the message */
} signs[] = {
    {FEATURE_LOG, NFPROTO_INET, NFT_MSG_NEWRULE, "log"},
    /* Unlimited, it would be a way to keep the machine busy. */
    {FEATURE_LOG, NFPROTO_INET, NFT_MSG_NEWRULE, "limit"},
    {FEATURE_COUNT, NFPROTO_INET, NFT_MSG_NEWRULE, "counter"},
    {FEATURE_REJECT, NFPROTO_INET, NFT_MSG_NEWRULE, "reject"},
    {FEATURE_ROUTE, NFPROTO_INET, NFT_MSG_NEWRULE, "fib"},
    {FEATURE_OWNER, NFPROTO_INET, NFT_MSG_NEWTABLE, NULL},
    {FEATURE_BACKSTOP, NFPROTO_NETDEV, NFT_MSG_NEWTABLE, NULL},
    {FEATURE_BACKSTOP, NFPROTO_NETDEV, NFT_MSG_NEWCHAIN, NULL},
    {FEATURE_BACKSTOP, NFPROTO_NETDEV, NFT_MSG_NEWRULE, NULL},
};

static const char *const weaknesses[FEATURES] = {
    [FEATURE_LOG] =
        "this kernel cannot log (nft_log, nft_limit): refused connections are not shown",
    [FEATURE_COUNT] =
        "this kernel cannot count (nft_counter): of many refused connections at once, those that "
        "are not shown are not counted either",
    [FEATURE_REJECT] =
        "this kernel cannot reject (nft_reject_inet): what is refused hangs until it "
        "times out",
    [FEATURE_OWNER] =
        "this kernel cannot give egressd a table of its own (flags owner and persist, Linux 6.9): "
        "what root in the container changes is put back at once, but packets may leave before",
    [FEATURE_ROUTE] =
        "this kernel cannot tell what passes through (nft_fib_inet): containers inside this one "
        "get no answers about names",
    [FEATURE_BACKSTOP] =
        "this kernel cannot check packets as they leave an interface (Linux 5.16, "
        "CONFIG_NETFILTER_EGRESS, CONFIG_IP_ROUTE_CLASSID): a process that has CAP_NET_RAW gets "
        "around everything",
};

bool features_give_up(struct features *features, const struct transaction *transaction, int error)
{
    struct netlink_refusal refusal;
    const struct nlmsghdr *message = transaction_refused_message(transaction, &refusal);
    char name[EXPLAIN_NAME_SIZE];
    const char *expression = explain_expression(transaction, name);

    if (!message)
        return false;
    /* Whatever the reason, the table inet egressd must not wait for the other one. */
    if (!explain_is_missing(error) && message_family(message) != NFPROTO_NETDEV)
        return false;
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (signs[i].message != (message->nlmsg_type & 0xff) ||
            signs[i].family != message_family(message) || features->missing[signs[i].feature])
            continue;
        if (signs[i].expression && (!expression || strcmp(signs[i].expression, expression) != 0))
            continue;
        features->missing[signs[i].feature] = true;
        return true;
    }
    return false;
}

const char *features_weakness(const struct features *features, size_t index)
{
    for (size_t feature = 0; feature < FEATURES; feature++)
        if (features->missing[feature] && index-- == 0)
            return weaknesses[feature];
    return NULL;
}
