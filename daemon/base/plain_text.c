/* SPDX-License-Identifier: MIT */
#include "base/plain_text.h"

#include <string.h>

size_t plain_text_measure(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    const unsigned char first = bytes[0], second = first >= 0xc2 ? bytes[1] : 0;
    size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (first >= 0x80 && (first < 0xc2 || first > 0xf4))
        return 0;
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
        return 0; /* too long a form, a surrogate, beyond Unicode */
    for (size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

bool plain_text_is_control(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;

    return bytes[0] < 0x20 || bytes[0] == 0x7f || (bytes[0] == 0xc2 && bytes[1] < 0xa0);
}

bool plain_text_clean(char *text, const char *spared)
{
    bool changed = false;
    size_t length;

    for (char *at = text; *at; at += length) {
        bool is_good;

        length = plain_text_measure(at);
        is_good = length > 0 && (!plain_text_is_control(at) || strchr(spared, *at));
        length = length > 0 ? length : 1;
        if (!is_good)
            memset(at, '?', length);
        changed = changed || !is_good;
    }
    return changed;
}
