/* SPDX-License-Identifier: MIT */
/* Flows: those of port 53 that are older than the redirect, and those that are no longer allowed.
 */
#include "firewall/conntrack.h"

#include <check.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/privilege.h"
#include "firewall/firewall.h"
#include "firewall/leases.h"
#include "kernel_world.h"
#include "make_policy.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define GATE 4053

static struct firewall *firewall;
static struct policy *policy;
static struct firewall_plan plan;
static struct firewall_endpoint upstreams[2];

static void load(const char *const *allow, uint16_t gate_port)
{
    struct text_error error;

    policy_free(policy);
    policy = make_policy(allow, NULL);
    address_parse("192.0.2.53", &upstreams[0].address);
    address_parse("2001:db8::53", &upstreams[1].address);
    upstreams[0].port = upstreams[1].port = 53;
    plan = (struct firewall_plan){.policy = policy,
                                  .gate_port = gate_port,
                                  .gate_has_ipv6 = true,
                                  .upstreams = upstreams,
                                  .upstream_count = 2,
                                  .lease_idle_s = 600};
    ck_assert_msg(firewall_load(firewall, &plan, NULL, &error) == 0, "%s", error.message);
}

/* So that flows are tracked before the table is there, as Docker's rules make it. */
static void setup(void)
{
    struct text_error error;

    ck_assert_msg(firewall_open(-1, &firewall, &error) == 0, "%s", error.message);
    world_run(
        "nft 'table ip6 docker { chain o { type filter hook output priority 0; ct state new; }; };"
        " table ip docker { chain o { type filter hook output priority 0; ct state new; }; }'");
}

static void teardown(void)
{
    firewall_close(firewall);
    world_be(0, 0);
    world_run("nft flush ruleset; conntrack -F 2>/dev/null");
    policy_free(policy);
    policy = NULL;
}

static size_t count_flows(const char *options)
{
    char *output = world_output(
        "(conntrack -L -f ipv4 %s; conntrack -L -f ipv6 %s) 2>/dev/null | wc -l", options, options);
    size_t count = strtoul(output, NULL, 10);

    free(output);
    return count;
}

/* --- questions -------------------------------------------------------------------------------- */

static const struct {
    const char *address;
    int type;
} older[] = {
    {"192.0.2.53", SOCK_DGRAM},   {"192.0.2.53", SOCK_STREAM},   {"203.0.113.8", SOCK_DGRAM},
    {"2001:db8::53", SOCK_DGRAM}, {"2001:db8::53", SOCK_STREAM},
};

/* c-ares keeps one socket per server for the life of the process. */
START_TEST(a_socket_older_than_the_redirect_comes_to_the_gate)
{
    uint64_t packets;
    int fd = world_connect_from(older[_i].address, 53, 0, older[_i].type);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(world_ask_on(fd), '<');
    load(LIST("api.test"), GATE);
    ck_assert_int_eq(world_ask_on(fd), '<'); /* what the flush is for */
    ck_assert_int_eq(firewall_flush_dns_flows(firewall), 0);
    packets = world_outside_packets();
    if (older[_i].type == SOCK_DGRAM)
        ck_assert_int_eq(world_ask_on(fd), 'G');
    else /* a stream cannot change its server: it is reset, and the next one is redirected */
        ck_assert_int_lt(world_ask_on(fd), 0);
    ck_assert_uint_eq(world_outside_packets(), packets);
    close(fd);
    ck_assert_int_eq(world_ask(older[_i].address, 53, older[_i].type), 'G');
}
END_TEST

/* An answer in flight across the flush would make a flow the other way round, which no redirect
 * sees. */
START_TEST(a_late_answer_does_not_bring_the_flow_back)
{
    int fd = world_connect_from("192.0.2.53", 53, 5353, SOCK_DGRAM);

    ck_assert_int_eq(world_ask_on(fd), '<');
    load(LIST("api.test"), GATE);
    ck_assert_int_eq(firewall_flush_dns_flows(firewall), 0);
    world_run("nsenter -t %d -n /usr/bin/python3 -c '"
              "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 17);"
              "s.setsockopt(0, 15, 1);" /* IP_FREEBIND */
              "s.bind((\"192.0.2.53\", 0));"
              "s.sendto(b\"\\0\\x35\\x14\\xe9\\0\\x0a\\0\\0hi\", (\"10.99.0.2\", 0))'",
              (int)world_outside());
    world_sleep_ms(50);
    ck_assert_uint_eq(count_flows("-p udp --sport 53"), 0);
    ck_assert_int_eq(world_ask_on(fd), 'G');
    close(fd);
}
END_TEST

