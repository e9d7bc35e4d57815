/* SPDX-License-Identifier: MIT */
/* How a start went, as one process tells another through a pipe: "CODE TEXT", up to the end. */
#ifndef EGRESSD_RUN_REPORT_H
#define EGRESSD_RUN_REPORT_H

#include <stddef.h>

#define REPORT_SIZE 4096

/* What came over the pipe. */
struct report {
    char bytes[REPORT_SIZE];
    size_t size;
};

/* Writes and closes; a text that is too long is cut. */
void report_send(int take_fd, int exit_code, const char *text);

/* Listens until the other side has closed. */
void report_hear(int fd, struct report *ret_report);

/* The exit code and its text, borrowed. -EBADMSG, and nothing else is to be believed, when it is
 * not whole, or not as report_send writes it: who died may not be taken for one that is well. */
int report_read(const struct report *report, int *ret_exit_code, const char **ret_text);

#endif
