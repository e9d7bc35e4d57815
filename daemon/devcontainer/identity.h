/* SPDX-License-Identifier: MIT */
/* ${devcontainerId}, computed again: it proves which of several files a container was made from. */
#ifndef EGRESSD_DEVCONTAINER_IDENTITY_H
#define EGRESSD_DEVCONTAINER_IDENTITY_H

#define IDENTITY_TEXT_SIZE 53 /* 256 bits in digits of 5, and NUL */

/* The id of a container whose labels are these two paths on the host
 * (devcontainers/cli, src/spec-common/variableSubstitution.ts). */
void identity_compute(const char *config_file, const char *local_folder,
                      char ret_id[static IDENTITY_TEXT_SIZE]);

#endif
