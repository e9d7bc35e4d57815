/* SPDX-License-Identifier: MIT */
#include "run/options.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MAX 8

static const struct {
    const char *arguments[ARGUMENTS_MAX];
    const char *wrong; /* what the message names, or NULL: understood */
} cases[] = {
    {{NULL}, NULL},
    {{"--foreground"}, NULL},
    {{"--policy", "a", "--policy", "b"}, NULL},
    {{"--workspace", "", "--local-workspace", "", "--devcontainer-id", ""}, NULL},
    {{"--workspace", "${containerWorkspaceFolder}"}, NULL},
    {{"--upstream", "192.0.2.53", "--upstream", "[2001:db8::53]:5353"}, NULL},
    {{"--resolv-conf", "/etc/egressd/resolv.conf"}, NULL},
    {{"--lease-grace", "0", "--lease-idle", "1", "--refresh-min", "1"}, NULL},
    {{"--help"}, NULL},
    {{"-h"}, NULL},
    {{"--runtime-dir", "/tmp/x"}, NULL},
    {{"--nonsense"}, "--nonsense"},
    {{"--policy"}, "--policy"},
    {{"--resolv-conf"}, "--resolv-conf"},
    {{"something"}, "something"},
    {{"--foreground", "something"}, "something"},
    {{"--upstream", "example.com"}, "example.com"},
    {{"--upstream", "192.0.2.53:0"}, "192.0.2.53:0"},
    {{"--upstream", "192.0.2.53:65536"}, "192.0.2.53:65536"},
    {{"--upstream", "[2001:db8::53"}, "[2001:db8::53"},
    {{"--upstream", "[2001:db8::53]x"}, "[2001:db8::53]x"},
    {{"--lease-grace", "-1"}, "--lease-grace"},
    {{"--lease-grace", "1.5"}, "--lease-grace"},
    {{"--lease-grace", ""}, "--lease-grace"},
    {{"--lease-idle", "0"}, "--lease-idle"},
    {{"--lease-idle", "99999999999999999999"}, "--lease-idle"},
    {{"--refresh-min", "0"}, "--refresh-min"},
    {{"--runtime-dir", "relative"}, "--runtime-dir"},
    {{"--devcontainer", "f", "--workspace", "d"}, "--devcontainer"},
};

static int parse(const char *const *arguments, struct run_options *ret_options,
                 struct text_error *reterr)
{
    char *argv[ARGUMENTS_MAX + 2] = {(char *)"run"};
    int argc = 1;

    for (; arguments[argc - 1]; argc++)
        argv[argc] = (char *)arguments[argc - 1];
    return options_parse_run(argc, argv, ret_options, reterr);
}

START_TEST(command_lines)
{
    struct run_options options;
    struct text_error error;
    int r = parse(cases[_i].arguments, &options, &error);

    if (!cases[_i].wrong) {
        ck_assert_msg(r == 0, "%s", error.message);
        return;
    }
    ck_assert_int_lt(r, 0);
    ck_assert_msg(strstr(error.message, cases[_i].wrong), "'%s' does not name '%s'", error.message,
                  cases[_i].wrong);
}
END_TEST

START_TEST(values_arrive)
{
    const char *arguments[] = {"--policy", "a", "--lease-idle", "7", "--foreground", NULL};
    struct run_options options;
    struct text_error error;

    ck_assert_int_eq(parse(arguments, &options, &error), 0);
    ck_assert_uint_eq(options.policy_count, 1);
    ck_assert_str_eq(options.policies[0], "a");
    ck_assert_uint_eq(options.lease_idle_s, 7);
    ck_assert_uint_eq(options.lease_grace_s, 60);
    ck_assert(options.foreground);
    ck_assert_str_eq(options.runtime_dir, "/run/egressd");
}
END_TEST

START_TEST(long_runtime_dir_is_refused)
{
    char path[200];
    const char *arguments[] = {"--runtime-dir", path, NULL};
    struct run_options options;
    struct text_error error;

    memset(path, 'x', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    ck_assert_int_lt(parse(arguments, &options, &error), 0);
    path[94] = '\0'; /* "/control.sock" and a NUL more make 108 */
    ck_assert_int_eq(parse(arguments, &options, &error), 0);
    path[94] = 'x';
    path[95] = '\0';
    ck_assert_int_lt(parse(arguments, &options, &error), 0);
}
END_TEST

static const struct {
    const char *text, *address; /* NULL: refused */
    uint16_t port;
} endpoints[] = {
    {"192.0.2.53", "192.0.2.53", 53},
    {"192.0.2.53:5353", "192.0.2.53", 5353},
    {"2001:db8::53", "2001:db8::53", 53},
    {"[2001:db8::53]", "2001:db8::53", 53},
    {"[2001:db8::53]:5353", "2001:db8::53", 5353},
    {"", NULL, 0},
    {":53", NULL, 0},
    {"[]:53", NULL, 0},
    {"192.0.2.53:", NULL, 0},
    {"192.0.2.53: 53", NULL, 0},
    {"192.0.2.53:+53", NULL, 0},
    {"192.0.2.053", NULL, 0},
};

START_TEST(endpoints_are_read)
{
    struct firewall_endpoint endpoint = {0};
    char text[ADDRESS_TEXT_SIZE];
    int r = options_parse_endpoint(endpoints[_i].text, &endpoint);

    if (!endpoints[_i].address) {
        ck_assert_int_lt(r, 0);
        return;
    }
    ck_assert_int_eq(r, 0);
    ck_assert_str_eq(address_format(&endpoint.address, text), endpoints[_i].address);
    ck_assert_uint_eq(endpoint.port, endpoints[_i].port);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tests = tcase_create("options");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, command_lines, 0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tests, values_arrive);
    tcase_add_test(tests, long_runtime_dir_is_refused);
    tcase_add_loop_test(tests, endpoints_are_read, 0, sizeof(endpoints) / sizeof(endpoints[0]));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
