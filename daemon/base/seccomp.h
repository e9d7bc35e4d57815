/* SPDX-License-Identifier: MIT */
/* Which system calls are left: an allow-list that the kernel holds this process to (seccomp(2)).
 * Any other call ends the process at once, a few harmless ones that libraries try first fail. */
#ifndef EGRESSD_BASE_SECCOMP_H
#define EGRESSD_BASE_SECCOMP_H

enum seccomp_stage {
    SECCOMP_STARTS, /* a supervisor, and a daemon until it enforces: no other program, no tracing,
                       no mounts, no namespaces */
    SECCOMP_SERVES, /* also no process, identity, signal to others, new code */
    SECCOMP_LOOKS,  /* reads files as another user does, and answers: no sockets, no writing */
};

/* Needs no_new_privs. Both later stages narrow the first; children inherit. Returns 0, or -errno
 * where the kernel or what runs the container has no seccomp: then nothing is held. */
int seccomp_install(enum seccomp_stage stage);

#endif
