/* SPDX-License-Identifier: MIT */
#include "run/stamp.h"

#include <sys/stat.h>

static struct stamp stamp_of(const char *path)
{
    struct stat info;

    if (stat(path, &info) < 0)
        return (struct stamp){0};
    return (struct stamp){
        .device = info.st_dev,
        .inode = info.st_ino,
        .size = info.st_size,
        .modified = info.st_mtim,
        .changed = info.st_ctim,
    };
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool stamp_renew(struct stamp *stamp, const char *path)
{
    struct stamp now = stamp_of(path);
    bool is_same = now.device == stamp->device && now.inode == stamp->inode &&
                   now.size == stamp->size && is_same_time(&now.modified, &stamp->modified) &&
                   is_same_time(&now.changed, &stamp->changed);

    *stamp = now;
    return !is_same;
}
