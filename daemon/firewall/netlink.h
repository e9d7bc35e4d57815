/* SPDX-License-Identifier: MIT */
/* One netlink socket, usually nfnetlink: requests, their acknowledgements, dumps. Nothing here
 * waits for longer than NETLINK_PATIENCE_MS: the kernel answers from within the send, so a reply
 * that is not there will not come. */
#ifndef EGRESSD_FIREWALL_NETLINK_H
#define EGRESSD_FIREWALL_NETLINK_H

#include <stddef.h>
#include <stdint.h>

#define NETLINK_PATIENCE_MS 50
#define NETLINK_TEXT_SIZE 128

struct netlink;
struct nlmsghdr;

/* What the kernel did not like about a request. */
struct netlink_refusal {
    uint32_t sequence; /* of the request; 0: the exchange as a whole failed */
    uint32_t offset;   /* of the offending attribute from the request's header; 0: not said */
    char text[NETLINK_TEXT_SIZE]; /* the kernel's own words, or empty */
};

/* A bound socket of NETLINK_NETFILTER or another NETLINK_*, or -errno. */
int netlink_socket(int protocol);
/* Takes the socket, also on failure. Whoever used it before is dead: what it left to be read is
 * thrown away. */
int netlink_open(int take_socket, struct netlink **ret_netlink);
void netlink_close(struct netlink *netlink); /* NULL-safe */

/* By which the kernel tells our messages from others'. */
uint32_t netlink_port(const struct netlink *netlink);

/* Sets a socket's buffer (SO_RCVBUFFORCE, SO_RCVBUF or the like), beyond the system's limit where
 * the kernel allows it: that needs CAP_NET_ADMIN of the first user namespace. */
void netlink_set_buffer(int fd, int forced, int plain, int size);

/* Sequence numbers are never 0 and never repeat within one daemon's life. */
uint32_t netlink_next_sequence(struct netlink *netlink);

/* Sends messages whose sequence numbers are first..last, the last of which asks for an
 * acknowledgement, and reads until that comes. 0, or the -errno of the first message that the
 * kernel refused, told in ret_refusal (may be NULL); -ETIMEDOUT: whether the kernel did it is not
 * known. */
int netlink_exchange(struct netlink *netlink, const void *messages, size_t size, uint32_t first,
                     uint32_t last, struct netlink_refusal *ret_refusal);

/* Starts a request of one message in buffer (of MNL_SOCKET_BUFFER_SIZE bytes or more). subsystem is
 * NFNL_SUBSYS_*. */
struct nlmsghdr *netlink_start(struct netlink *netlink, void *buffer, uint8_t subsystem,
                               uint8_t type, uint8_t family, uint16_t flags);

/* Sends the one message and waits for its acknowledgement. */
int netlink_request(struct netlink *netlink, struct nlmsghdr *message);

/* Sends the one message and calls on_message for each message of the answer; a negative result ends
 * it and is returned, after the rest was read. When the kernel says that what it lists changed on
 * the way, the listing is repeated: on_restart (may be NULL) tells the caller to forget what it
 * heard. */
struct netlink_listener {
    int (*on_message)(void *context, const struct nlmsghdr *message);
    void (*on_restart)(void *context);
    void *context;
};
int netlink_dump(struct netlink *netlink, struct nlmsghdr *message,
                 const struct netlink_listener *listener);

#endif
