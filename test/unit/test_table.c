/* SPDX-License-Identifier: MIT */
#include "base/table.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define VALUES 4096

struct value {
    unsigned key;
    bool present, seen;
};

static struct value values[VALUES];

static void put_value(struct table *table, unsigned i)
{
    values[i] = (struct value){.key = i, .present = true};
    table_put(table, &values[i].key, sizeof(values[i].key), &values[i]);
}

static void check_all(const struct table *table)
{
    for (unsigned i = 0; i < VALUES; i++)
        ck_assert_ptr_eq(table_get(table, &i, sizeof(i)), values[i].present ? &values[i] : NULL);
}

START_TEST(what_is_put_is_found_until_removed)
{
    struct table *table = table_new();
    size_t count = 0;

    memset(values, 0, sizeof(values));
    srandom(1);
    for (int step = 0; step < 200000; step++) {
        unsigned i = (unsigned)random() % VALUES;

        if (values[i].present) {
            ck_assert_ptr_eq(table_remove(table, &i, sizeof(i)), &values[i]);
            values[i].present = false;
            count--;
        } else {
            ck_assert_ptr_null(table_remove(table, &i, sizeof(i)));
            put_value(table, i);
            count++;
        }
        ck_assert_uint_eq(table_count(table), count);
        if (step % 20000 == 0)
            check_all(table);
    }
    check_all(table);
    table_free(table);
}
END_TEST

START_TEST(walk_sees_everything_once_and_may_remove)
{
    struct table *table = table_new();
    struct value *value;
    size_t position = 0, seen = 0;

    memset(values, 0, sizeof(values));
    ck_assert_ptr_null(table_next(table, &position));
    for (unsigned i = 0; i < VALUES; i++)
        put_value(table, i);
    position = 0;
    while ((value = table_next(table, &position))) {
        ck_assert(!value->seen);
        value->seen = true;
        seen++;
        if (value->key % 3 == 0) {
            table_remove(table, &value->key, sizeof(value->key));
            value->present = false;
        }
    }
    ck_assert_uint_eq(seen, VALUES);
    ck_assert_ptr_null(table_next(table, &position));
    check_all(table);
    table_free(table);
}
END_TEST

START_TEST(keys_of_any_size_are_told_apart)
{
    static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaa";
    static char found[sizeof(text)];
    struct table *table = table_new();

    for (size_t size = 0; size < sizeof(text); size++)
        table_put(table, text, size, &found[size]);
    for (size_t size = 0; size < sizeof(text); size++)
        ck_assert_ptr_eq(table_get(table, text, size), &found[size]);
    ck_assert_ptr_null(table_get(table, "b", 1));
    table_free(table);
    table_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("table");
    TCase *tests = tcase_create("table");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_test(tests, what_is_put_is_found_until_removed);
    tcase_add_test(tests, walk_sees_everything_once_and_may_remove);
    tcase_add_test(tests, keys_of_any_size_are_told_apart);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
