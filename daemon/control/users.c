/* SPDX-License-Identifier: MIT */
#include "control/users.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "devcontainer/file.h"

#define PASSWD_FILE "/etc/passwd"
#define PASSWD_SIZE_MAX (1024 * 1024)

char *users_read(void)
{
    char *text;
    size_t size;

    return file_read(PASSWD_FILE, PASSWD_SIZE_MAX, &text, &size, NULL) == 0 ? text : NULL;
}

/* NAME:PASSWORD:UID:... in one line, that ends with a newline or NUL. */
static bool is_about(const char *line, uint32_t uid)
{
    const char *digits = line;
    uint64_t number = 0;

    for (int i = 0; i < 2; i++) {
        digits += strcspn(digits, ":\n");
        if (*digits != ':')
            return false;
        digits++;
    }
    if (digits[strspn(digits, "0123456789")] != ':' || *digits == ':')
        return false;
    for (; *digits != ':' && number <= UINT32_MAX; digits++)
        number = number * 10 + (uint64_t)(*digits - '0');
    return number == uid;
}

static bool is_printable(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return true;
}

const char *users_find(const char *text, uint32_t uid, char name[static USERS_NAME_SIZE])
{
    for (const char *line = text; *line;) {
        size_t size = strcspn(line, ":\n");

        if (size > 0 && size < USERS_NAME_SIZE && is_printable(line, size) && is_about(line, uid)) {
            memcpy(name, line, size);
            name[size] = '\0';
            return name;
        }
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return NULL;
}
