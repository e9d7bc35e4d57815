/* SPDX-License-Identifier: MIT */
/* What daemon and client agree on. Exit codes, on both sides and as "code" of a reply, are those of
 * sysexits.h: 64 usage, 69 not reachable, 77 not permitted, 78 configuration; and 1 for "no". */
#ifndef EGRESSD_CONTROL_PROTOCOL_H
#define EGRESSD_CONTROL_PROTOCOL_H

/* sockaddr_un.sun_path */
#define CONTROL_SOCKET_PATH_SIZE 108
#define CONTROL_SOCKET_NAME "control.sock"
/* ... less the name, the slash and the NUL */
#define CONTROL_RUNTIME_DIR_MAX (CONTROL_SOCKET_PATH_SIZE - 1 - (int)sizeof(CONTROL_SOCKET_NAME))
#define CONTROL_RUNTIME_DIR "/run/egressd"

/* A client reads no more than this of a reply. */
#define CONTROL_REPLY_MAX (16 * 1024 * 1024)

/* -ENAMETOOLONG when the folder's path leaves no room. */
int control_socket_path(const char *runtime_dir, char ret_path[static CONTROL_SOCKET_PATH_SIZE]);

/* The number of this process's network namespace; 0: nobody knows. Where the socket is shared, the
 * two sides may be in different ones, and then what is enforced says nothing about the asker. */
unsigned long long control_network(void);

#endif
