/* SPDX-License-Identifier: MIT */
#include "run/outline_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

#define FILE_SIZE_MAX (16 * 1024 * 1024)
#define LAST_LINE "end 2\n" /* says that the file was not cut short, and how it is written */

static int write_text(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t written = write(fd, text, left);

        if (written < 0)
            return -errno;
        text += written;
        left -= (size_t)written;
    }
    return 0;
}

int outline_save(const char *path, const char *outline)
{
    char fresh[PATH_MAX];
    int fd, r;

    if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
        return -ENAMETOOLONG;
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return -errno;
    r = write_text(fd, outline);
    if (r == 0)
        r = write_text(fd, LAST_LINE);
    close(fd);
    if (r == 0 && rename(fresh, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(fresh);
    return r;
}

bool outline_unwrap(char *text, size_t size)
{
    const size_t end_size = strlen(LAST_LINE);

    if (size < end_size || strlen(text) != size || strcmp(text + size - end_size, LAST_LINE) != 0 ||
        (size > end_size && text[size - end_size - 1] != '\n'))
        return false;
    text[size - end_size] = '\0';
    return true;
}

char *outline_load(const char *path)
{
    char *text = NULL;
    struct stat info;
    ssize_t size = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return NULL;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= FILE_SIZE_MAX) {
        text = xcalloc((size_t)info.st_size + 1, 1);
        size = read(fd, text, (size_t)info.st_size);
    }
    close(fd);
    if (size < 0 || !outline_unwrap(text, (size_t)size)) {
        free(text);
        return NULL;
    }
    return text;
}
