/* SPDX-License-Identifier: MIT */
/* Whose socket a question came from, as the kernel lists sockets (sock_diag). For people; decides
 * nothing. Costs up to a millisecond, and far more where somebody has made very many sockets of one
 * port: not to be asked for each question of a flood. */
#ifndef EGRESSD_FIREWALL_OWNER_H
#define EGRESSD_FIREWALL_OWNER_H

#include <stdint.h>

#include "base/address.h"

struct nlmsghdr;
struct owners;

/* -errno where there is no such list. */
int owners_open(struct owners **ret_owners);
void owners_close(struct owners *owners); /* NULL-safe */

struct owner {
    uint32_t uid;
    uint64_t inode; /* "socket:[INODE]" in /proc */
};

/* Whose the socket of this network namespace is that sends from here. remote: whom it means
 * to speak to, needed for TCP. -ENOENT: there is none, any more; -EOPNOTSUPP: the kernel does not
 * list such sockets, and need not be asked again. */
struct owner_question {
    int protocol; /* IPPROTO_UDP or IPPROTO_TCP */
    struct address local, remote;
    uint16_t local_port, remote_port;
};
int owners_find(struct owners *owners, const struct owner_question *question,
                struct owner *ret_owner);

/* Reads one message of the list. -EBADMSG, or -ENOENT: it is about another socket. Pure. */
enum owner_match { OWNER_OF_ANY_ADDRESS, OWNER_OF_ADDRESS };
int owner_read(const struct nlmsghdr *message, const struct owner_question *question,
               enum owner_match *ret_match, struct owner *ret_owner);

#endif
