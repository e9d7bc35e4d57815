/* SPDX-License-Identifier: MIT */
#include "journal/names.h"

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static struct names *names;

static void set_up(void)
{
    names = names_new();
}

static void tear_down(void)
{
    names_free(names);
}

static struct address address_of(unsigned number)
{
    return (struct address){
        ADDRESS_V4, {198, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};
}

static void learn(unsigned number, const char *name)
{
    struct address address = address_of(number);

    names_learn(names, &address, name);
}

static void expect(unsigned number, const char *name, unsigned more)
{
    struct address address = address_of(number);
    unsigned found_more = 0;
    const char *found = names_find(names, &address, &found_more);

    ck_assert_pstr_eq(found, name);
    ck_assert_uint_eq(found_more, more);
}

START_TEST(the_last_name_counts_and_others_are_counted)
{
    expect(1, NULL, 0);
    learn(1, "a.test");
    learn(1, "a.test");
    expect(1, "a.test", 0);
    learn(1, "b.test");
    expect(1, "b.test", 1);
    learn(1, "a.test");
    expect(1, "a.test", 1);
    learn(1, "c.test");
    expect(1, "c.test", 2);
    expect(2, NULL, 0);
}
END_TEST

START_TEST(families_are_told_apart)
{
    struct address v6 = address_of(1);
    unsigned more;

    v6.family = ADDRESS_V6;
    learn(1, "a.test");
    ck_assert_ptr_null(names_find(names, &v6, &more));
}
END_TEST

START_TEST(many_names_of_one_address_are_bounded)
{
    struct address address = address_of(1);
    unsigned more;

    for (int i = 0; i < 1000; i++) {
        char name[32];

        snprintf(name, sizeof(name), "n%d.test", i);
        learn(1, name);
    }
    ck_assert_str_eq(names_find(names, &address, &more), "n999.test");
    ck_assert_uint_ge(more, 4);
    ck_assert_uint_le(more, 16);
}
END_TEST

START_TEST(what_was_learned_longest_ago_goes_first)
{
    unsigned first_left = 0;

    for (unsigned i = 0; i < 20000; i++) {
        learn(i, "many.test");
        learn(1000000, "often.test");
    }
    expect(1000000, "often.test", 0);
    expect(19999, "many.test", 0);
    expect(0, NULL, 0);
    for (unsigned i = 0; i < 20000 && first_left == 0; i++) {
        struct address address = address_of(i);
        unsigned more;

        first_left = names_find(names, &address, &more) ? i : 0;
    }
    ck_assert_uint_ge(first_left, 10000);
    for (unsigned i = first_left; i < 20000; i++)
        expect(i, "many.test", 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("names");
    TCase *tests = tcase_create("names");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, the_last_name_counts_and_others_are_counted);
    tcase_add_test(tests, families_are_told_apart);
    tcase_add_test(tests, many_names_of_one_address_are_bounded);
    tcase_add_test(tests, what_was_learned_longest_ago_goes_first);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
