/* SPDX-License-Identifier: MIT */
/* What /proc says of a process, whose name is of its own choice: whatever the name, rights and
 * start are read from the kernel's words; and whatever else stands there, from none of it too far.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAME_MAX_SIZE 15 /* TASK_COMM_LEN without its NUL; the first bytes of the input */

/* As the kernel writes a name into status (escaped) and stat (as it is). */
static void write_name(FILE *out, const char *name, int is_escaped)
{
    for (; *name; name++) {
        if (is_escaped && *name == '\n')
            fputs("\\n", out);
        else if (is_escaped && *name == '\\')
            fputs("\\\\", out);
        else
            fputc(*name, out);
    }
}

static char *text_with(const char *before, const char *name, int is_escaped, const char *after)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    fputs(before, out);
    write_name(out, name, is_escaped);
    fputs(after, out);
    fclose(out);
    return text;
}

static void check_name(const char *name)
{
    char *status = text_with("Name:\t", name, 1,
                             "\nUmask:\t0022\nUid:\t1000\t0\t0\t0\nCapInh:\t00000000000000ff\n"
                             "CapPrm:\t0000000000003000\nCapEff:\t0000000000000001\n"
                             "CapBnd:\t00000000a80425fb\nNoNewPrivs:\t1\n");
    char *stat =
        text_with("7 (", name, 0, ") S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 86420 9 10\n");
    struct position position;

    position_parse(status, &position);
    assert(position.is_known && position.uid == 1000 && position.no_new_privileges);
    assert(position.permitted == 0x3000 && position.bounding == 0xa80425fb);
    assert(check_read_start(stat) == 86420);
    free(stat);
    free(status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct position position;
    char name[NAME_MAX_SIZE + 1] = "";

    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    snprintf(name, sizeof(name), "%s", text);
    check_name(name);

    position_parse(text, &position);
    assert(position.is_known || position.uid == 0);
    assert(!position.is_known || (strstr(text, "Uid:\t") && strstr(text, "CapBnd:\t")));
    assert(strchr(text, ')') || check_read_start(text) < 0);
    free(text);
    return 0;
}
