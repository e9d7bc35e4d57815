/* SPDX-License-Identifier: MIT */
#include "journal/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"

#define MODE 0644

struct journal_file {
    int fd; /* -1: to be opened with the next line */
    size_t size, size_max;
    char path[PATH_MAX], old_path[PATH_MAX];
};

int journal_file_open(const char *folder, size_t size_max, struct journal_file **ret_file)
{
    struct journal_file *file;
    struct stat info;
    int length;

    if (lstat(folder, &info) < 0)
        return -errno;
    if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 022))
        return -EPERM;
    file = xcalloc(1, sizeof(*file));
    file->fd = -1;
    file->size_max = size_max;
    snprintf(file->path, sizeof(file->path), "%s/" JOURNAL_FILE_NAME, folder);
    length = snprintf(file->old_path, sizeof(file->old_path), "%s/" JOURNAL_FILE_NAME ".1", folder);
    if (length >= (int)sizeof(file->old_path)) {
        free(file);
        return -ENAMETOOLONG;
    }
    *ret_file = file;
    return 0;
}

void journal_file_close(struct journal_file *file)
{
    if (!file)
        return;
    if (file->fd >= 0)
        close(file->fd);
    free(file);
}

static int begin(struct journal_file *file)
{
    int fd =
        open(file->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, MODE);
    struct stat info;
    int r = 0;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &info) < 0)
        r = -errno;
    else if (!S_ISREG(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 022))
        r = -EPERM; /* root has put it there, whatever for */
    if (r < 0) {
        close(fd);
        return r;
    }
    file->fd = fd;
    file->size = (size_t)info.st_size;
    return 0;
}

static int end(struct journal_file *file, int error)
{
    close(file->fd);
    file->fd = -1;
    return error;
}

int journal_file_write(struct journal_file *file, const char *line, size_t size)
{
    const struct iovec parts[] = {{(void *)(size_t)line, size}, {(void *)(size_t) "\n", 1}};
    ssize_t written;
    int r = file->fd < 0 ? begin(file) : 0;

    if (r < 0)
        return r;
    if (file->size > 0 && file->size + size + 1 > file->size_max) {
        end(file, 0);
        if (rename(file->path, file->old_path) < 0)
            return -errno; /* it does not grow */
        r = begin(file);
        if (r < 0)
            return r;
    }
    written = writev(file->fd, parts, 2);
    if (written < 0)
        return end(file, -errno);
    file->size += (size_t)written;
    return (size_t)written == size + 1 ? 0 : end(file, -ENOSPC);
}
