/* SPDX-License-Identifier: MIT */
/* Where something of the host may be mounted into the container (proc(5), /proc/PID/mountinfo). */
#ifndef EGRESSD_DEVCONTAINER_MOUNTS_H
#define EGRESSD_DEVCONTAINER_MOUNTS_H

typedef void mounts_on_mount(void *context, const char *mount_point);

/* Visits mount points in the order of the file, leaving out the root and what the engine mounts for
 * itself (/proc, /sys, /dev, /etc, /run). A file that cannot be read has none. */
void mounts_visit(const char *mountinfo_path, mounts_on_mount *on_mount, void *context);

/* The same from the text of the file, which it changes. */
void mounts_visit_text(char *text, mounts_on_mount *on_mount, void *context);

#endif
