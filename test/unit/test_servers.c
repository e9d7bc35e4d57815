/* SPDX-License-Identifier: MIT */
#include "dns/servers.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *what, *text;
    const char *expected; /* ordinary | embedded | asked by dockerd */
} files[] = {
    {"nothing", "", "||"},
    {"comments only", "# nothing\n;nameserver 192.0.2.1\n", "||"},
    {"plain",
     "search example.test\nnameserver 192.0.2.1\nnameserver 2001:db8::53\noptions ndots:0\n",
     "192.0.2.1 2001:db8::53||"},
    {"tabs, CRLF, no last newline", "nameserver\t192.0.2.1 \r\n  nameserver  192.0.2.2",
     "192.0.2.1 192.0.2.2||"},
    {"twice the same", "nameserver 192.0.2.1\nnameserver 192.0.2.1\n", "192.0.2.1||"},
    {"a stub resolver on loopback", "nameserver 127.0.0.53\n", "127.0.0.53||"},
    {"zone ids and nonsense are passed over",
     "nameserver fe80::1%eth0\nnameserver\nnameserver 300.1.1.1\nnameserver192.0.2.9\nNameserver "
     "192.0.2.8\n",
     "||"},
    {"Docker, older than 25", "nameserver 127.0.0.11\noptions ndots:0\n", "127.0.0.11|127.0.0.11|"},
    {"Docker, host's own resolver",
     "nameserver 127.0.0.11\nsearch example.test\n\n"
     "# Based on host file: '/etc/resolv.conf' (internal resolver)\n"
     "# ExtServers: [host(127.0.0.53) host(::1)]\n# Overrides: []\n",
     "127.0.0.11|127.0.0.11|"},
    {"Docker with --dns",
     "nameserver 127.0.0.11\n\n# ExtServers: [192.0.2.53 2001:db8::53]\n# Overrides: "
     "[nameservers]\n",
     "192.0.2.53 2001:db8::53|127.0.0.11|192.0.2.53 2001:db8::53"},
    {"Docker, mixed", "nameserver 127.0.0.11\n# ExtServers: [host(127.0.0.53) 192.0.2.53]\n",
     "192.0.2.53|127.0.0.11|192.0.2.53"},
    {"comment before the line it is about", "# ExtServers: [192.0.2.53]\nnameserver 127.0.0.11\n",
     "192.0.2.53|127.0.0.11|192.0.2.53"},
    {"left over comment", "nameserver 192.0.2.1\n# ExtServers: [192.0.2.53]\n", "192.0.2.1||"},
    {"broken comments",
     "nameserver 127.0.0.11\n# ExtServers:\n# ExtServers: []\n# ExtServers: [\n# ExtServers: "
     "[192.0.2.5",
     "192.0.2.5|127.0.0.11|192.0.2.5"},
    {"more than fit",
     "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n"
     "nameserver 192.0.2.5\nnameserver 192.0.2.6\nnameserver 192.0.2.7\nnameserver 192.0.2.8\n"
     "nameserver 192.0.2.9\n",
     "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8||"},
};

static void append(char text[static 512], const struct address *address)
{
    char one[ADDRESS_TEXT_SIZE];
    size_t length = strlen(text);
    const char *space = length > 0 && text[length - 1] != '|' ? " " : "";

    snprintf(text + length, 512 - length, "%s%s", space, address_format(address, one));
}

START_TEST(resolv_conf_is_understood)
{
    struct servers servers;
    char text[512] = "";

    servers_parse_resolv_conf(files[_i].text, strlen(files[_i].text), &servers);
    for (size_t i = 0; i < servers.ordinary_count; i++) {
        append(text, &servers.ordinary[i].address);
        ck_assert_uint_eq(servers.ordinary[i].port, 53);
    }
    strcat(text, "|");
    if (servers.embedded.address.family != ADDRESS_NONE)
        append(text, &servers.embedded.address);
    strcat(text, "|");
    for (size_t i = 0; i < servers.dockerd_count; i++)
        append(text, &servers.dockerd[i]);
    ck_assert_msg(strcmp(text, files[_i].expected) == 0, "%s: %s", files[_i].what, text);
}
END_TEST

START_TEST(names_of_docker_go_to_docker)
{
    static const char text[] = "nameserver 127.0.0.11\n# ExtServers: [192.0.2.53 192.0.2.54]\n";
    struct firewall_endpoint endpoints[SERVERS_MAX + 1];
    struct servers servers, plain;

    servers_parse_resolv_conf(text, sizeof(text) - 1, &servers);
    ck_assert_uint_eq(servers_for_name(&servers, "db", endpoints), 1);
    ck_assert_uint_eq(endpoints[0].address.bytes[0], 127);
    ck_assert_uint_eq(servers_for_name(&servers, "host.docker.internal", endpoints), 1);
    ck_assert_uint_eq(servers_for_name(&servers, "gateway.docker.internal", endpoints), 1);
    ck_assert_uint_eq(servers_for_name(&servers, "other.docker.internal", endpoints), 2);
    ck_assert_uint_eq(servers_for_name(&servers, "api.example", endpoints), 2);
    ck_assert_uint_eq(endpoints[1].address.bytes[3], 54);
    ck_assert_uint_eq(servers_all(&servers, endpoints), 3);

    servers_parse_resolv_conf("nameserver 192.0.2.1\n", 21, &plain);
    ck_assert_uint_eq(servers_for_name(&plain, "db", endpoints), 1);
    ck_assert_uint_eq(endpoints[0].address.bytes[0], 192);
    ck_assert_uint_eq(servers_all(&plain, endpoints), 1);
    ck_assert(servers_equal(&plain, &plain) && servers_equal(&servers, &servers));
    ck_assert(!servers_equal(&plain, &servers));
    servers_parse_resolv_conf("nameserver 127.0.0.11\n", 22, &plain);
    ck_assert_uint_eq(servers_all(&plain, endpoints), 1); /* ordinary and embedded are one */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("servers");
    TCase *tests = tcase_create("servers");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, resolv_conf_is_understood, 0, sizeof(files) / sizeof(files[0]));
    tcase_add_test(tests, names_of_docker_go_to_docker);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
