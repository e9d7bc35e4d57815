/* SPDX-License-Identifier: MIT */
#include "devcontainer/pid1.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (int)(sizeof(array) / sizeof((array)[0]))

#define OURS "/usr/local/share/egressd/entrypoint.sh"
#define BEFORE "/bin/sh\0-c\0echo Container started\ntrap \"exit 0\" 15\n"
#define AFTER "\nexec \"$@\"\nwhile sleep 1 & wait $!; do :; done\0-\0"
#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *bytes;
    size_t size;
    int result;
    const char *workspace, *local_workspace, *id;
} cases[] = {
    {BYTES(BEFORE OURS " '/workspaces/p' '/home/u/p' '0abc' || exit 1" AFTER), 0, "/workspaces/p",
     "/home/u/p", "0abc"},
    {BYTES(BEFORE "/other.sh 'x'\n" OURS " '/w s' '/h s' 'i' || exit 1" AFTER), 0, "/w s", "/h s",
     "i"},
    {BYTES(BEFORE OURS " '${containerWorkspaceFolder}' '${localWorkspaceFolder}' "
                       "'${devcontainerId}' || exit 1" AFTER),
     0, "${containerWorkspaceFolder}", "${localWorkspaceFolder}", "${devcontainerId}"},
    {BYTES(BEFORE OURS " '' '' ''" AFTER), 0, "", "", ""},
    {BYTES(BEFORE OURS " 'a' 'b' 'c'\n" OURS " 'd' 'e' 'f'" AFTER), 0, "a", "b", "c"},
    {BYTES("/bin/sh\0-c\0sleep 1\0"), -ENOENT, NULL, NULL, NULL},
    {BYTES(""), -ENOENT, NULL, NULL, NULL},
    {BYTES(BEFORE "echo " OURS " 'a' 'b' 'c'" AFTER), -ENOENT, NULL, NULL, NULL},
    {BYTES(BEFORE OURS ".other 'a' 'b' 'c'" AFTER), -ENOENT, NULL, NULL, NULL},
    {BYTES(BEFORE OURS AFTER), -ENOENT, NULL, NULL, NULL},
    {BYTES(BEFORE OURS " 'a' 'b'" AFTER), -EBADMSG, NULL, NULL, NULL},
    {BYTES(BEFORE OURS " a b c" AFTER), -EBADMSG, NULL, NULL, NULL},
    {BYTES(BEFORE OURS " 'it's' 'b' 'c'" AFTER), -EBADMSG, NULL, NULL, NULL},
    {BYTES(BEFORE OURS " 'a' 'b' 'c" AFTER), -EBADMSG, NULL, NULL, NULL},
    {BYTES(BEFORE OURS " 'a' 'b' 'c'd'" AFTER), -EBADMSG, NULL, NULL, NULL},
    {BYTES(BEFORE OURS " 'a'\0'b' 'c'" AFTER), -EBADMSG, NULL, NULL, NULL},
    {BYTES(BEFORE OURS " '"), -EBADMSG, NULL, NULL, NULL},
};

START_TEST(arguments_are_read)
{
    static struct configuration_arguments arguments;
    int r = pid1_parse_arguments(cases[_i].bytes, cases[_i].size, &arguments);

    ck_assert_int_eq(r, cases[_i].result);
    if (r < 0)
        return;
    ck_assert_str_eq(arguments.workspace, cases[_i].workspace);
    ck_assert_str_eq(arguments.local_workspace, cases[_i].local_workspace);
    ck_assert_str_eq(arguments.devcontainer_id, cases[_i].id);
}
END_TEST

static const struct {
    const char *bytes;
    size_t size;
    bool is_codespace;
} environments[] = {
    {BYTES("A=b\0CODESPACES=true\0C=d"), true},   {BYTES("CODESPACES=true"), true},
    {BYTES("A=b\0NOT_CODESPACES=true\0"), false}, {BYTES("CODESPACES=truer\0"), false},
    {BYTES("A=CODESPACES=true\0"), false},        {BYTES(""), false},
};

START_TEST(codespaces_are_known_by_their_environment)
{
    ck_assert(pid1_environment_is_codespace(environments[_i].bytes, environments[_i].size) ==
              environments[_i].is_codespace);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pid1");
    TCase *tests = tcase_create("pid1");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, arguments_are_read, 0, COUNT_OF(cases));
    tcase_add_loop_test(tests, codespaces_are_known_by_their_environment, 0,
                        COUNT_OF(environments));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
