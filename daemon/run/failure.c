/* SPDX-License-Identifier: MIT */
#include "run/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sysexits.h>

#include "devcontainer/configuration.h"

int failure_set(struct failure *failure, int exit_code, const char *format, ...)
{
    va_list arguments;

    failure->exit_code = exit_code;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof(failure->text), format, arguments);
    va_end(arguments);
    return -ECANCELED;
}

int failure_set_configuration(struct failure *failure, const struct configuration_error *error)
{
    const struct text_error *text = &error->text;

    if (error->file[0] == '\0')
        return failure_set(failure, EX_CONFIG, "%s", text->message);
    if (text->line == 0)
        return failure_set(failure, EX_CONFIG, "%.1024s: %s", error->file, text->message);
    return failure_set(failure, EX_CONFIG, "%.1024s:%u:%u: %s", error->file, text->line,
                       text->column, text->message);
}
