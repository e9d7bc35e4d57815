/* SPDX-License-Identifier: MIT */
/* The one way to read bytes we do not trust: every read is checked, and after the first failure
 * all further reads fail too, so that a parser may check once at its end. */
#ifndef EGRESSD_BASE_CURSOR_H
#define EGRESSD_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline struct cursor cursor_over(const void *bytes, size_t size)
{
    const uint8_t *start = bytes;

    return (struct cursor){.at = start, .end = start + size, .failed = false};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return c->failed ? 0 : (size_t)(c->end - c->at);
}

/* count bytes, borrowed from the buffer, or NULL. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t count)
{
    if (c->failed || (size_t)(c->end - c->at) < count) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *bytes = c->at;
    c->at += count;
    return bytes;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 1);

    return b ? b[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 2);

    return (uint16_t)(b ? b[0] << 8 | b[1] : 0);
}

static inline uint32_t cursor_u32(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 4);

    return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

#endif
