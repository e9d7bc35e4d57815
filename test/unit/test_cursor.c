/* SPDX-License-Identifier: MIT */
#include "base/cursor.h"

#include <check.h>
#include <stdlib.h>

static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7};

START_TEST(numbers_are_read_in_network_order)
{
    struct cursor c = cursor_over(bytes, sizeof(bytes));

    ck_assert_uint_eq(cursor_u8(&c), 1);
    ck_assert_uint_eq(cursor_u16(&c), 0x0203);
    ck_assert_uint_eq(cursor_u32(&c), 0x04050607);
    ck_assert_uint_eq(cursor_left(&c), 0);
    ck_assert(!c.failed);
}
END_TEST

START_TEST(failure_stays)
{
    struct cursor c = cursor_over(bytes, 3);

    ck_assert_uint_eq(cursor_u32(&c), 0);
    ck_assert(c.failed);
    ck_assert_uint_eq(cursor_left(&c), 0);
    ck_assert_uint_eq(cursor_u8(&c), 0);
    ck_assert_ptr_null(cursor_take(&c, 0));
}
END_TEST

START_TEST(nothing_is_taken_past_the_end)
{
    struct cursor c = cursor_over(bytes, sizeof(bytes));

    ck_assert_ptr_eq(cursor_take(&c, sizeof(bytes)), bytes);
    ck_assert_ptr_nonnull(cursor_take(&c, 0));
    ck_assert_ptr_null(cursor_take(&c, SIZE_MAX));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cursor");
    TCase *tests = tcase_create("cursor");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_test(tests, numbers_are_read_in_network_order);
    tcase_add_test(tests, failure_stays);
    tcase_add_test(tests, nothing_is_taken_past_the_end);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
