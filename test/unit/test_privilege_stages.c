/* SPDX-License-Identifier: MIT */
/* The stages before the last: a daemon that starts can still read and then drop; who renounces has
 * nothing. */
#include "base/privilege.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool status_has(const char *line)
{
    char status[8192];
    FILE *file = fopen("/proc/self/status", "re");
    size_t size;

    if (!file)
        return false;
    size = fread(status, 1, sizeof(status) - 1, file);
    fclose(file);
    status[size] = '\0';
    return strstr(status, line) != NULL;
}

static bool is_only_what_a_start_needs(void)
{
    return status_has("CapPrm:\t00000000000010c4\n") || /* with DAC_READ_SEARCH */
           status_has("CapPrm:\t00000000000010c2\n") || /* with DAC_OVERRIDE */
           status_has("CapPrm:\t00000000000010c0\n");
}

/* Each returns the number of what is wrong. In a child of its own: the way down is one-way. */
static int become_and_drop(void)
{
    if (privilege_become_daemon() < 0 || !status_has("Uid:\t65053\t65053\t65053\t65053\n"))
        return 1;
    if (!privilege_has_net_admin() || prctl(PR_GET_DUMPABLE) != 0 ||
        !status_has("NoNewPrivs:\t1\n"))
        return 2;
    if (access("/proc/1/environ", F_OK) < 0)
        return 3;
    if (!status_has("CapBnd:\t0000000000000000\n") || !is_only_what_a_start_needs())
        return 6;
    if (privilege_drop() < 0 || !status_has("CapPrm:\t0000000000001000\n"))
        return 4;
    return setresuid(0, 0, 0) == 0 ? 5 : 0;
}

static int become_witness(void)
{
    if (privilege_become_daemon() < 0 || privilege_become_witness() < 0)
        return 1;
    if (!status_has("CapPrm:\t00000000000000c0\n") || !status_has("NoNewPrivs:\t1\n"))
        return 2;
    return privilege_has_net_admin() ? 3 : 0;
}

static int renounce(void)
{
    if (privilege_renounce() < 0 || privilege_has_net_admin())
        return 1;
    if (!status_has("CapPrm:\t0000000000000000\n") || !status_has("NoNewPrivs:\t1\n"))
        return 2;
    if (!status_has("Uid:\t0\t0\t0\t0\n"))
        return 3;
    return privilege_become_daemon() == 0 ? 4 : 0;
}

static int (*const stages[])(void) = {become_and_drop, become_witness, renounce};

START_TEST(stage_takes_and_leaves_what_it_says)
{
    pid_t child = fork();
    int status;

    if (child == 0)
        _exit(stages[_i]());
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("privilege_stages");
    TCase *tests = tcase_create("privilege_stages");
    SRunner *runner = srunner_create(suite);
    int failed;

    if (geteuid() != 0 || !privilege_has_net_admin())
        return 77;
    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, stage_takes_and_leaves_what_it_says, 0,
                        sizeof(stages) / sizeof(stages[0]));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