START_TEST(flushing_leaves_all_else)
{
    int fd = world_connect("192.0.2.1", 443), own, asked;

    ck_assert_int_eq(world_echo(fd), 0);
    load(LIST("api.test"), GATE);
    asked = world_connect_from("203.0.113.8", 53, 0, SOCK_DGRAM);
    ck_assert_int_eq(world_ask_on(asked), 'G');
    world_be(PRIVILEGE_UID, FIREWALL_QUESTION_MARK);
    own = world_connect_from("192.0.2.53", 53, 0, SOCK_STREAM);
    ck_assert_int_eq(world_ask_on(own), '<');
    world_be(0, 0);
    ck_assert_uint_eq(count_flows("-p tcp --dport 443"), 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(firewall_flush_dns_flows(firewall), 0);
    ck_assert_uint_eq(count_flows("-p tcp --dport 443"), 1);
    ck_assert_int_eq(world_echo(fd), 0);
    ck_assert_int_eq(world_ask_on(own), '<');               /* egressd's question goes on */
    ck_assert_uint_eq(count_flows("-p udp --dport 53"), 1); /* as does one to the gate */
    close(asked);
    close(fd);
    close(own);
}
END_TEST

/* The gate of the daemon that was there before had another port. */
START_TEST(a_flow_to_an_old_gate_finds_the_new_one)
{
    int fd;

    load(LIST("api.test"), GATE + 1);
    fd = world_connect_from("203.0.113.8", 53, 0, SOCK_DGRAM);
    ck_assert_int_lt(world_ask_on(fd), 0);
    load(LIST("api.test"), GATE);
    ck_assert_int_lt(world_ask_on(fd), 0);
    ck_assert_int_eq(firewall_flush_dns_flows(firewall), 0);
    if (world_ask_on(fd) < 0) /* the socket still had the last refusal to tell */
        ck_assert_int_eq(world_ask_on(fd), 'G');
    close(fd);
}
END_TEST

START_TEST(many_flows_are_flushed)
{
    static int fds[500];

    for (int i = 0; i < 500; i++) {
        fds[i] = world_connect_from("192.0.2.53", 53, 0, SOCK_DGRAM);
        ck_assert_int_eq(send(fds[i], "<", 1, 0), 1);
    }
    ck_assert_uint_ge(count_flows("-p udp --dport 53"), 450); /* some sockets share a port */
    load(LIST("api.test"), GATE);
    ck_assert_int_eq(firewall_flush_dns_flows(firewall), 0);
    ck_assert_uint_eq(count_flows("-p udp --dport 53"), 0);
    for (int i = 0; i < 500; i++)
        close(fds[i]);
}
END_TEST

/* --- cutting ---------------------------------------------------------------------------------- */

static bool is_allowed(void *context, const struct address *destination, uint8_t protocol,
                       uint16_t port)
{
    struct verdict verdict = policy_judge_address(context, destination);

    return verdict.services & policy_service_of(context, protocol, port);
}

START_TEST(flows_no_longer_allowed_end)
{
    size_t cut = 0;
    int kept, tcp, udp, tcp6, own;

    load(LIST("192.0.2.0/24:9000", "192.0.2.0/24:443/udp", "[2001:db8::1]:443"), GATE);
    kept = world_connect("192.0.2.2", WORLD_TALKER);
    tcp = world_connect("192.0.2.1", WORLD_TALKER);
    udp = world_connect_from("192.0.2.1", 443, 0, SOCK_DGRAM);
    tcp6 = world_connect("2001:db8::1", 443);
    world_be(PRIVILEGE_UID, FIREWALL_QUESTION_MARK);
    own = world_connect("192.0.2.53", 53);
    world_be(0, 0);
    ck_assert_int_eq(world_echo(kept) | world_echo(tcp) | world_echo(udp) | world_echo(tcp6), 0);
    ck_assert_int_eq(world_ask("203.0.113.8", 53, SOCK_DGRAM), 'G');
    ck_assert_int_eq(world_ask("127.0.0.1", GATE, SOCK_DGRAM), 'G');

    load(LIST("192.0.2.2:9000"), GATE);
    ck_assert_int_eq(world_echo(tcp), 0); /* open flows are let through without being looked at */
    ck_assert_int_eq(firewall_cut_flows(firewall, is_allowed, policy, &cut), 0);
    ck_assert_uint_eq(cut, 3);
    world_sleep_ms(50);
    ck_assert_int_eq(world_echo(tcp), -ECONNRESET);
    ck_assert_int_lt(world_echo(tcp6), 0);
    ck_assert_int_lt(world_echo(udp), 0);
    ck_assert_int_eq(world_echo(kept), 0);
    ck_assert_int_eq(world_ask_on(own), '<');

    /* It stays so, and there is nothing left to do. */
    ck_assert_int_eq(firewall_cut_flows(firewall, is_allowed, policy, &cut), 0);
    ck_assert_uint_eq(cut, 0);
    ck_assert_int_lt(world_echo(udp), 0);
    close(kept);
    close(tcp);
    close(udp);
    close(tcp6);
    close(own);
}
END_TEST

/* Clients of a service in here are none of the policy's business. The client is given a file's name
 * and makes the file when it is connected, speaks when that is gone, and makes it again of what it
 * has heard. */
START_TEST(inbound_flows_are_not_cut)
{
    char folder[] = "/tmp/egressd-test-XXXXXX", file[64];
    size_t cut = 0;
    char *output;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/answer", folder);
    load(LIST("api.test"), GATE);
    world_run("nsenter -t %d -n /usr/bin/python3 -c '"
              "import os, socket, time; file = \"%s\"; temporary = file + \".new\";"
              "client = socket.create_connection((\"10.99.0.2\", 7), 60);"
              "open(file, \"w\").close();"
              "[time.sleep(0.01) for _ in iter(lambda: os.path.exists(file), False)];"
              "client.send(b\"late\"); answer = client.recv(9);"
              "file_new = open(temporary, \"wb\"); file_new.write(answer); file_new.close();"
              "os.rename(temporary, file)' &",
              (int)world_outside(), file);
    for (int i = 0; i < 3000 && access(file, F_OK) < 0; i++)
        world_sleep_ms(20);
    ck_assert_int_eq(firewall_cut_flows(firewall, is_allowed, policy, &cut), 0);
    ck_assert_uint_eq(cut, 0);
    ck_assert_int_eq(unlink(file), 0);
    for (int i = 0; i < 3000 && access(file, F_OK) < 0; i++)
        world_sleep_ms(20);
    output = world_output("cat %s; rm -r %s", file, folder);
    ck_assert_str_eq(output, "Ilate");
    free(output);
}
END_TEST

/* --- reading ---------------------------------------------------------------------------------- */

struct seen {
    unsigned tcp, udp, live;
};

static int count_flow(void *context, const struct flow *flow)
{
    struct seen *seen = context;
    char text[ADDRESS_TEXT_SIZE];

    if (strcmp(address_format(&flow->destination, text), "192.0.2.9") != 0)
        return 0;
    seen->tcp += flow->protocol == IPPROTO_TCP && flow->port == 443;
    seen->udp += flow->protocol == IPPROTO_UDP && flow->port == 80;
    seen->live += flow->is_live;
    return 0;
}

START_TEST(flows_are_listed)
{
    struct seen seen = {0};
    const struct flow_listener listener = {count_flow, NULL, &seen};
    struct netlink *netlink;
    int tcp = world_connect("192.0.2.9", 443), closed = world_connect("192.0.2.9", 443);
    int udp = world_connect_from("192.0.2.9", 80, 0, SOCK_DGRAM);

    ck_assert_int_eq(world_echo(udp), 0);
    close(closed);
    world_sleep_ms(50);
    ck_assert_int_eq(netlink_open(netlink_socket(NETLINK_NETFILTER), &netlink), 0);
    ck_assert_int_ge(conntrack_count(netlink), 3);
    ck_assert_int_eq(conntrack_each(netlink, &listener), 0);
    ck_assert_uint_eq(seen.tcp, 2);
    ck_assert_uint_eq(seen.udp, 1);
    ck_assert_uint_eq(seen.live, 2);
    netlink_close(netlink);
    close(tcp);
    close(udp);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conntrack");
    TCase *tests = tcase_create("flows");
    SRunner *runner;
    int failed;

    world_enter();
    world_serve_gate("127.0.0.1", GATE, 'G');
    world_serve_gate("::1", GATE, 'G');
    world_serve("10.99.0.2", 7, 'I');
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, a_socket_older_than_the_redirect_comes_to_the_gate, 0,
                        sizeof(older) / sizeof(older[0]));
    tcase_add_test(tests, a_late_answer_does_not_bring_the_flow_back);
    tcase_add_test(tests, flushing_leaves_all_else);
    tcase_add_test(tests, a_flow_to_an_old_gate_finds_the_new_one);
    tcase_add_test(tests, many_flows_are_flushed);
    tcase_add_test(tests, flows_no_longer_allowed_end);
    tcase_add_test(tests, inbound_flows_are_not_cut);
    tcase_add_test(tests, flows_are_listed);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the world is this process's own */
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
