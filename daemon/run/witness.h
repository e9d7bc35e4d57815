/* SPDX-License-Identifier: MIT */
/* A process of its own that says who has a socket, so that the daemon need not have the power to
 * look (CAP_SETUID, CAP_SETGID). It has no other power, can write no file, reach no network, start
 * nothing, and ends with those who hold the other end of its socket. What it says is for people and
 * decides nothing. */
#ifndef EGRESSD_RUN_WITNESS_H
#define EGRESSD_RUN_WITNESS_H

#include "run/socket_owner.h"

#define WITNESS_NAME "egressd-witness" /* what ps(1) shows */

/* Starts it and returns the socket to ask it by, owned by the caller, or -errno. Expects the
 * privileges that privilege_become_daemon leaves; before there are descriptors that it must not
 * have. */
int witness_start(void);

/* Who has the socket of this inode, and belongs to this user. Waits no longer than timeout_ms: the
 * process may be gone as soon as it has its answer. -ETIMEDOUT, -EBUSY (still looking for an
 * earlier one), or as socket_owner_find. */
int witness_ask(int witness, uint64_t inode, uid_t uid, int timeout_ms,
                struct socket_owner *ret_owner);

#endif
