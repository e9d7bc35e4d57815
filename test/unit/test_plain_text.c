/* SPDX-License-Identifier: MIT */
/* Which characters these are, test_screen.c has cases of. */
#include "base/plain_text.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text_error.h"

START_TEST(what_is_spared_stays)
{
    char text[] = "one\n\ttwo\033[0m\xc2\x9b";

    ck_assert(plain_text_clean(text, "\n\t"));
    ck_assert_str_eq(text, "one\n\ttwo?[0m??");
    ck_assert(!plain_text_clean(text, "\n\t"));
}
END_TEST

START_TEST(an_error_drives_no_terminal)
{
    struct text_error error;

    text_error_set(&error, 1, 1, "unknown key \"%s\"", "\xc3\xbc\xc2\x9b\033\x9b");
    ck_assert_str_eq(error.message, "unknown key \"\xc3\xbc????\"");
}
END_TEST

START_TEST(a_line_of_the_log_drives_no_terminal)
{
    static const char expected[] = "egressd: error: \xc3\xbc\\xc2\\x9b\\x1b\\x9b\\x0a\n";
    char line[128] = "";
    int screen = dup(STDERR_FILENO), ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    log_error("%s", "\xc3\xbc\xc2\x9b\033\x9b\n");
    dup2(screen, STDERR_FILENO);
    ck_assert_int_eq(read(ends[0], line, sizeof(line) - 1), sizeof(expected) - 1);
    ck_assert_str_eq(line, expected);
    close(ends[0]);
    close(ends[1]);
    close(screen);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plain_text");
    TCase *tests = tcase_create("plain_text");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_test(tests, what_is_spared_stays);
    tcase_add_test(tests, an_error_drives_no_terminal);
    tcase_add_test(tests, a_line_of_the_log_drives_no_terminal);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
