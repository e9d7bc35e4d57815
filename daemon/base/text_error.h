/* SPDX-License-Identifier: MIT */
/* What is wrong with a text, where, and what would be right: the error of every parser of text. */
#ifndef EGRESSD_BASE_TEXT_ERROR_H
#define EGRESSD_BASE_TEXT_ERROR_H

#include <errno.h>

#define TEXT_ERROR_SIZE 512

struct text_error {
    unsigned line;   /* from 1; 0: not known */
    unsigned column; /* from 1, in bytes; 0: not known */
    char message[TEXT_ERROR_SIZE];
};

/* Control characters are not let through, so that a message is one line and safe on a terminal.
 * Always returns -EINVAL, so that a parser can end with "return text_error_set(...)". */
int text_error_set(struct text_error *reterr, unsigned line, unsigned column, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

/* An analyser sees one file at a time. */
#ifdef __clang_analyzer__
#define text_error_set(...) ((void)(text_error_set)(__VA_ARGS__), -EINVAL)
#endif

#endif
