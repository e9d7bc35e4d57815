/* SPDX-License-Identifier: MIT */
#include "base/privilege.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const status_lines[] = {
    "Uid:\t65053\t65053\t65053\t65053\n",
    "Gid:\t65053\t65053\t65053\t65053\n",
    "Groups:\t \n",
    "CapInh:\t0000000000000000\n",
    "CapPrm:\t0000000000001000\n", /* bit 12: CAP_NET_ADMIN */
    "CapEff:\t0000000000001000\n",
    "CapBnd:\t0000000000000000\n",
    "CapAmb:\t0000000000000000\n",
    "NoNewPrivs:\t1\n",
};

/* In a child of its own: the way down is one-way. Returns the number of the line that is missing.
 */
static int drop_and_look(void)
{
    char status[8192];
    FILE *file;
    size_t size;

    if (privilege_become_daemon() < 0 || privilege_drop() < 0)
        return 100;
    file = fopen("/proc/self/status", "re");
    if (!file)
        return 101;
    size = fread(status, 1, sizeof(status) - 1, file);
    fclose(file);
    status[size] = '\0';
    for (size_t i = 0; i < COUNT_OF(status_lines); i++)
        if (!strstr(status, status_lines[i]))
            return (int)i + 1;
    if (prctl(PR_GET_DUMPABLE) != 0 || setresuid(0, 0, 0) == 0 || !privilege_has_net_admin())
        return 102;
    return 0;
}

START_TEST(dropped_privileges_are_gone)
{
    pid_t child = fork();
    int status;

    if (child == 0)
        _exit(drop_and_look());
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

START_TEST(file_capabilities_are_written)
{
    /* capabilities(7), revision 2 with the effective bit: net_admin, setgid, setuid, setpcap */
    static const unsigned char expected[20] = {1, 0, 0, 2, 0xc0, 0x11};
    char path[] = "/tmp/egressd-test-XXXXXX";
    unsigned char found[64];
    ssize_t size;
    int fd = mkstemp(path), r;

    ck_assert_int_ge(fd, 0);
    close(fd);
    r = privilege_install_file_capabilities(path);
    size = getxattr(path, "security.capability", found, sizeof(found));
    unlink(path);
    if (r == -ENOTSUP)
        return;
    ck_assert_int_eq(r, 0);
    ck_assert_int_eq(size, sizeof(expected));
    ck_assert_mem_eq(found, expected, sizeof(expected));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("privilege");
    TCase *tests = tcase_create("privilege");
    SRunner *runner = srunner_create(suite);
    int failed;

    if (geteuid() != 0 || !privilege_has_net_admin()) {
        puts("skipped: needs root with NET_ADMIN");
        return 77;
    }
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, dropped_privileges_are_gone);
    tcase_add_test(tests, file_capabilities_are_written);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
