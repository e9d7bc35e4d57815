/* SPDX-License-Identifier: MIT */
#include "egressctl/screen.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *text, *clean;
} cases[] = {
    {"", ""},
    {"plain text", "plain text"},
    {"a\033[31mb", "a?[31mb"},
    {"one\ntwo\r", "one?two?"},
    {"\x7f", "?"},
    {"\xc2\x9b"
     "31m",
     "??31m"}, /* CSI as one C1 character */
    {"\xc3\xbc\xc2\xa0", "\xc3\xbc\xc2\xa0"},
    {"\xe2\x82\xac \xf0\x9f\x98\x80", "\xe2\x82\xac \xf0\x9f\x98\x80"},
    /* What is not UTF-8 may be a control character to a terminal that expects something else. */
    {"\xc2", "?"},
    {"a\x9b"
     "31m",
     "a?31m"},
    {"\xc0\x9b\xe0\x80\x9b\xed\xa0\x80\xf4\x90\x80\x80\xff", "?????????????"},
};

START_TEST(nothing_drives_the_terminal)
{
    struct json_object *object = json_object_new_object();
    struct json_object *array = json_object_new_array();

    json_object_array_add(array, json_object_new_string(cases[_i].text));
    json_object_object_add(object, "array", array);
    json_object_object_add(object, "text", json_object_new_string(cases[_i].text));
    json_object_object_add(object, "nothing", NULL);
    screen_clean(object);
    ck_assert_str_eq(screen_text(object, "text"), cases[_i].clean);
    ck_assert_str_eq(json_object_get_string(json_object_array_get_idx(array, 0)), cases[_i].clean);
    ck_assert_str_eq(screen_text(object, "nothing"), "");
    ck_assert_str_eq(screen_text(object, "absent"), "");
    json_object_put(object);
}
END_TEST

static const struct {
    const char *text, *json;
} json_cases[] = {
    {"plain /\xc3\xbc", "{\"text\":\"plain /\xc3\xbc\"}\n"},
    {"a\033[31m\x7f", "{\"text\":\"a\\u001b[31m\\u007f\"}\n"},
    {"\xc2\x9b", "{\"text\":\"\\u009b\"}\n"},
    {"\x9b", "{\"text\":\"\\ufffd\"}\n"},
};

START_TEST(json_means_the_same_and_drives_no_terminal)
{
    struct json_object *object = json_object_new_object();
    FILE *screen = stdout;
    char *printed;
    size_t size;

    json_object_object_add(object, "text", json_object_new_string(json_cases[_i].text));
    stdout = open_memstream(&printed, &size);
    screen_print_json(object);
    fclose(stdout);
    stdout = screen;
    ck_assert_str_eq(printed, json_cases[_i].json);
    free(printed);
    json_object_put(object);
}
END_TEST

START_TEST(only_strings_are_texts)
{
    struct json_object *array = json_tokener_parse("[\"text\", null, {\"\xc2\x9b\": 1}, 7]");

    ck_assert_str_eq(screen_text_at(array, 0), "text");
    for (size_t i = 1; i < 5; i++)
        ck_assert_str_eq(screen_text_at(array, i), "");
    json_object_put(array);
}
END_TEST

static const struct {
    int64_t seconds;
    const char *text;
} durations[] = {
    {0, "0 s"},          {59, "59 s"},       {60, "1 min 0 s"}, {3599, "59 min 59 s"},
    {3600, "1 h 0 min"}, {90061, "1 d 1 h"},
};

START_TEST(durations_read_well)
{
    char text[SCREEN_DURATION_SIZE];

    ck_assert_str_eq(screen_duration(durations[_i].seconds, text), durations[_i].text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("screen");
    TCase *tests = tcase_create("screen");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, nothing_drives_the_terminal, 0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_loop_test(tests, json_means_the_same_and_drives_no_terminal, 0,
                        sizeof(json_cases) / sizeof(json_cases[0]));
    tcase_add_test(tests, only_strings_are_texts);
    tcase_add_loop_test(tests, durations_read_well, 0, sizeof(durations) / sizeof(durations[0]));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
