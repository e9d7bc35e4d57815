/* SPDX-License-Identifier: MIT */
#include "devcontainer/mounts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "devcontainer/file.h"

#define SIZE_MAX_BYTES (1024 * 1024)
#define MOUNT_POINT_FIELD 4 /* from 0 */

static bool is_octal(const char *at)
{
    return at[0] >= '0' && at[0] <= '3' && at[1] >= '0' && at[1] <= '7' && at[2] >= '0' &&
           at[2] <= '7';
}

/* "\040" is a space; in place. */
static void unescape(char *text)
{
    char *to = text;

    for (char *at = text; *at; at++) {
        if (*at == '\\' && is_octal(at + 1)) {
            *to++ = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
            at += 3;
        } else {
            *to++ = *at;
        }
    }
    *to = '\0';
}

static bool is_engines_own(const char *path)
{
    static const char *const folders[] = {"/proc", "/sys", "/dev", "/etc", "/run"};

    if (strcmp(path, "/") == 0)
        return true;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        size_t length = strlen(folders[i]);

        if (strncmp(path, folders[i], length) == 0 && (!path[length] || path[length] == '/'))
            return true;
    }
    return false;
}

void mounts_visit_text(char *text, mounts_on_mount *on_mount, void *context)
{
    char *line;

    while ((line = strsep(&text, "\n"))) {
        char *field = NULL;

        for (int i = 0; i <= MOUNT_POINT_FIELD; i++)
            field = strsep(&line, " ");
        if (!field || field[0] != '/')
            continue;
        unescape(field);
        if (!is_engines_own(field))
            on_mount(context, field);
    }
}

void mounts_visit(const char *mountinfo_path, mounts_on_mount *on_mount, void *context)
{
    char *text;
    size_t size;

    if (file_read(mountinfo_path, SIZE_MAX_BYTES, &text, &size, NULL) < 0)
        return;
    mounts_visit_text(text, on_mount, context);
    free(text);
}
