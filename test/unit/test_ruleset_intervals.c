/* SPDX-License-Identifier: MIT */
#include "firewall/intervals.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIXES_MAX 6

static const struct {
    const char *prefixes[PREFIXES_MAX];
    const char *expected; /* "FIRST-LAST ..." */
} cases[] = {
    {{"192.0.2.0/24"}, "192.0.2.0-192.0.2.255"},
    {{"192.0.2.7"}, "192.0.2.7-192.0.2.7"},
    {{"192.0.2.0/24", "192.0.2.64/26"}, "192.0.2.0-192.0.2.255"},
    {{"192.0.2.64/26", "192.0.2.0/24"}, "192.0.2.0-192.0.2.255"},
    {{"192.0.2.0/25", "192.0.2.128/25"}, "192.0.2.0-192.0.2.255"},
    {{"192.0.2.0/25", "192.0.2.129"}, "192.0.2.0-192.0.2.127 192.0.2.129-192.0.2.129"},
    {{"192.0.2.7", "192.0.2.7"}, "192.0.2.7-192.0.2.7"},
    {{"203.0.113.9", "192.0.2.7"}, "192.0.2.7-192.0.2.7 203.0.113.9-203.0.113.9"},
    {{"0.0.0.0/0", "192.0.2.7"}, "0.0.0.0-255.255.255.255"},
    {{"0.0.0.0/1", "128.0.0.0/1"}, "0.0.0.0-255.255.255.255"},
    {{"255.255.255.255", "0.0.0.0"}, "0.0.0.0-0.0.0.0 255.255.255.255-255.255.255.255"},
    {{"192.0.2.255", "192.0.3.0/24"}, "192.0.2.255-192.0.3.255"},
    {{"::/0"}, "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {{"2001:db8::/127", "2001:db8::2"}, "2001:db8::-2001:db8::2"},
    {{"2001:db8::ffff", "2001:db8::1:0"}, "2001:db8::ffff-2001:db8::1:0"},
};

static void format(const struct interval *intervals, size_t count, char *text)
{
    *text = '\0';
    for (size_t i = 0; i < count; i++) {
        char first[ADDRESS_TEXT_SIZE], last[ADDRESS_TEXT_SIZE];

        sprintf(text + strlen(text), "%s%s-%s", i ? " " : "",
                address_format(&intervals[i].first, first),
                address_format(&intervals[i].last, last));
    }
}

START_TEST(prefixes_become_disjoint_intervals)
{
    struct interval intervals[PREFIXES_MAX];
    struct prefix prefix;
    size_t count = 0;
    char text[1024];

    for (; count < PREFIXES_MAX && cases[_i].prefixes[count]; count++) {
        ck_assert_int_eq(prefix_parse(cases[_i].prefixes[count], &prefix), 0);
        prefix_bounds(&prefix, &intervals[count].first, &intervals[count].last);
    }
    format(intervals, intervals_merge(intervals, count), text);
    ck_assert_str_eq(text, cases[_i].expected);
}
END_TEST

START_TEST(nothing_stays_nothing)
{
    ck_assert_uint_eq(intervals_merge(NULL, 0), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ruleset intervals");
    TCase *tests = tcase_create("merge");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tests, prefixes_become_disjoint_intervals, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tests, nothing_stays_nothing);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
