/* SPDX-License-Identifier: MIT */
/* The client: asks the daemon over its socket, and says what it heard for people. */
#ifndef EGRESSD_EGRESSCTL_EGRESSCTL_H
#define EGRESSD_EGRESSCTL_EGRESSCTL_H

struct position;

/* The whole program; returns its exit code. caller: what it was started with, whatever is left. */
int egressctl_main(int argc, char **argv, const struct position *caller);

#endif
