/* SPDX-License-Identifier: MIT */
#include "control/users.h"

#include <check.h>
#include <stdlib.h>

static const char passwd[] =
    "root:x:0:0:root:/root:/bin/sh\n"
    "broken\n"
    "also:broken\n"
    ":x:5:5::/:\n"
    "vscode:x:1000:1000::/home/vscode:/bin/bash\n"
    "second:x:1000:1000::/:/bin/sh\n"
    "letters:x:7a:7::/:\n"
    "negative:x:-8:7::/:\n"
    "over:x:4294967305:7::/:\n" /* 2^32 + 9 */
    "\x1b[31mred:x:11:7::/:\n"
    "two words:x:12:7::/:\n"
    "0123456789012345678901234567890123456789012345678901234567890123:x:13:\n"
    "last:x:4294967294:1::/:";

static const struct {
    uint32_t uid;
    const char *name;
} cases[] = {
    {0, "root"}, {1000, "vscode"}, {5, NULL},  {7, NULL},  {8, NULL},
    {9, NULL},   {11, NULL},       {12, NULL}, {13, NULL}, {4294967294, "last"},
};

START_TEST(the_first_line_of_a_number_has_its_name)
{
    char name[USERS_NAME_SIZE];

    ck_assert_pstr_eq(users_find(passwd, cases[_i].uid, name), cases[_i].name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("users");
    TCase *tests = tcase_create("users");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, the_first_line_of_a_number_has_its_name, 0,
                        sizeof(cases) / sizeof(cases[0]));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
