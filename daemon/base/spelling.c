/* SPDX-License-Identifier: MIT */
#include "base/spelling.h"

#include <ctype.h>
#include <string.h>

#define WORD_MAX 31
#define DISTANCE_MAX 2

/* How many letters must be changed, added or left out, capitals aside (Levenshtein). */
static size_t measure_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[WORD_MAX + 1];

    for (size_t k = 0; k <= b_length; k++)
        row[k] = k;
    for (size_t i = 0; i < a_length; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t k = 0; k < b_length; k++) {
            size_t changed =
                diagonal + (tolower((unsigned char)a[i]) != tolower((unsigned char)b[k]));

            diagonal = row[k + 1];
            row[k + 1] = changed;
            if (row[k] + 1 < row[k + 1])
                row[k + 1] = row[k] + 1;
            if (diagonal + 1 < row[k + 1])
                row[k + 1] = diagonal + 1;
        }
    }
    return row[b_length];
}

const char *spelling_find_near(const char *word, const char *const *known, size_t count)
{
    size_t length = strlen(word), least = DISTANCE_MAX + 1;
    const char *nearest = NULL;

    if (length > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t known_length = strlen(known[i]), distance;

        /* "allowlist", "allowed", "denied" begin like what was meant. */
        if (length > known_length && strncasecmp(word, known[i], known_length) == 0)
            return known[i];
        if (known_length > WORD_MAX)
            continue;
        distance = measure_distance(word, length, known[i], known_length);
        if (distance < least && distance < known_length / 2 + 1) {
            least = distance;
            nearest = known[i];
        }
    }
    return nearest;
}
