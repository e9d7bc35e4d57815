/* SPDX-License-Identifier: MIT */
/* The daemon: its loop, its timers and signals, its control socket, around what it enforces. */
#ifndef EGRESSD_RUN_DAEMON_H
#define EGRESSD_RUN_DAEMON_H

struct supervisor_report;

/* A supervisor_work; context is the const struct run_options. Expects the privileges that
 * privilege_become_daemon leaves, and gives up the rest once nothing needs them. */
int daemon_run(void *context, struct supervisor_report *report);

#endif
