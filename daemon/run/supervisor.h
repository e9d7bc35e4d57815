/* SPDX-License-Identifier: MIT */
/* The background form: a first process that waits until the daemon says ready, a small one that
 * starts the daemon again when it dies, and the daemon. While it is dead the kernel's table stands,
 * closed, and the supervisor holds the socket that owns it. */
#ifndef EGRESSD_RUN_SUPERVISOR_H
#define EGRESSD_RUN_SUPERVISOR_H

/* Says once how the start went, 0 or the exit code with its reason. A second call does nothing. */
struct supervisor_report;
void supervisor_report(struct supervisor_report *report, int exit_code, const char *text);

/* The daemon: reports, runs, and returns its exit code. 0: it was asked to end. */
typedef int supervisor_work(void *context, struct supervisor_report *report);

/* Runs work here and now; its report goes to the log. Returns its exit code. */
int supervisor_run_foreground(supervisor_work *work, void *context);

/* For the first process of a container, with which its network ends, and with that the network of
 * every container that shares it: starts the daemon again as below, but stays. Returns when the
 * daemon was asked to end, or could not be started at first. */
int supervisor_run_first(supervisor_work *work, void *context);

/* Returns in the caller's process, when the daemon has reported or died, with the exit code; what
 * was reported has been logged. A failure at the first start is final, later ones are tried again
 * with back-off. */
int supervisor_run_background(supervisor_work *work, void *context);

#endif
