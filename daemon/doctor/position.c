/* SPDX-License-Identifier: MIT */
#include "doctor/position.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "devcontainer/file.h"

#define STATUS_SIZE_MAX 65536
#define HEXADECIMAL 16

/* The number behind the key at a line's beginning. Elsewhere it may stand as well: the first line
 * is the process's name, which is of its own choice. */
static bool read_number(const char *status, const char *key, int base, uint64_t *ret_number)
{
    const char *at = strstr(status, key);
    char *end;

    while (at && at > status && at[-1] != '\n')
        at = strstr(at + 1, key);
    if (!at)
        return false;
    at += strlen(key);
    *ret_number = strtoull(at, &end, base);
    return end > at;
}

void position_parse(const char *status, struct position *ret_position)
{
    uint64_t uid, no_new_privileges = 0;

    *ret_position = (struct position){0};
    if (!read_number(status, "Uid:\t", 10, &uid) ||
        !read_number(status, "CapPrm:\t", HEXADECIMAL, &ret_position->permitted) ||
        !read_number(status, "CapBnd:\t", HEXADECIMAL, &ret_position->bounding) ||
        !read_number(status, "NoNewPrivs:\t", 10, &no_new_privileges))
        return;
    ret_position->uid = (uid_t)uid;
    ret_position->no_new_privileges = no_new_privileges != 0;
    ret_position->is_known = true;
}

static void read_position(const char *path, struct position *ret_position)
{
    char *status;
    size_t size;

    *ret_position = (struct position){0};
    if (file_read(path, STATUS_SIZE_MAX, &status, &size, NULL) < 0)
        return;
    position_parse(status, ret_position);
    free(status);
}

void position_of_caller(struct position *ret_position)
{
    struct position parent;
    char path[64];

    read_position("/proc/self/status", ret_position);
    if (!getauxval(AT_SECURE))
        return;
    /* What is permitted came with our own file: whoever started us is asked instead. */
    snprintf(path, sizeof(path), "/proc/%d/status", (int)getppid());
    read_position(path, &parent);
    ret_position->permitted =
        parent.is_known && parent.uid == ret_position->uid ? parent.permitted : 0;
}

void position_of_container(struct position *ret_position)
{
    read_position("/proc/1/status", ret_position);
}

bool position_may(uint64_t capabilities, unsigned capability)
{
    return capabilities & UINT64_C(1) << capability;
}
