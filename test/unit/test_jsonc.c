/* SPDX-License-Identifier: MIT */
#include "devcontainer/jsonc.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (int)(sizeof(array) / sizeof((array)[0]))

/* What dev container tools accept; "a" is at line:column. */
static const struct {
    const char *text;
    unsigned line, column;
} accepted[] = {
    {"{\"a\":1}", 1, 6},
    /* json-c goes on to the next end of a comment, and would not see what stands between. */
    {"{/* x **/\"a\":1 /* y */}", 1, 14},
    {"{/***/\"a\":1/**/}", 1, 11},
    {"{\"b\":\"/*\",\"a\":1,\"c\":\"*/\"}", 1, 15},
    /* For editors and the tools a carriage return ends the comment. */
    {"{\"b\":1, // x\r\"a\":1}", 1, 18},
    {"\xef\xbb\xbf{\"a\":1}", 1, 6},
    {"{\"a\":[1,],}", 1, 6},
    {"// {\n{ /* \"a\": 2 */ \"a\" /* : */ : // x\n  1 }", 3, 3},
    {"{\"a\":1} // no newline", 1, 6},
    {"{\"a\":1}\r\n\r\n", 1, 6},
    {"{\r\n\"a\":\r\n\t1}", 3, 2},
    {"{\"a\":1,\"a\":[2]}", 1, 12},
    {"{\"b\":{\"a\":7},\"a\":1}", 1, 18},
    {"{\"b\":\"\\\"a\\\":7\",\"a\":1}", 1, 20},
    {"{\"b\":[[\"}\"],{}],\"a\":1}", 1, 21},
    {"{\"b\":-1.5e3,\"c\":true,\"d\":null,\"a\":1}", 1, 35},
    {"{\"b\":1/**/,\"a\":1}", 1, 16},
};

/* leak: L34 */
START_TEST(place_is_found)
{
    struct text_error error = {0};
    struct jsonc document;
    unsigned line, column;

    ck_assert_msg(jsonc_read(accepted[_i].text, strlen(accepted[_i].text), &document, &error) == 0,
                  "%s: %s", accepted[_i].text, error.message);
    ck_assert_msg(json_object_object_get_ex(document.root, "a", NULL), "%s", accepted[_i].text);
    jsonc_find_line(&document, jsonc_member(&document, jsonc_root(&document), "a"), &line, &column);
    ck_assert_msg(line == accepted[_i].line && column == accepted[_i].column, "%s: %u:%u",
                  accepted[_i].text, line, column);
    jsonc_done(&document);
}
END_TEST

static const struct {
    const char *text;
    unsigned line, column;
    const char *message;
} refused[] = {
    {"", 1, 1, "empty"},
    {" // x", 1, 1, "empty"},
    {"[1]", 1, 1, "must hold an object"},
    {"null", 1, 1, "must hold an object"},
    {"7", 1, 1, "must hold an object"},
    {"{\"a\":1", 1, 1, "never closed"},
    {"{\n \"a\": [1,\n 2", 2, 7, "never closed"},
    {"{\"a\":\"x}", 1, 6, "never closed"},
    {"{\"a\":\"x\"", 1, 1, "never closed"},
    {"{\"a\":1} /* x", 1, 9, "never closed"},
    {"{\"a\":1}\n}", 2, 1, "more text"},
    {"{\"a\":1} {\"a\":2}", 1, 9, "more text"},
    {"{\"a\":1} // x\nallow", 2, 1, "more text"},
    {"{\"a\" 1}", 1, 6, "':'"},
    {"{\"a\":1\n\"b\":2}", 2, 1, "comma"},
    {"{\"a\":[1 2]}", 1, 9, "comma"},
    {"{a:1}", 1, 2, "double quotes"},
    {"{\"a\":1,,}", 1, 8, "double quotes"},
    {"{\"a\":[1,,2]}", 1, 9, "a value"},
    {"{\"a\":}", 1, 6, "a value"},
    {"{\"a\":/x}", 1, 7, "comment"},
    /* Others see a comment here, and we would see what is in it. */
    {"{\"b\":'/*',\"a\":1,\"c\":'*/'}", 1, 6, "double quotes"},
    {"{'a':1}", 1, 2, "double quotes"},
    {"{\"a\":\"/*\n\",\"b\":1,\"c\":\"*/\"}", 1, 6, "in the line"},
    {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 1, 33, "brackets"},
};

/* leak: L34 */
START_TEST(error_has_its_place)
{
    struct text_error error = {0};
    struct jsonc document;

    ck_assert_msg(jsonc_read(refused[_i].text, strlen(refused[_i].text), &document, &error) ==
                      -EINVAL,
                  "%s", refused[_i].text);
    ck_assert_msg(strstr(error.message, refused[_i].message), "%s", error.message);
    ck_assert_msg(error.line == refused[_i].line && error.column == refused[_i].column,
                  "%s: %u:%u %s", refused[_i].text, error.line, error.column, error.message);
}
END_TEST

START_TEST(nul_is_no_end)
{
    static const char text[] = "{\"a\":1}\0{\"b\":2}";
    /* json-c takes the inner object for the whole when a NUL comes in a comment behind it. */
    static const char inner[] = "{\"a\":{\"b\":1}/*\n2}/*\n\0 ";
    struct text_error error = {0};
    struct jsonc document;

    ck_assert_int_eq(jsonc_read(text, sizeof(text) - 1, &document, &error), -EINVAL);
    ck_assert_int_eq(jsonc_read(inner, sizeof(inner) - 1, &document, &error), -EINVAL);
    ck_assert_msg(strstr(error.message, "NUL"), "%s", error.message);
    ck_assert_uint_eq(error.line, 3);
}
END_TEST

START_TEST(elements_are_walked)
{
    static const char text[] = "{\"a\":[ \"x\" , {\"b\":[1]}/*,*/, [2,3],\n4.5 ,]}";
    static const size_t expected[] = {7, 13, 29, 36};
    struct text_error error;
    struct jsonc document;
    size_t place;

    ck_assert_int_eq(jsonc_read(text, strlen(text), &document, &error), 0);
    place = jsonc_first_element(&document, jsonc_member(&document, jsonc_root(&document), "a"));
    for (int i = 0; i < COUNT_OF(expected); i++) {
        ck_assert_uint_eq(place, expected[i]);
        place = jsonc_next_element(&document, place);
    }
    jsonc_done(&document);
}
END_TEST

START_TEST(lines_are_found_in_any_order)
{
    static const char text[] = "{\n\n\"a\":1,\n\"b\":2}";
    struct text_error error;
    struct jsonc document;
    unsigned line, column;

    ck_assert_int_eq(jsonc_read(text, strlen(text), &document, &error), 0);
    jsonc_find_line(&document, jsonc_key(&document, jsonc_root(&document), "b"), &line, &column);
    ck_assert_uint_eq(line, 4);
    jsonc_find_line(&document, jsonc_key(&document, jsonc_root(&document), "a"), &line, &column);
    ck_assert_uint_eq(line, 3);
    ck_assert_uint_eq(column, 1);
    jsonc_find_line(&document, strlen(text), &line, &column);
    ck_assert_uint_eq(line, 4);
    jsonc_done(&document);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jsonc");
    TCase *tests = tcase_create("jsonc");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, place_is_found, 0, COUNT_OF(accepted));
    tcase_add_loop_test(tests, error_has_its_place, 0, COUNT_OF(refused));
    tcase_add_test(tests, nul_is_no_end);
    tcase_add_test(tests, elements_are_walked);
    tcase_add_test(tests, lines_are_found_in_any_order);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
