/* SPDX-License-Identifier: MIT */
#include "dns/wire_name.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define HEADER_SIZE 12
#define LABEL_MAX 63
#define POINTERS_MAX 127

/* The text being read; size counts as on the wire, root label included. */
struct text {
    char bytes[WIRE_NAME_TEXT_SIZE];
    size_t length;
    size_t wire_size;
    bool is_odd;
};

static char canonical_byte(uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return (char)(byte | 0x20);
    if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_')
        return (char)byte;
    return 0;
}

static int append_label(struct text *text, const uint8_t *label, uint8_t size)
{
    text->wire_size += size + 1u;
    if (text->wire_size + 1 > WIRE_NAME_SIZE) /* + 1: the root label is still to come */
        return -EBADMSG;
    if (text->length > 0)
        text->bytes[text->length++] = '.';
    for (uint8_t i = 0; i < size; i++) {
        char byte = canonical_byte(label[i]);

        text->is_odd |= byte == 0;
        text->bytes[text->length++] = byte;
    }
    return 0;
}

/* Follows a pointer: c moves to its target, which must lie before limit (where the labels read so
 * far began). That alone ends every loop; the count of pointers keeps a long message cheap. */
static int follow_pointer(const uint8_t *message, struct cursor *c, uint8_t high,
                          const uint8_t **limit)
{
    size_t offset = (size_t)(high & 0x3f) << 8 | cursor_u8(c);

    if (c->failed || offset < HEADER_SIZE || offset >= (size_t)(*limit - message))
        return -EBADMSG;
    c->at = message + offset;
    *limit = c->at;
    return 0;
}

int wire_name_read(const uint8_t *message, struct cursor *c,
                   char ret_text[static WIRE_NAME_TEXT_SIZE])
{
    struct cursor here = *c;
    const uint8_t *limit = here.at;
    struct text text = {.length = 0};
    unsigned pointers = 0;

    for (;;) {
        uint8_t size = cursor_u8(&here);

        if (here.failed)
            return -EBADMSG;
        if (size == 0)
            break;
        if (size <= LABEL_MAX) {
            const uint8_t *label = cursor_take(&here, size);

            if (!label || append_label(&text, label, size) < 0)
                return -EBADMSG;
        } else if ((size & 0xc0) != 0xc0 || pointers++ == POINTERS_MAX) {
            return -EBADMSG;
        } else {
            if (pointers == 1)
                c->at = here.at + (cursor_left(&here) > 0);
            if (follow_pointer(message, &here, size, &limit) < 0)
                return -EBADMSG;
        }
    }
    if (pointers == 0)
        c->at = here.at;
    if (text.is_odd)
        return -EILSEQ;
    memcpy(ret_text, text.bytes, text.length);
    ret_text[text.length] = '\0';
    return (int)text.length;
}

size_t wire_name_write(const char *text, uint8_t ret_wire[static WIRE_NAME_SIZE])
{
    size_t length = strlen(text), at = 0;

    if (length >= WIRE_NAME_TEXT_SIZE)
        return 0;
    while (*text) {
        size_t size = strcspn(text, ".");

        if (size == 0 || size > LABEL_MAX)
            return 0;
        ret_wire[at++] = (uint8_t)size;
        memcpy(ret_wire + at, text, size);
        at += size;
        text += size;
        if (*text == '.' && *++text == '\0')
            return 0;
    }
    ret_wire[at++] = 0;
    return at;
}
