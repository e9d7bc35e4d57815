/* SPDX-License-Identifier: MIT */
/* A uid (32 bits) and the text of passwd(5): a name that is found stands in the text before that
 * number, and can be printed. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "control/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_over(data, size);
    uint32_t uid = cursor_u32(&c);
    size_t left = cursor_left(&c);
    char name[USERS_NAME_SIZE];
    char *text = malloc(left + 1);

    if (!text)
        abort();
    memcpy(text, left > 0 ? c.at : data, left);
    text[left] = '\0';
    if (users_find(text, uid, name)) {
        assert(*name && strlen(name) < sizeof(name) && strstr(text, name));
        for (const char *byte = name; *byte; byte++)
            assert(*byte > ' ' && *byte <= '~' && *byte != ':');
    }
    free(text);
    return 0;
}
