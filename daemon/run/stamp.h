/* SPDX-License-Identifier: MIT */
/* What tells that a file has been written to, or that its name stands for another one. */
#ifndef EGRESSD_RUN_STAMP_H
#define EGRESSD_RUN_STAMP_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

/* Looks at the file, which need not be there; whether it differs from what the stamp said. */
bool stamp_renew(struct stamp *stamp, const char *path);

#endif
