/* SPDX-License-Identifier: MIT */
/* The Feature's entrypoint line, as PID 1 was started with it. A daemon that was started by
 * somebody other than root takes its arguments from there: what its own caller says is not to be
 * trusted. */
#ifndef EGRESSD_DEVCONTAINER_PID1_H
#define EGRESSD_DEVCONTAINER_PID1_H

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

#endif
