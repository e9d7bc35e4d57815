/* SPDX-License-Identifier: MIT */
/* Whole files, of bounded size: read without being held up, written whole or not at all. */
#ifndef EGRESSD_DEVCONTAINER_FILE_H
#define EGRESSD_DEVCONTAINER_FILE_H

#include <stddef.h>
#include <sys/stat.h>

/* Reads a regular file; symbolic links are followed, they are common in workspaces. The text has a
 * NUL behind its end; the caller frees. ret_status may be NULL. -ENOENT (also where a folder of the
 * path is missing), -EFBIG when larger than size_max, -EINVAL when it is no regular file, -EBUSY
 * when it was written to again and again while it was read, -errno. */
int file_read(const char *path, size_t size_max, char **ret_text, size_t *ret_size,
              struct stat *ret_status);

/* Replaces path by a file that its owner alone may read, in one step, on the disk when this
 * returns. -errno. */
int file_replace(const char *path, const void *bytes, size_t size);

/* What the -errno of file_read means for a policy file, and what to do. The file is said before. */
const char *file_explain(int error);

#endif
