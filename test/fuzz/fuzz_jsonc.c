/* SPDX-License-Identifier: MIT */
/* The scanner that finds places and json-c that reads values see the same text: where a value is
 * said to stand, just that value stands. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devcontainer/jsonc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECKS_MAX 256 /* each reads the text from its place on */

static unsigned checks_left;

/* Reads what stands at place alone, whatever comes behind it. What json-c would get wrong (a
 * comment that ends in "**" and "/", which jsonc.c blanks) is left out. */
static void check_value(const struct jsonc *document, size_t place, struct json_object *expected)
{
    struct json_tokener *tokener;
    struct json_object *value;

    assert(place < document->size);
    if (memmem(document->text + place, document->size - place, "**/", 3))
        return;
    tokener = json_tokener_new();
    value = json_tokener_parse_ex(tokener, document->text + place, (int)(document->size - place));
    if (json_tokener_get_error(tokener) == json_tokener_continue)
        value = json_tokener_parse_ex(tokener, "\n", 1);
    assert(json_tokener_get_error(tokener) == json_tokener_success);
    assert(strcmp(json_object_to_json_string(value), json_object_to_json_string(expected)) == 0);
    json_object_put(value);
    json_tokener_free(tokener);
}

static void check_line(struct jsonc *document, size_t place)
{
    unsigned line, column, expected_line = 1;
    size_t start = 0;

    for (size_t i = 0; i < place; i++)
        if (document->text[i] == '\n') {
            expected_line++;
            start = i + 1;
        }
    jsonc_find_line(document, place, &line, &column);
    assert(line == expected_line && column == place - start + 1);
}

static void check(struct jsonc *document, size_t place, struct json_object *value)
{
    if (checks_left == 0)
        return;
    checks_left--;
    check_value(document, place, value);
    check_line(document, place);
    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, key, member)
        {
            size_t at = jsonc_member(document, place, key);

            if (at != place) /* written with escapes: not found */
                check(document, at, member);
        }
    }
    if (json_object_is_type(value, json_type_array)) {
        size_t at = jsonc_first_element(document, place);

        for (size_t i = 0; i < json_object_array_length(value); i++) {
            check(document, at, json_object_array_get_idx(value, i));
            at = jsonc_next_element(document, at);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text_error error = {0};
    struct jsonc document;

    if (jsonc_read((const char *)data, size, &document, &error) < 0) {
        assert(error.message[0] && error.line >= 1 && error.column >= 1);
        return 0;
    }
    checks_left = CHECKS_MAX;
    check(&document, jsonc_root(&document), document.root);
    jsonc_done(&document);
    return 0;
}
