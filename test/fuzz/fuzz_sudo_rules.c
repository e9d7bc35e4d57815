/* SPDX-License-Identifier: MIT */
/* Rules of sudo and doas, however written: a word that lets somebody become root without a password
 * is seen in any line that is no comment, and is not seen where it is not. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char word[] = "NOPASSWD";
static const char rule[] = "\n\tagent ALL=(ALL) NOPASSWD: ALL";
static const char comment[] = "\n  # agent ALL=(ALL) NOPASSWD: ALL";

static bool find_with(const uint8_t *data, size_t size, const char *line)
{
    size_t length = strlen(line);
    char *text = malloc(size + length);
    bool is_found;

    if (!text)
        abort();
    memcpy(text, data, size);
    memcpy(text + size, line, length);
    is_found = check_find_rule(text, size + length, word);
    free(text);
    return is_found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool is_found = check_find_rule((const char *)data, size, word);

    assert(!is_found || memmem(data, size, word, strlen(word)));
    assert(find_with(data, size, rule));
    assert(find_with(data, size, comment) == is_found);
    return 0;
}
