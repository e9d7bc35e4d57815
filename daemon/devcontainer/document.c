/* SPDX-License-Identifier: MIT */
#include "devcontainer/document.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/plain_text.h"
#include "devcontainer/file.h"

void configuration_error_place(struct configuration_error *reterr, const char *file)
{
    snprintf(reterr->file, sizeof(reterr->file), "%s", file);
}

int configuration_error_set(struct configuration_error *reterr, const char *file,
                            const char *format, ...)
{
    char message[TEXT_ERROR_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    configuration_error_place(reterr, file);
    return text_error_set(&reterr->text, 0, 0, "%s", message);
}

int document_parse(const char *path, char *take_text, size_t size, struct document *ret_document,
                   struct configuration_error *reterr)
{
    struct document document = {.text = take_text, .size = size};

    if (jsonc_read(document.text, document.size, &document.jsonc, &reterr->text) < 0) {
        configuration_error_place(reterr, path);
        free(document.text);
        return -EINVAL;
    }
    *ret_document = document;
    return 0;
}

int document_read(const char *path, struct document *ret_document,
                  struct configuration_error *reterr)
{
    struct stat status;
    char *text;
    size_t size;
    int r = file_read(path, CONFIGURATION_FILE_SIZE_MAX, &text, &size, &status);

    if (r == -ENOENT)
        return r;
    if (r < 0)
        return configuration_error_set(reterr, path, "%s", file_explain(r));
    r = document_parse(path, text, size, ret_document, reterr);
    if (r == 0)
        ret_document->status = status;
    return r;
}

void document_done(struct document *document)
{
    jsonc_done(&document->jsonc);
    free(document->text);
    document->text = NULL;
}

const char *configuration_error_format(const struct configuration_error *error,
                                       char text[static CONFIGURATION_ERROR_TEXT_SIZE])
{
    const struct text_error *what = &error->text;
    char place[32] = "";

    if (what->line && what->column)
        snprintf(place, sizeof(place), ":%u:%u", what->line, what->column);
    else if (what->line)
        snprintf(place, sizeof(place), ":%u", what->line);
    snprintf(text, CONFIGURATION_ERROR_TEXT_SIZE, "%s%s%s%s", error->file,
             error->file[0] ? place : "", error->file[0] ? ": " : "", what->message);
    plain_text_clean(text, ""); /* a path is anybody's choice */
    return text;
}
