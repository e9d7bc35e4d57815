/* SPDX-License-Identifier: MIT */
/* The network interfaces by which a packet may leave this network namespace, as they come and go.
 *
 * That is every interface but bridges and what is plugged into a bridge here: those lead to
 * containers within this container, and frames that one of them sends another have never seen the
 * IP stack. A port that is no virtual interface is an uplink all the same: somebody bridges the way
 * out. So is loopback: what leaves by it comes in again, and could pass for the question of
 * somebody outside, whose answer then leaves. */
#ifndef EGRESSD_FIREWALL_LINKS_H
#define EGRESSD_FIREWALL_LINKS_H

#include <net/if.h>
#include <stddef.h>

struct links;
struct nlmsghdr;

struct link {
    int index;
    char name[IFNAMSIZ];
};

int links_open(struct links **ret_links);
void links_close(struct links *links); /* NULL-safe */

/* Readable when interfaces came, went or changed; then links_read is due. Borrowed. */
int links_fd(const struct links *links);

/* Asks the kernel for the interfaces there are. 1: other ones than before; 0: the same; or -errno,
 * and nothing has changed. */
int links_read(struct links *links);

/* In the order of their indexes. Borrowed until the next links_read. */
const struct link *links_uplinks(const struct links *links, size_t *ret_count);

/* One interface as the kernel lists it. 1: a way out; 0: none; -EBADMSG. */
int link_read(const struct nlmsghdr *message, struct link *ret_link);

#endif
