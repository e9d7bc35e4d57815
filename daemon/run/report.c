/* SPDX-License-Identifier: MIT */
#include "run/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

#define EXIT_CODE_MAX 255

static void write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);

        if (written < 0 && errno != EINTR)
            return; /* nobody waits any more */
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
}

void report_send(int take_fd, int exit_code, const char *text)
{
    char line[REPORT_SIZE];
    int size = snprintf(line, sizeof(line), "%d %s", exit_code, text);

    write_all(take_fd, line, MIN((size_t)size, sizeof(line) - 1));
    close(take_fd);
}

void report_hear(int fd, struct report *ret_report)
{
    size_t room = sizeof(ret_report->bytes) - 1;

    ret_report->size = 0;
    while (ret_report->size < room) {
        ssize_t got = read(fd, ret_report->bytes + ret_report->size, room - ret_report->size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        ret_report->size += (size_t)got;
    }
    ret_report->bytes[ret_report->size] = '\0';
}

int report_read(const struct report *report, int *ret_exit_code, const char **ret_text)
{
    const char *at = report->bytes;
    int code = 0;

    if (strlen(at) != report->size)
        return -EBADMSG;
    for (; *at >= '0' && *at <= '9' && code <= EXIT_CODE_MAX; at++)
        code = code * 10 + (*at - '0');
    if (at == report->bytes || code > EXIT_CODE_MAX || at[0] != ' ' || at[1] == '\0')
        return -EBADMSG;
    *ret_exit_code = code;
    *ret_text = at + 1;
    return 0;
}
