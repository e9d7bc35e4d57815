/* SPDX-License-Identifier: MIT */
#include "plain_dns.h"

#include <ctype.h>
#include <string.h>

static uint16_t u16_at(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

bool plain_read_name(const uint8_t *bytes, size_t size, size_t offset, struct plain_name *ret_name,
                     size_t *ret_end)
{
    bool has_jumped = false;

    ret_name->size = 0;
    for (size_t steps = 0; steps <= size; steps++) {
        size_t length;

        if (offset >= size)
            return false;
        length = bytes[offset];
        if ((length & 0xc0) == 0xc0) {
            if (offset + 1 >= size)
                return false;
            if (!has_jumped)
                *ret_end = offset + 2;
            has_jumped = true;
            offset = u16_at(bytes + offset) & 0x3fffu;
            continue;
        }
        if (length > 63 || offset + 1 + length > size || ret_name->size + 1 + length > 255)
            return false;
        ret_name->bytes[ret_name->size++] = (uint8_t)length;
        for (size_t i = 1; i <= length; i++)
            ret_name->bytes[ret_name->size++] = (uint8_t)tolower(bytes[offset + i]);
        offset += 1 + length;
        if (length > 0)
            continue;
        if (!has_jumped)
            *ret_end = offset;
        return true;
    }
    return false; /* goes in circles */
}

struct plain_name plain_name_of(const char *text)
{
    struct plain_name name = {.size = 0};

    while (*text) {
        size_t length = strcspn(text, ".");

        name.bytes[name.size++] = (uint8_t)length;
        memcpy(name.bytes + name.size, text, length);
        name.size += length;
        text += length + (text[length] == '.');
    }
    name.bytes[name.size++] = 0;
    return name;
}

bool plain_name_equal(const struct plain_name *a, const struct plain_name *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static bool read_record(struct plain_message *message, enum plain_section section, size_t *at)
{
    struct plain_record *record = &message->records[message->record_count++];
    const uint8_t *fixed;

    if (!plain_read_name(message->bytes, message->size, *at, &record->owner, at) ||
        *at + 10 > message->size)
        return false;
    fixed = message->bytes + *at;
    record->section = section;
    record->type = u16_at(fixed);
    record->class = u16_at(fixed + 2);
    record->ttl_s = (uint32_t)u16_at(fixed + 4) << 16 | u16_at(fixed + 6);
    record->data = fixed + 10;
    record->size = u16_at(fixed + 8);
    *at += 10 + record->size;
    return *at <= message->size;
}

bool plain_read(const uint8_t *bytes, size_t size, struct plain_message *ret_message)
{
    struct plain_message *message = ret_message;
    size_t at = 12;

    if (size < 12)
        return false;
    message->bytes = bytes;
    message->size = size;
    message->id = u16_at(bytes);
    message->flags = u16_at(bytes + 2);
    message->question_count = u16_at(bytes + 4);
    message->record_count = 0;
    for (int i = 0; i < 3; i++)
        message->counts[i] = u16_at(bytes + 6 + 2 * i);
    for (int i = 0; i < message->question_count; i++) {
        struct plain_name ignored;

        if (!plain_read_name(bytes, size, at, &ignored, &at) || at + 4 > size)
            return false;
        at += 4;
    }
    message->question_end = at;
    for (int section = 0; section < 3; section++)
        for (int i = 0; i < message->counts[section]; i++)
            if (message->record_count == PLAIN_RECORDS_MAX ||
                !read_record(message, (enum plain_section)section, &at))
                return false;
    message->end = at;
    return true;
}
