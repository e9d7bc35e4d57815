/* SPDX-License-Identifier: MIT */
/* Why the daemon cannot do what it was asked: an exit code, and what to tell people: what happened,
 * where, what to change. */
#ifndef EGRESSD_RUN_FAILURE_H
#define EGRESSD_RUN_FAILURE_H

#define FAILURE_TEXT_SIZE 2048

struct configuration_error;

struct failure {
    int exit_code; /* of sysexits.h */
    char text[FAILURE_TEXT_SIZE];
};

/* Always returns -ECANCELED, so that a step can end with "return failure_set(...)". */
int failure_set(struct failure *failure, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "FILE:LINE:COLUMN: MESSAGE", with EX_CONFIG. */
int failure_set_configuration(struct failure *failure, const struct configuration_error *error);

#endif
