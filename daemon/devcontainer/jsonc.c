/* SPDX-License-Identifier: MIT */
#include "devcontainer/jsonc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define DEPTH_MAX JSON_TOKENER_DEFAULT_DEPTH

/* --- the scanner: moves over text that json-c has accepted, and stays within bounds on any other
 * --- */

static bool starts_with(const struct jsonc *document, size_t at, const char *text)
{
    size_t length = strlen(text);

    return document->size - at >= length && memcmp(document->text + at, text, length) == 0;
}

/* A lone carriage return ends a line as well: to editors, and to dev container tools. */
static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

/* Whether the comment at this place is closed; where it ends, or the end of the text. */
static bool find_comment_end(const struct jsonc *document, size_t at, size_t *ret_end)
{
    const char *from = document->text + at, *end;
    size_t left = document->size - at;

    *ret_end = document->size;
    if (from[1] == '/') {
        while (at < document->size && !is_line_end(document->text[at]))
            at++;
        *ret_end = at;
        return true;
    }
    end = memmem(from + 2, left - 2, "*/", 2);
    if (end)
        *ret_end = (size_t)(end - document->text) + 2;
    return end;
}

static size_t skip_comment(const struct jsonc *document, size_t at)
{
    size_t end;

    find_comment_end(document, at, &end);
    return end;
}

static bool is_comment(const struct jsonc *document, size_t at)
{
    return starts_with(document, at, "//") || starts_with(document, at, "/*");
}

/* White space and comments, and the commas and colons between values: how they alternate, json-c
 * has checked. */
static size_t skip_between(const struct jsonc *document, size_t at)
{
    while (at < document->size) {
        if (is_comment(document, at))
            at = skip_comment(document, at);
        else if (memchr(" \t\r\n\v\f,:", document->text[at], 8))
            at++;
        else
            break;
    }
    return at;
}

/* The same for a string. */
static bool find_string_end(const struct jsonc *document, size_t at, size_t *ret_end)
{
    at++;
    while (at < document->size && document->text[at] != '"')
        at += document->text[at] == '\\' ? 2 : 1;
    *ret_end = at < document->size ? at + 1 : document->size;
    return at < document->size;
}

static size_t skip_string(const struct jsonc *document, size_t at)
{
    size_t end;

    find_string_end(document, at, &end);
    return end;
}

/* Behind the value at this place, without recursion. */
static size_t skip_value(const struct jsonc *document, size_t at)
{
    size_t depth = 0;

    while (at < document->size) {
        const char c = document->text[at];

        if (c == '"') {
            at = skip_string(document, at);
        } else if (is_comment(document, at)) {
            at = skip_comment(document, at);
            continue;
        } else if (c == '{' || c == '[') {
            depth++;
            at++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return at;
            depth--;
            at++;
        } else if (depth > 0) {
            at++;
            continue;
        } else {
            while (at < document->size && !strchr(" \t\r\n\v\f,]}/", document->text[at]))
                at++;
            return at;
        }
        if (depth == 0)
            return at;
    }
    return at;
}

/* --- reading ---------------------------------------------------------------------------------- */

void jsonc_find_line(struct jsonc *document, size_t place, unsigned *ret_line, unsigned *ret_column)
{
    const char *end;

    if (place < document->line_start || document->line == 0) {
        document->line_start = 0;
        document->line = 1;
    }
    while (
        (end = memchr(document->text + document->line_start, '\n', place - document->line_start))) {
        document->line_start = (size_t)(end - document->text) + 1;
        document->line++;
    }
    *ret_line = document->line;
    *ret_column = (unsigned)(place - document->line_start) + 1;
}

