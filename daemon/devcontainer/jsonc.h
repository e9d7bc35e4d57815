/* SPDX-License-Identifier: MIT */
/* JSON with comments: json-c reads the values, and a small scanner over the same text finds where a
 * value was written, which json-c does not keep. */
#ifndef EGRESSD_DEVCONTAINER_JSONC_H
#define EGRESSD_DEVCONTAINER_JSONC_H

#include <json-c/json.h>
#include <stddef.h>

#include "base/text_error.h"

struct jsonc {
    const char *text; /* borrowed; behind the BOM if there was one */
    size_t size;
    struct json_object *root; /* owned; an object */
    /* The line that jsonc_find_line counted to last: places are mostly asked for in order. */
    size_t line_start;
    unsigned line;
};

/* Accepts comments, trailing commas and a BOM. Refuses what follows the value, and a value that is
 * not an object. */
int jsonc_read(const char *text, size_t size, struct jsonc *ret_document,
               struct text_error *reterr);
void jsonc_done(struct jsonc *document);

/* Places are offsets in text of the first byte of a value. */
size_t jsonc_root(const struct jsonc *document);
/* Of the value of a key and of the key itself, in the object at this place; where a key is written
 * twice, of the last, as in json-c. The object's own place if there is none (a key written with
 * escapes). */
size_t jsonc_member(const struct jsonc *document, size_t object, const char *key);
size_t jsonc_key(const struct jsonc *document, size_t object, const char *key);
/* Of the first element of the array at this place, and of the element after the one at this place.
 * Ask only for elements that there are. */
size_t jsonc_first_element(const struct jsonc *document, size_t array);
size_t jsonc_next_element(const struct jsonc *document, size_t element);

/* Line and column, from 1. */
void jsonc_find_line(struct jsonc *document, size_t place, unsigned *ret_line,
                     unsigned *ret_column);

#endif
