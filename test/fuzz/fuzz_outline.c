/* SPDX-License-Identifier: MIT */
/* What an earlier daemon left about its policy, held against another one, whatever either says: an
 * allow line that is gone and a deny line that has come are never overlooked, and what differs is
 * told line by line. The input is two files, with a NUL between. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/outline.h"
#include "run/outline_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t measure_line(const char *line)
{
    size_t length = strcspn(line, "\n");

    return line[length] ? length + 1 : length;
}

static bool has_line(const char *text, const char *line, size_t size)
{
    for (; *text; text += measure_line(text))
        if (measure_line(text) == size && memcmp(text, line, size) == 0)
            return true;
    return false;
}

/* Whether the text has such a line that the other has not. */
static bool has_more(const char *text, const char *other, const char *kind)
{
    for (; *text; text += measure_line(text))
        if (strncmp(text, kind, strlen(kind)) == 0 && !has_line(other, text, measure_line(text)))
            return true;
    return false;
}

static void check_difference(const char *text, const char *other)
{
    char *rest = outline_subtract(text, other);

    for (const char *line = rest; *line; line += measure_line(line))
        assert(has_line(text, line, measure_line(line)));
    for (const char *line = text; *line; line += measure_line(line))
        assert(has_line(other, line, measure_line(line)) ||
               has_line(rest, line, measure_line(line)));
    free(rest);
}

static void compare(const char *before, const char *after)
{
    if (has_more(before, after, "allow ") || has_more(after, before, "deny "))
        assert(outline_narrows(before, after));
    assert(!outline_narrows(before, before));
    check_difference(before, after);
}

static char *copy(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = memchr(data, '\0', size);
    size_t first = nul ? (size_t)(nul - data) : size, second = nul ? size - first - 1 : 0;
    char *before = copy(data, first), *after = copy(data + size - second, second);

    if (outline_unwrap(before, first) && outline_unwrap(after, second)) {
        compare(before, after);
        compare(after, before);
    }
    free(after);
    free(before);
    return 0;
}
