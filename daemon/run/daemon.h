/* SPDX-License-Identifier: MIT */
/* The daemon: its loop, its timers and signals, its control socket, around what it enforces. */
#ifndef EGRESSD_RUN_DAEMON_H
#define EGRESSD_RUN_DAEMON_H

struct run_options;
struct supervisor_report;

struct daemon_setup {
    const struct run_options *options;
    int socket;  /* of firewall_socket, kept open by the supervisor; negative: there is none */
    int witness; /* of witness_start, likewise */
};

/* A supervisor_work; context is the const struct daemon_setup. Expects the privileges that
 * privilege_become_daemon leaves, and gives up the rest once nothing needs them. */
int daemon_run(void *context, struct supervisor_report *report);

#endif