/* Where the string, the comment or the innermost bracket stands that is open at the text's end. */
static size_t find_open(const struct jsonc *document)
{
    size_t open[DEPTH_MAX + 1] = {0}, depth = 0, at = 0, end;

    for (; at < document->size; at = end) {
        const char c = document->text[at];

        end = at + 1;
        if (is_comment(document, at) && !find_comment_end(document, at, &end))
            return at;
        if (c == '"' && !find_string_end(document, at, &end))
            return at;
        if ((c == '{' || c == '[') && depth < DEPTH_MAX)
            open[depth++] = at;
        else if ((c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return depth > 0 ? open[depth - 1] : 0;
}

static const struct {
    enum json_tokener_error error;
    const char *message;
} syntax_errors[] = {
    {json_tokener_error_depth, "too many brackets within brackets"},
    {json_tokener_error_parse_eof, "the text ends too early"},
    {json_tokener_error_parse_object_key_name, "a key in double quotes, or '}', must stand here"},
    {json_tokener_error_parse_object_key_sep, "a ':' must stand here, behind the key"},
    {json_tokener_error_parse_object_value_sep,
     "a ',' or '}' must stand here: is a comma missing before?"},
    {json_tokener_error_parse_array, "a ',' or ']' must stand here: is a comma missing before?"},
    {json_tokener_error_parse_string, "a string is not written as JSON wants it"},
    {json_tokener_error_parse_comment, "a comment is not closed, or '/' is not the start of one"},
};

static int refuse_syntax(struct jsonc *document, enum json_tokener_error error, size_t at,
                         struct text_error *reterr)
{
    const char *message = "a value must stand here: a string in double quotes, [ or {";
    unsigned line, column;

    if (error == json_tokener_continue) {
        jsonc_find_line(document, find_open(document), &line, &column);
        if (skip_between(document, 0) == document->size)
            return text_error_set(reterr, line, column,
                                  "the file is empty: write '{}' at the least");
        return text_error_set(reterr, line, column, "what is opened here is never closed");
    }
    for (size_t i = 0; i < sizeof(syntax_errors) / sizeof(syntax_errors[0]); i++)
        if (syntax_errors[i].error == error)
            message = syntax_errors[i].message;
    jsonc_find_line(document, at < document->size ? at : document->size, &line, &column);
    return text_error_set(reterr, line, column, "not JSON: %s", message);
}

static int check_document(struct jsonc *document, size_t end, struct text_error *reterr)
{
    unsigned line, column;

    for (; end < document->size; end++) {
        if (is_comment(document, end))
            end = skip_comment(document, end) - 1;
        else if (!memchr(" \t\r\n", document->text[end], 4))
            break;
    }
    if (end < document->size) {
        jsonc_find_line(document, end, &line, &column);
        return text_error_set(reterr, line, column,
                              "more text follows where the file should end: one '{ ... }' is all "
                              "that can stand in it");
    }
    if (!json_object_is_type(document->root, json_type_object)) {
        jsonc_find_line(document, jsonc_root(document), &line, &column);
        return text_error_set(reterr, line, column, "the file must hold an object: '{ ... }'");
    }
    return 0;
}

/* json-c ends at one, wherever it comes, and may then take an inner object for the whole. */
static int refuse_nul(struct jsonc *document, struct text_error *reterr)
{
    const char *nul = memchr(document->text, '\0', document->size);
    unsigned line, column;

    if (!nul)
        return 0;
    jsonc_find_line(document, (size_t)(nul - document->text), &line, &column);
    return text_error_set(reterr, line, column, "a NUL byte stands here: this is no text");
}

static int refuse_string(struct jsonc *document, size_t at, const char *what,
                         struct text_error *reterr)
{
    unsigned line, column;

    jsonc_find_line(document, at, &line, &column);
    return text_error_set(reterr, line, column, "not JSON: %s", what);
}

/* What json-c takes for a string and others do not. To those, what stands in it may be a comment,
 * so that people would see another policy than the one that counts. */
static int refuse_odd_strings(struct jsonc *document, const char *blanked,
                              struct text_error *reterr)
{
    size_t end;

    for (size_t at = 0; at < document->size; at = end) {
        end = at + 1;
        if (blanked[at] == '\'')
            return refuse_string(document, at, "a string must stand in double quotes", reterr);
        if (blanked[at] != '"' || !find_string_end(document, at, &end))
            continue;
        for (size_t i = at; i < end; i++)
            if (is_line_end(blanked[i]))
                return refuse_string(document, at,
                                     "a string must end in the line in which it begins", reterr);
    }
    return 0;
}

/* The same text with blanks for comments, so that every place stays: json-c does not see the end of
 * one that ends in more than one asterisk, and would leave out what follows. One that is not closed
 * stays, to be refused. The caller frees. */
static char *blank_comments(const struct jsonc *document)
{
    char *blanked = xcalloc(document->size + 1, 1);
    size_t end;

    memcpy(blanked, document->text, document->size);
    for (size_t at = 0; at < document->size; at = end) {
        end = at + 1;
        if (document->text[at] == '"')
            find_string_end(document, at, &end);
        else if (is_comment(document, at) && find_comment_end(document, at, &end))
            memset(blanked + at, ' ', end - at);
    }
    return blanked;
}

int jsonc_read(const char *text, size_t size, struct jsonc *ret_document, struct text_error *reterr)
{
    struct jsonc document = {.text = text, .size = size};
    struct json_tokener *tokener;
    enum json_tokener_error error;
    char *blanked;
    size_t end;
    int r;

    if (starts_with(&document, 0, BYTE_ORDER_MARK)) {
        document.text += strlen(BYTE_ORDER_MARK);
        document.size -= strlen(BYTE_ORDER_MARK);
    }
    r = refuse_nul(&document, reterr);
    if (r < 0)
        return r;
    blanked = blank_comments(&document);
    r = refuse_odd_strings(&document, blanked, reterr);
    if (r < 0) {
        free(blanked);
        return r;
    }
    tokener = json_tokener_new();
    if (!tokener) {
        free(blanked);
        return text_error_set(reterr, 0, 0, "out of memory");
    }
    document.root = json_tokener_parse_ex(tokener, blanked, (int)document.size);
    free(blanked);
    error = json_tokener_get_error(tokener);
    end = json_tokener_get_parse_end(tokener);
    if (error == json_tokener_continue) {
        /* The last line may be a comment, and need not end in a newline. */
        document.root = json_tokener_parse_ex(tokener, "\n", 1);
        error = json_tokener_get_error(tokener);
        end = document.size;
    }
    json_tokener_free(tokener);

    r = error == json_tokener_success ? check_document(&document, end, reterr)
                                      : refuse_syntax(&document, error, end, reterr);
    if (r < 0) {
        json_object_put(document.root);
        return r;
    }
    *ret_document = document;
    return 0;
}

void jsonc_done(struct jsonc *document)
{
    json_object_put(document->root);
    document->root = NULL;
}

/* --- places ----------------------------------------------------------------------------------- */

size_t jsonc_root(const struct jsonc *document)
{
    return skip_between(document, 0);
}

static bool is_key(const struct jsonc *document, size_t at, size_t end, const char *key)
{
    size_t length = strlen(key);

    return end - at == length + 2 && memcmp(document->text + at + 1, key, length) == 0;
}

static void find_member(const struct jsonc *document, size_t object, const char *key,
                        size_t *ret_key, size_t *ret_value)
{
    size_t at;

    *ret_key = *ret_value = object;
    if (object >= document->size || document->text[object] != '{')
        return;
    at = skip_between(document, object + 1);
    while (at < document->size && document->text[at] == '"') {
        size_t end = skip_string(document, at);
        size_t value = skip_between(document, end);

        if (is_key(document, at, end, key)) {
            *ret_key = at;
            *ret_value = value;
        }
        at = skip_between(document, skip_value(document, value));
    }
}

size_t jsonc_member(const struct jsonc *document, size_t object, const char *key)
{
    size_t at, value;

    find_member(document, object, key, &at, &value);
    return value;
}

size_t jsonc_key(const struct jsonc *document, size_t object, const char *key)
{
    size_t at, value;

    find_member(document, object, key, &at, &value);
    return at;
}

size_t jsonc_first_element(const struct jsonc *document, size_t array)
{
    if (array >= document->size || document->text[array] != '[')
        return array;
    return skip_between(document, array + 1);
}

size_t jsonc_next_element(const struct jsonc *document, size_t element)
{
    return skip_between(document, skip_value(document, element));
}
