/* SPDX-License-Identifier: MIT */
/* One refused packet as the kernel tells it (nfnetlink_log): where from, where to, whose. The
 * packet itself is of its sender's making: nothing of it is believed but what it says of itself. */
#ifndef EGRESSD_FIREWALL_REFUSAL_H
#define EGRESSD_FIREWALL_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"

struct nlmsghdr;

#define REFUSAL_NO_PORT (-1)
#define REFUSAL_NO_USER (-1)

struct refusal {
    struct address source, destination;
    int protocol;      /* of what the packet carries, IPPROTO_* */
    int source_port;   /* of protocols that have ports, and where the packet shows them */
    int port;          /* of the destination */
    int64_t uid;       /* of the socket; what is forwarded has none */
    bool is_forbidden; /* no policy would allow it; else the one of now does not */
    bool is_forwarded; /* a container inside this one sent it */
};

/* 0; -ENOMSG: not about a packet that our table refused; -EBADMSG: malformed, or neither IPv4 nor
 * IPv6. */
int refusal_read(const struct nlmsghdr *message, struct refusal *ret_refusal);

/* The number of a message about any packet, one more with each that the kernel tells or wants to
 * tell. -ENOMSG: it has none. */
int refusal_read_sequence(const struct nlmsghdr *message, uint32_t *ret_sequence);

#endif
