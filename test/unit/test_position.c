/* SPDX-License-Identifier: MIT */
/* What /proc/PID/status says of a process, whatever the process is called. */
#include "doctor/position.h"

#include <check.h>
#include <linux/capability.h>
#include <stdio.h>

#define REST                                                                                       \
    "State:\tS (sleeping)\nUid:\t1000\t1000\t1000\t1000\nCapInh:\t0000000000000000\n"              \
    "CapPrm:\t0000000000001000\nCapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\n"            \
    "NoNewPrivs:\t1\nSeccomp:\t2\n"

static const char *const names[] = {"sh", "Uid:\t0", "CapPrm:\t0", "NoNewPrivs:\t0",
                                    "Uid:\\nUid:\t0"};

/* leak: H36 */
START_TEST(a_name_says_nothing_of_rights)
{
    struct position position;
    char status[512];

    snprintf(status, sizeof(status), "Name:\t%s\nUmask:\t0022\n" REST, names[_i]);
    position_parse(status, &position);
    ck_assert(position.is_known);
    ck_assert_uint_eq(position.uid, 1000);
    ck_assert(position.no_new_privileges);
    ck_assert(position_may(position.permitted, CAP_NET_ADMIN));
    ck_assert(!position_may(position.permitted, CAP_NET_RAW));
    ck_assert(position_may(position.bounding, CAP_NET_RAW));
}
END_TEST

static const char *const incomplete[] = {
    "",
    "Uid:\t",
    "Uid:\t0\nCapPrm:\t0\nCapBnd:\t0\n",
    "Name:\tUid:\t0\nCapPrm:\t0\nCapBnd:\t0\n",
    "Uid:\tx\nCapPrm:\t0\nCapBnd:\t0\nNoNewPrivs:\t0\n",
};

START_TEST(what_is_not_said_is_not_known)
{
    struct position position = {.is_known = true};

    position_parse(incomplete[_i], &position);
    ck_assert(!position.is_known);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("position");
    TCase *tests = tcase_create("position");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tests, a_name_says_nothing_of_rights, 0, sizeof(names) / sizeof(names[0]));
    tcase_add_loop_test(tests, what_is_not_said_is_not_known, 0,
                        sizeof(incomplete) / sizeof(incomplete[0]));
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
