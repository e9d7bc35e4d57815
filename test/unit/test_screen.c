/* SPDX-License-Identifier: MIT */
#include "egressctl/screen.h"

#include <check.h>
#include <json-c/json.h>
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
    {"\xc2", "\xc2"},
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
    tcase_add_loop_test(tests, durations_read_well, 0, sizeof(durations) / sizeof(durations[0]));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
