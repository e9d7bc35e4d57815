/* SPDX-License-Identifier: MIT */
/* What PID 1 was started with, which the agent cannot forge where PID 1 is root's.
 *
 * The Feature's entrypoint line is in it. A daemon that was started by somebody other than root
 * takes its arguments from there: what its own caller says is not to be trusted. */
#ifndef EGRESSD_DEVCONTAINER_PID1_H
#define EGRESSD_DEVCONTAINER_PID1_H

#include <stdbool.h>
#include <stddef.h>

#include "devcontainer/configuration.h"

struct configuration_arguments {
    char workspace[CONFIGURATION_PATH_SIZE];
    char local_workspace[CONFIGURATION_PATH_SIZE];
    char devcontainer_id[CONFIGURATION_PATH_SIZE]; /* "${...}" where a tool does not substitute */
};

/* -ENOENT: PID 1 has no such line (no dev container, or the Feature is not in it); -EBADMSG: it
 * has, but not as the Feature writes it; -errno when /proc/1/cmdline cannot be read. */
int configuration_arguments_from_pid1(struct configuration_arguments *ret_arguments);

/* The same from the bytes of a /proc/PID/cmdline. */
int pid1_parse_arguments(const char *command_line, size_t size,
                         struct configuration_arguments *ret_arguments);

/* Whether the environment says that this is a codespace. To be asked as whoever started us: the
 * daemon's user may not read another's. */
bool configuration_is_codespace(void);

/* The same from the bytes of a /proc/PID/environ. */
bool pid1_environment_is_codespace(const char *environment, size_t size);

#endif
