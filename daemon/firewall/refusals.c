/* SPDX-License-Identifier: MIT */
#include "firewall/refusals.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>

#include "base/memory.h"
#include "firewall/netlink.h"
#include "firewall/ruleset.h"
#include "firewall/sets.h"
#include "firewall/state.h"

#define READ_SIZE 4096 /* a message about REFUSAL_LOG_SNAPLEN bytes of a packet is far smaller */
#define READS_MAX 64
#define RECEIVE_BUFFER_SIZE (256 << 10)

struct refusals {
    struct netlink *netlink;
    int fd;
    uint32_t sequence; /* that the next one should have */
    uint64_t heard, lost;
    uint8_t datagram[READ_SIZE];
};

static struct nlmsghdr *start_configuration(struct netlink *netlink, void *buffer)
{
    struct nlmsghdr *message =
        netlink_start(netlink, buffer, NFNL_SUBSYS_ULOG, NFULNL_MSG_CONFIG, AF_UNSPEC, 0);

    ((struct nfgenmsg *)mnl_nlmsg_get_payload(message))->res_id = htons(REFUSAL_LOG_GROUP);
    return message;
}

/* Who has the group keeps it, and the kernel lets nobody else speak of it. */
static int take_group(struct netlink *netlink)
{
    const struct nfulnl_msg_config_cmd command = {.command = NFULNL_CFG_CMD_BIND};
    char buffer[256] = {0};
    struct nlmsghdr *message = start_configuration(netlink, buffer);
    int r;

    mnl_attr_put(message, NFULA_CFG_CMD, sizeof(command), &command);
    r = netlink_request(netlink, message);
    return r == -EPERM || r == -EEXIST ? -EBUSY : r;
}

/* The beginning of each packet, and numbers by which one sees that some are missing. */
static int configure(struct netlink *netlink)
{
    const struct nfulnl_msg_config_mode mode = {.copy_range = htonl(REFUSAL_LOG_SNAPLEN),
                                                .copy_mode = NFULNL_COPY_PACKET};
    char buffer[256] = {0};
    struct nlmsghdr *message = start_configuration(netlink, buffer);

    mnl_attr_put(message, NFULA_CFG_MODE, sizeof(mode), &mode);
    mnl_attr_put_u16(message, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));
    return netlink_request(netlink, message);
}

int refusals_open(struct refusals **ret_refusals)
{
    struct netlink *netlink;
    int fd = netlink_socket(NETLINK_NETFILTER);
    int r = fd < 0 ? fd : netlink_open(fd, &netlink);

    if (r < 0)
        return r;
    netlink_set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BUFFER_SIZE);
    r = take_group(netlink);
    if (r == 0)
        r = configure(netlink);
    if (r < 0) {
        netlink_close(netlink);
        return r;
    }

    struct refusals *refusals = xcalloc(1, sizeof(*refusals));

    refusals->netlink = netlink;
    refusals->fd = fd;
    *ret_refusals = refusals;
    return 0;
}

void refusals_close(struct refusals *refusals)
{
    if (!refusals)
        return;
    netlink_close(refusals->netlink);
    free(refusals);
}

int refusals_fd(const struct refusals *refusals)
{
    return refusals->fd;
}

uint64_t refusals_heard(const struct refusals *refusals)
{
    return refusals->heard;
}

uint64_t refusals_lost(const struct refusals *refusals)
{
    return refusals->lost;
}

/* The kernel counts from 0 since the group was taken. */
static void count_lost(struct refusals *refusals, const struct nlmsghdr *message)
{
    uint32_t sequence;

    if (refusal_read_sequence(message, &sequence) < 0)
        return;
    refusals->lost += (uint32_t)(sequence - refusals->sequence);
    refusals->sequence = sequence + 1;
}

/* Returns the size of a datagram of the kernel; 0: of somebody else, or it could not be had whole;
 * -EAGAIN: there is nothing more. */
static ssize_t receive(struct refusals *refusals)
{
    struct sockaddr_nl from = {0};
    socklen_t from_size = sizeof(from);
    ssize_t size = recvfrom(refusals->fd, refusals->datagram, READ_SIZE, MSG_DONTWAIT | MSG_TRUNC,
                            (struct sockaddr *)&from, &from_size);

    if (size < 0)
        return errno == EINTR || errno == ENOBUFS ? 0 : -EAGAIN; /* ENOBUFS: the numbers tell */
    return from.nl_pid == 0 && size <= READ_SIZE ? size : 0;
}

void refusals_read(struct refusals *refusals,
                   void (*on_refusal)(void *context, const struct refusal *refusal), void *context)
{
    ssize_t size;

    for (int reads = 0; reads < READS_MAX && (size = receive(refusals)) >= 0; reads++) {
        int left = (int)size;

        /* mnl_nlmsg_ok takes a length beyond INT_MAX for a negative one. */
        for (const struct nlmsghdr *message = (const struct nlmsghdr *)refusals->datagram;
             mnl_nlmsg_ok(message, left) && message->nlmsg_len <= (uint32_t)left;
             message = mnl_nlmsg_next(message, &left)) {
            struct refusal refusal;

            count_lost(refusals, message);
            if (refusal_read(message, &refusal) < 0)
                continue;
            refusals->heard++;
            on_refusal(context, &refusal);
        }
    }
}

/* --- counting --------------------------------------------------------------------------------- */

struct count {
    bool is_there;
    uint64_t packets;
};

static int on_expression(struct nftnl_expr *expr, void *context)
{
    struct count *count = context;

    if (strcmp(nftnl_expr_get_str(expr, NFTNL_EXPR_NAME), "counter") == 0) {
        count->is_there = true;
        count->packets += nftnl_expr_get_u64(expr, NFTNL_EXPR_CTR_PACKETS);
    }
    return MNL_CB_OK;
}

static int on_rule(void *context, const struct nlmsghdr *message)
{
    struct nftnl_rule *rule = nftnl_rule_alloc();
    int r = -EBADMSG;

    if (!rule)
        abort();
    if (nftnl_rule_nlmsg_parse(message, rule) >= 0)
        r = nftnl_expr_foreach(rule, on_expression, context) < 0 ? -EBADMSG : 0;
    nftnl_rule_free(rule);
    return r;
}

static void on_restart(void *context)
{
    *(struct count *)context = (struct count){0};
}

/* Both chains that tell; no other rule counts. */
int refusals_count(struct firewall *firewall, uint64_t *ret_packets)
{
    static const char *const chains[] = {"deny", "forbid"};
    uint64_t packets = 0;

    for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
        struct count count = {0};
        const struct netlink_listener listener = {on_rule, on_restart, &count};
        char buffer[256] = {0};
        struct nlmsghdr *message = netlink_start(firewall->netlink, buffer, NFNL_SUBSYS_NFTABLES,
                                                 NFT_MSG_GETRULE, NFPROTO_INET, NLM_F_DUMP);
        int r;

        mnl_attr_put_strz(message, NFTA_RULE_TABLE, FIREWALL_TABLE);
        mnl_attr_put_strz(message, NFTA_RULE_CHAIN, chains[i]);
        r = netlink_dump(firewall->netlink, message, &listener);
        if (r == 0 && !count.is_there)
            r = -ENOENT;
        if (r < 0)
            return r;
        packets += count.packets;
    }
    *ret_packets = packets;
    return 0;
}
