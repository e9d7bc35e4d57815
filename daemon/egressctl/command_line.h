/* SPDX-License-Identifier: MIT */
/* egressctl [OPTIONS] COMMAND [OPERAND] [OPTIONS]: what stands on the command line. */
#ifndef EGRESSD_EGRESSCTL_COMMAND_LINE_H
#define EGRESSD_EGRESSCTL_COMMAND_LINE_H

struct call;

/* ret_call comes with what holds when nothing is said, and is filled. Returns 0 to go on, or
 * -ECANCELED with the exit code when all is said: help was asked for, or there is a mistake. */
int command_line_parse(int argc, char **argv, struct call *ret_call, int *ret_code);

#endif
