/* SPDX-License-Identifier: MIT */
/* Where something of the host may be mounted into the container (proc(5), /proc/PID/mountinfo). */
#ifndef EGRESSD_DEVCONTAINER_MOUNTS_H
#define EGRESSD_DEVCONTAINER_MOUNTS_H

/* Visits mount points in the order of the file, leaving out the root and what the engine mounts for
 * itself (/proc, /sys, /dev, /etc, /run). A file that cannot be read has none. */
void mounts_visit(const char *mountinfo_path,
                  void (*on_mount)(void *context, const char *mount_point), void *context);

#endif
