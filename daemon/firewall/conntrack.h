/* SPDX-License-Identifier: MIT */
/* The flows that the kernel tracks in this network namespace. */
#ifndef EGRESSD_FIREWALL_CONNTRACK_H
#define EGRESSD_FIREWALL_CONNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "firewall/netlink.h"

struct nlattr;

/* One flow as it began: before any rewriting of addresses. */
struct flow {
    struct address source, destination;
    uint8_t protocol;
    uint16_t source_port, port; /* port: of the destination. 0 where the protocol has none */
    uint32_t mark;
    bool is_live; /* has seen answers, and was not closed */

    /* Whoever answers it: the destination, or where that was rewritten to. */
    struct address answerer;
    uint16_t answerer_port;

    /* Borrowed from the message: what tells the kernel which flow is meant. id and zone may be
     * NULL. */
    const struct nlattr *tuple, *id, *zone;
};

/* Reads one message of a dump. Bytes are checked, not trusted. 0 or -EBADMSG. */
struct nlmsghdr;
int flow_read(const struct nlmsghdr *message, struct flow *ret_flow);

/* Calls on_flow for every flow of both families. on_restart as in netlink.h. */
struct flow_listener {
    int (*on_flow)(void *context, const struct flow *flow);
    void (*on_restart)(void *context);
    void *context;
};
int conntrack_each(struct netlink *netlink, const struct flow_listener *listener);

/* How many flows there are, or -errno. */
int conntrack_count(struct netlink *netlink);

/* Forgets all of them: what goes on is judged anew. */
int conntrack_forget_all(struct netlink *netlink);

#endif
