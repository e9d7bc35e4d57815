/* SPDX-License-Identifier: MIT */
/* Real processes of other users, seen by a real witness. */
#include "run/witness.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/privilege.h"

#define SOMEBODY 61234
#define PATIENCE_MS 10000
#define TRIES 100

static int witness = -1;

/* A process of somebody's that has a socket. It ends with us: it reads until nobody writes. */
static struct {
    uint64_t inode;
    int input;
} asker;

static void be_asker(int input, int report)
{
    char *const arguments[] = {"cat", "-", NULL};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct stat info;

    if (fd < 0 || fstat(fd, &info) < 0 || dup2(input, STDIN_FILENO) < 0 ||
        setgid(SOMEBODY + 1) < 0 || setuid(SOMEBODY) < 0 ||
        write(report, &info.st_ino, sizeof(info.st_ino)) < 0)
        _exit(EXIT_FAILURE);
    execv("/bin/cat", arguments);
    _exit(EXIT_FAILURE);
}

static bool start_asker(void)
{
    int input[2], report[2];
    ino_t inode;
    bool is_there;

    if (pipe2(input, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0)
        return false;
    if (fork() == 0)
        be_asker(input[0], report[1]);
    close(input[0]);
    close(report[1]);
    /* The end comes when it is cat. */
    is_there = read(report[0], &inode, sizeof(inode)) == sizeof(inode) &&
               read(report[0], &inode, sizeof(inode)) == 0;
    close(report[0]);
    asker.inode = inode;
    asker.input = input[1];
    return is_there;
}

/* It looks for some milliseconds only, which on a busy machine may be none of its own. */
static int ask_again(struct socket_owner *ret_owner)
{
    int r = -ENOENT;

    for (int i = 0; i < TRIES && r == -ENOENT; i++)
        r = witness_ask(witness, asker.inode, SOMEBODY, PATIENCE_MS, ret_owner);
    return r;
}

START_TEST(asker_is_seen)
{
    struct socket_owner owner;

    ck_assert_int_eq(ask_again(&owner), 0);
    ck_assert_str_eq(owner.process, "cat");
    ck_assert_str_eq(owner.command, "cat -");
}
END_TEST

/* The uid is part of the question: a number that was used again names nobody. */
START_TEST(another_user_is_not_taken_for_it)
{
    struct socket_owner owner;

    ck_assert_int_eq(witness_ask(witness, asker.inode, SOMEBODY + 1, PATIENCE_MS, &owner), -ENOENT);
    ck_assert_int_eq(witness_ask(witness, asker.inode + 100000, SOMEBODY, PATIENCE_MS, &owner),
                     -ENOENT);
}
END_TEST

START_TEST(nobody_looks_as_root)
{
    struct socket_owner owner;

    ck_assert_int_eq(witness_ask(witness, 1, 0, PATIENCE_MS, &owner), -EPERM);
}
END_TEST

START_TEST(late_answer_is_not_taken_for_another)
{
    struct socket_owner owner;

    witness_ask(witness, asker.inode + 100000, SOMEBODY, 0, &owner);
    ck_assert_int_eq(ask_again(&owner), 0);
    ck_assert_str_eq(owner.process, "cat");
}
END_TEST

START_TEST(witness_ends_with_its_askers)
{
    int other = witness_start();
    struct socket_owner owner;
    int status;

    ck_assert_int_ge(other, 0);
    ck_assert_int_eq(witness_ask(other, 1, 0, PATIENCE_MS, &owner), -EPERM);
    close(other);
    ck_assert_int_gt(wait(&status), 0);
    ck_assert(WIFEXITED(status));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("witness");
    TCase *tests = tcase_create("witness");
    SRunner *runner = srunner_create(suite);
    int failed;

    if (geteuid() != 0 || !privilege_has_net_admin())
        return 77;
    if (!start_asker() || privilege_become_daemon() < 0 || (witness = witness_start()) < 0)
        return EXIT_FAILURE;
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* LeakSanitizer traces */
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, asker_is_seen);
    tcase_add_test(tests, another_user_is_not_taken_for_it);
    tcase_add_test(tests, nobody_looks_as_root);
    tcase_add_test(tests, late_answer_is_not_taken_for_another);
    tcase_add_test(tests, witness_ends_with_its_askers);
    srunner_run_all(runner, CK_ENV);
    close(witness);
    close(asker.input);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
