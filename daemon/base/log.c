/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/plain_text.h"

#define LINE_SIZE 2048
#define ESCAPED_MAX 8 /* bytes of a character: of one of 4 as it is, of one of C1 escaped */

static enum log_level most_shown = LOG_LEVEL_INFO;

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

void log_set_level(enum log_level most)
{
    most_shown = most;
}

/* A name or a path from outside must not forge a line or drive a terminal. */
static size_t append_escaped(char *line, size_t used, size_t size, const char *text)
{
    static const char digits[] = "0123456789abcdef";

    while (*text && used + ESCAPED_MAX < size) {
        size_t length = plain_text_measure(text);
        bool is_plain = length > 0 && !plain_text_is_control(text);

        for (length = length > 0 ? length : 1; length > 0; length--, text++) {
            unsigned char byte = (unsigned char)*text;

            if (is_plain) {
                line[used++] = *text;
                continue;
            }
            line[used++] = '\\';
            line[used++] = 'x';
            line[used++] = digits[byte >> 4];
            line[used++] = digits[byte & 15];
        }
    }
    return used;
}

/* One write a line: lines of several processes on one terminal stay whole. */
__attribute__((format(printf, 2, 0))) static void write_line(enum log_level level,
                                                             const char *format, va_list arguments)
{
    char text[LINE_SIZE], line[LINE_SIZE];
    size_t used;
    int length;

    if (level > most_shown || vsnprintf(text, sizeof(text), format, arguments) < 0)
        return;
    length = snprintf(line, sizeof(line), "egressd: %s: ", level_names[level]);
    used = append_escaped(line, (size_t)length, sizeof(line) - 1, text);
    line[used++] = '\n';
    /* Nowhere is left to complain when stderr is gone. */
    if (write(STDERR_FILENO, line, used) < 0)
        return;
}

void log_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(LOG_LEVEL_ERROR, format, arguments);
    va_end(arguments);
}

void log_warning(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(LOG_LEVEL_WARNING, format, arguments);
    va_end(arguments);
}

void log_info(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(LOG_LEVEL_INFO, format, arguments);
    va_end(arguments);
}

void log_debug(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(LOG_LEVEL_DEBUG, format, arguments);
    va_end(arguments);
}
