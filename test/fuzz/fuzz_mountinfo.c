/* SPDX-License-Identifier: MIT */
/* Where a workspace is looked for: only at absolute paths that stand, escaped as the kernel does
 * it, in the fifth field of a line, and never at what the engine mounts for itself. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devcontainer/mounts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walk {
    const char *line; /* of the text as it was: the next one to be visited, or before it */
};

/* The bytes that a field stands for, one at a time; -1 at its end. */
static int next_byte(const char **at)
{
    unsigned a, b, c;
    const char *field = *at;

    if (*field == '\0' || *field == ' ' || *field == '\n')
        return -1;
    if (sscanf(field, "\\%1o%1o%1o", &a, &b, &c) == 3 && field[1] >= '0' && field[1] <= '3' &&
        field[2] >= '0' && field[2] <= '7' && field[3] >= '0' && field[3] <= '7') {
        *at += 4;
        return (int)(a * 64 + b * 8 + c);
    }
    ++*at;
    return (unsigned char)*field;
}

static const char *fifth_field(const char *line)
{
    for (int i = 0; i < 4; i++) {
        line += strcspn(line, " \n");
        if (*line != ' ')
            return NULL;
        line++;
    }
    return line;
}

/* A NUL that is written as an escape ends the path. */
static bool stands_for(const char *field, const char *path)
{
    int byte;

    do {
        byte = next_byte(&field);
        if ((byte > 0 ? byte : 0) != (unsigned char)*path)
            return false;
    } while (*path++);
    return true;
}

static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return *line ? line + 1 : NULL;
}

static void on_mount(void *context, const char *mount_point)
{
    static const char *const engines_own[] = {"/proc", "/sys", "/dev", "/etc", "/run"};
    struct walk *walk = context;
    bool is_found = false;

    assert(mount_point[0] == '/' && mount_point[1]);
    for (size_t i = 0; i < sizeof(engines_own) / sizeof(engines_own[0]); i++) {
        size_t length = strlen(engines_own[i]);

        assert(strncmp(mount_point, engines_own[i], length) != 0 ||
               (mount_point[length] != '\0' && mount_point[length] != '/'));
    }
    while (!is_found && walk->line) {
        const char *field = fifth_field(walk->line);

        is_found = field && stands_for(field, mount_point);
        walk->line = next_line(walk->line);
    }
    assert(is_found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *kept = malloc(size + 1);
    struct walk walk = {kept};

    if (!text || !kept)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    memcpy(kept, text, size + 1);
    mounts_visit_text(text, on_mount, &walk);
    free(kept);
    free(text);
    return 0;
}
