/* SPDX-License-Identifier: MIT */
#include "devcontainer/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

#define READS_MAX 3

/* Reads to the end of the file, at most size_max bytes. */
static int read_all(int fd, size_t size_max, char **ret_text, size_t *ret_size)
{
    size_t capacity = 4096, size = 0;
    char *text = xreallocarray(NULL, capacity, 1);

    for (;;) {
        ssize_t got = read(fd, text + size, capacity - size - 1);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || (size += (size_t)got) > size_max) {
            int r = got < 0 ? -errno : -EFBIG;

            free(text);
            return r;
        }
        if (got == 0)
            break;
        if (size + 1 == capacity) {
            capacity *= 2;
            text = xreallocarray(text, capacity, 1);
        }
    }
    text[size] = '\0';
    *ret_text = text;
    *ret_size = size;
    return 0;
}

/* Not blocking: somebody may have put a pipe in the file's place. */
static int open_regular(const char *path, struct stat *ret_status)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int r;

    if (fd < 0)
        return errno == ENOTDIR ? -ENOENT : -errno;
    r = fstat(fd, ret_status) < 0 ? -errno : 0;
    if (r == 0 && !S_ISREG(ret_status->st_mode))
        r = -EINVAL;
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}

static bool was_written(const struct stat *before, const struct stat *after)
{
    return before->st_size != after->st_size || before->st_mtim.tv_sec != after->st_mtim.tv_sec ||
           before->st_mtim.tv_nsec != after->st_mtim.tv_nsec;
}

/* -EBUSY when somebody wrote meanwhile: it may be half of one text and half of another. */
static int read_unchanged(const char *path, size_t size_max, char **ret_text, size_t *ret_size,
                          struct stat *ret_status)
{
    struct stat before = {0}, after;
    int fd = open_regular(path, &before);
    int r;

    if (fd < 0)
        return fd;
    r = read_all(fd, size_max, ret_text, ret_size);
    if (r == 0 && (fstat(fd, &after) < 0 || was_written(&before, &after))) {
        free(*ret_text); /* NOLINT(clang-analyzer-unix.Malloc): an errno is not 0 */
        r = -EBUSY;
    }
    close(fd);
    if (r == 0)
        *ret_status = before;
    return r;
}

int file_read(const char *path, size_t size_max, char **ret_text, size_t *ret_size,
              struct stat *ret_status)
{
    struct stat ignored;
    int r = -EBUSY;

    for (int i = 0; i < READS_MAX && r == -EBUSY; i++)
        r = read_unchanged(path, size_max, ret_text, ret_size, ret_status ? ret_status : &ignored);
    return r;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, bytes, size);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        bytes += put;
        size -= (size_t)put;
    }
    return 0;
}

int file_replace(const char *path, const void *bytes, size_t size)
{
    char *draft = xasprintf("%s.XXXXXX", path);
    int fd = mkostemp(draft, O_CLOEXEC), r;

    if (fd < 0) {
        r = -errno;
        free(draft);
        return r;
    }
    r = write_all(fd, bytes, size);
    if (r == 0 && fdatasync(fd) < 0)
        r = -errno;
    close(fd);
    if (r == 0 && rename(draft, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(draft);
    free(draft);
    return r;
}

const char *file_explain(int error)
{
    switch (-error) {
    case ENOENT:
        return "does not exist";
    case EACCES:
    case EPERM:
        return "may not be read by egressd: let everybody read it (chmod o+r), and pass through "
               "the folders above it (chmod o+x)";
    case EFBIG:
        return "is larger than the 1 MiB that a configuration can have";
    case EINVAL:
        return "is not a regular file";
    case EBUSY:
    case EAGAIN:
        return "is being written to or held by somebody: try again when that is over";
    case ELOOP:
        return "is a symbolic link that leads nowhere";
    default:
        return strerror(-error);
    }
}
