/* SPDX-License-Identifier: MIT */
#include "base/text_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/plain_text.h"

int(text_error_set)(struct text_error *reterr, unsigned line, unsigned column, const char *format,
                    ...)
{
    va_list arguments;
    int length;

    reterr->line = line;
    reterr->column = column;
    va_start(arguments, format);
    length = vsnprintf(reterr->message, sizeof(reterr->message), format, arguments);
    va_end(arguments);
    if (length < 0)
        reterr->message[0] = '\0';
    else if ((size_t)length >= sizeof(reterr->message))
        memcpy(reterr->message + sizeof(reterr->message) - 4, "...", 4);
    /* Parts of the text that was read are quoted, and it may be anybody's. */
    plain_text_clean(reterr->message, "");
    return -EINVAL;
}
