/* SPDX-License-Identifier: MIT */
#include "dns/random.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static uint8_t batch[4 * RANDOM_MAX];
static size_t left;

void random_fill(void *bytes, size_t size)
{
    assert(size <= RANDOM_MAX);
    if (left < size) {
        /* Up to 256 bytes are never interrupted (getrandom(2)), more may be. */
        for (size_t at = 0; at < sizeof(batch); at += RANDOM_MAX)
            if (getrandom(batch + at, RANDOM_MAX, 0) != RANDOM_MAX)
                abort();
        left = sizeof(batch);
    }
    left -= size;
    memcpy(bytes, batch + left, size);
    memset(batch + left, 0, size); /* used once */
}

uint16_t random_u16(void)
{
    uint16_t value;

    random_fill(&value, sizeof(value));
    return value;
}
