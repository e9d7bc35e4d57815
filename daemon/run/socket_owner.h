/* SPDX-License-Identifier: MIT */
/* Which process has a socket, as /proc shows it to whoever may look. */
#ifndef EGRESSD_RUN_SOCKET_OWNER_H
#define EGRESSD_RUN_SOCKET_OWNER_H

#include <stdint.h>
#include <sys/types.h>

#define SOCKET_OWNER_PROCESS_SIZE 16  /* TASK_COMM_LEN */
#define SOCKET_OWNER_COMMAND_SIZE 256 /* longer ones are cut */

/* As whoever runs it calls it: what is not printable ASCII is shown as '?'. */
struct socket_owner {
    char process[SOCKET_OWNER_PROCESS_SIZE];
    char command[SOCKET_OWNER_COMMAND_SIZE]; /* its arguments, with spaces between */
};

/* Looks through the processes of this user, the youngest first, as this user does: the kernel shows
 * what a process has open to nobody else. Needs CAP_SETUID and CAP_SETGID for that. Bounded in work
 * and time. -ENOENT: nobody was seen, -EPERM: nobody looks as root. */
int socket_owner_find(uint64_t inode, uid_t uid, struct socket_owner *ret_owner);

#endif
