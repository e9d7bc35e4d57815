/* SPDX-License-Identifier: MIT */
/* What 'egressctl --help' and 'egressctl COMMAND --help' say. */
#ifndef EGRESSD_EGRESSCTL_HELP_H
#define EGRESSD_EGRESSCTL_HELP_H

#include <stdio.h>

struct command;

/* Of a command, or of the whole client (NULL). */
void help_print(FILE *stream, const struct command *command);

#endif
