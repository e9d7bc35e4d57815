/* SPDX-License-Identifier: MIT */
/* Whether a container is in the network of its machine. */
#include "doctor/whole_machine.h"

#include <check.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a process sees that is in new namespaces of these kinds. */
static bool is_seen_from(int namespaces)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        pid_t inner;

        if (unshare(namespaces) < 0 || (inner = fork()) < 0)
            _exit(2);
        if (inner == 0)
            _exit(whole_machine_sign() != NULL);
        _exit(waitpid(inner, &status, 0) == inner ? WEXITSTATUS(status) : 2);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_ne(WEXITSTATUS(status), 2);
    return WEXITSTATUS(status) == 1;
}

/* A container may be given any of its machine's: --pid host, --ipc host and so on. */
static const int kinds[] = {CLONE_NEWPID, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWCGROUP};

/* leak: H36 */
START_TEST(the_machines_network_is_known_in_a_container)
{
    if (geteuid() != 0)
        return;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (whole_machine_has_this_network())
            ck_assert(is_seen_from(kinds[i]));
        ck_assert(!is_seen_from(kinds[i] | CLONE_NEWNET));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("whole_machine");
    TCase *tests = tcase_create("whole_machine");
    SRunner *runner;
    int failed;

    tcase_add_test(tests, the_machines_network_is_known_in_a_container);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
