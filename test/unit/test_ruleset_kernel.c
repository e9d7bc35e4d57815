/* SPDX-License-Identifier: MIT */
/* What the loaded table does to real packets. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/privilege.h"
#include "firewall/firewall.h"
#include "firewall/leases.h"
#include "firewall/state.h"
#include "kernel_world.h"
#include "make_policy.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define GATE 4053
#define DOCKERD_GATE 4054
#define DOCKER_PORT 41053
#define STRANGER 1000

static struct firewall *firewall;
static struct firewall_endpoint upstreams[3];
static struct address dockerd_server;
static struct policy *policy;
static struct firewall_plan plan;

static void setup_plan(const char *const *allow, const char *const *deny)
{
    address_parse("192.0.2.53", &upstreams[0].address);
    address_parse("2001:db8::53", &upstreams[1].address);
    address_parse("127.0.0.11", &upstreams[2].address);
    for (int i = 0; i < 3; i++)
        upstreams[i].port = 53;
    address_parse("198.51.100.53", &dockerd_server);
    policy = allow ? make_policy(allow, deny) : NULL;
    plan = (struct firewall_plan){
        .policy = policy,
        .gate_port = GATE,
        .dockerd_gate_port = DOCKERD_GATE,
        .gate_has_ipv6 = true,
        .upstreams = upstreams,
        .upstream_count = 3,
        .dockerd_servers = &dockerd_server,
        .dockerd_server_count = 1,
        .lease_idle_s = 600,
    };
}

static void load(void)
{
    struct text_error error;

    ck_assert_msg(firewall_load(firewall, &plan, NULL, &error) == 0, "%s", error.message);
    ck_assert_msg(firewall_verify(firewall, &error) == 0, "%s", error.message);
}

/* As on a kernel that knows no owners of tables: what follows, nft may do by hand. */
static void disown(void)
{
    firewall->features.missing[FEATURE_OWNER] = true;
}

static void setup(void)
{
    struct text_error error;

    ck_assert_msg(firewall_open(-1, &firewall, &error) == 0, "%s", error.message);
}

static void teardown(void)
{
    firewall_close(firewall);
    world_be(0, 0);
    world_run("nft delete table inet egressd 2>/dev/null || true; conntrack -F 2>/dev/null");
    world_run("ip netns del egressd-inner-%d 2>/dev/null || true", getpid());
    policy_free(policy);
    policy = NULL;
}

static void be_egressd(void)
{
    world_be(PRIVILEGE_UID, FIREWALL_QUESTION_MARK);
}

/* --- refusing --------------------------------------------------------------------------------- */

static const char *const everywhere[] = {"192.0.2.10", "203.0.113.1", "2001:db8::10"};

START_TEST(what_is_not_allowed_is_refused_at_once)
{
    setup_plan(LIST("api.example.test"), NULL);
    for (size_t i = 0; i < 3; i++) { /* the same probe succeeds without */
        ck_assert_int_eq(world_try_tcp(everywhere[i], 443), 0);
        ck_assert_int_eq(world_try_udp(everywhere[i], 443), 0);
    }
    load();
    for (size_t i = 0; i < 3; i++) {
        double start_ms = world_now_ms();
        uint64_t packets = world_outside_packets();

        ck_assert_int_eq(world_try_tcp(everywhere[i], 443), -ECONNREFUSED);
        ck_assert_int_eq(world_try_udp(everywhere[i], 443), -EPERM);
        /* before TCP sends a SYN again, which is after a second */
        ck_assert_msg(world_now_ms() - start_ms < 900, "%.1f ms", world_now_ms() - start_ms);
        ck_assert_uint_eq(world_outside_packets(), packets);
    }
}
END_TEST

START_TEST(without_a_policy_everything_is_refused)
{
    setup_plan(NULL, NULL);
    plan.gate_port = plan.dockerd_gate_port = 0;
    load();
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(world_try_tcp(everywhere[i], 443), -ECONNREFUSED);
        ck_assert_int_eq(world_try_tcp(everywhere[i], 53), -ECONNREFUSED);
        ck_assert_int_eq(world_try_udp(everywhere[i], 53), -EPERM);
    }
}
END_TEST

/* 136 is neighbour advertisement: if a process could send it anywhere, it could send anything in
 * it. */
START_TEST(raw_sockets_get_nothing_out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr("192.0.2.10")};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct icmp6_hdr advert = {.icmp6_type = ND_NEIGHBOR_ADVERT};
    const char echo[8] = {8};
    int fd;

    setup_plan(LIST("api.example.test"), NULL);
    load();
    fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    ck_assert_int_eq(sendto(fd, echo, sizeof(echo), 0, (struct sockaddr *)&v4, sizeof(v4)), -1);
    ck_assert_int_eq(errno, EPERM);
    close(fd);
    fd = socket(AF_INET, SOCK_RAW, 47 /* GRE */);
    ck_assert_int_eq(sendto(fd, echo, sizeof(echo), 0, (struct sockaddr *)&v4, sizeof(v4)), -1);
    close(fd);
    inet_pton(AF_INET6, "2001:db8::10", &v6.sin6_addr);
    fd = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
    ck_assert_int_eq(sendto(fd, &advert, sizeof(advert), 0, (struct sockaddr *)&v6, sizeof(v6)),
                     -1);
    ck_assert_int_eq(errno, EPERM);
    close(fd);
}
END_TEST

START_TEST(ipv6_neighbours_are_found)
{
    setup_plan(LIST("[2001:db8::10]:443"), NULL);
    load();
    world_run("ip -6 neigh flush dev eth0");
    ck_assert_int_eq(world_try_tcp("2001:db8::10", 443), 0);
}
END_TEST

START_TEST(loopback_stays_open)
{
    setup_plan(NULL, NULL);
    load();
    ck_assert_int_eq(world_ask("127.0.0.1", GATE, SOCK_STREAM), 'G');
    ck_assert_int_eq(world_ask("::1", GATE, SOCK_DGRAM), 'G');
    ck_assert_int_eq(world_try_tcp("127.0.0.1", 1), -ECONNREFUSED);
}
END_TEST

/* --- addresses of the policy ------------------------------------------------------------------ */

static const struct {
    const char *address;
    uint16_t port;
    bool udp;
    int expected;
} net_cases[] = {
    {"192.0.2.10", 22, false, 0},
    {"192.0.2.10", 443, false, -ECONNREFUSED},
    {"192.0.2.10", 22, true, -EPERM},
    {"192.0.2.255", 22, false, 0},
    {"198.51.100.7", 22, false, 0},
    {"198.51.100.8", 22, false, -ECONNREFUSED},
    {"203.0.113.1", 8000, false, 0},
    {"203.0.113.1", 8050, false, 0},
    {"203.0.113.1", 8101, false, -ECONNREFUSED},
    {"203.0.113.66", 8050, false, -ECONNREFUSED}, /* denied */
    {"192.0.2.66", 22, false, -ECONNREFUSED},     /* denied at this port */
    {"192.0.2.66", 9999, false, 0},               /* ... not at that one */
    {"203.0.113.1", 9999, false, 0},
    {"203.0.113.66", 9999, false, -ECONNREFUSED},
    {"203.0.113.1", 443, true, 0},
    {"203.0.113.1", 443, false, -ECONNREFUSED},
    {"2001:db8::7", 443, false, 0},
    {"2001:db8::8", 443, false, -ECONNREFUSED},
    {"2001:db8:1::1", 9999, false, 0},
    {"2001:db8:bad::1", 9999, false, -ECONNREFUSED},
    {"198.51.100.77", 53, true, 'G'}, /* the policy opens its port 53: the gate still answers */
    {"198.51.100.77", 53, false, 'G'},
};

START_TEST(addresses_are_open_at_their_ports)
{
    setup_plan(LIST("192.0.2.0/24:22", "192.0.2.64/26:22", "198.51.100.7:22",
                    "203.0.113.0/24:8000-8100", "203.0.113.1:443/udp", "[2001:db8::7]",
                    "0.0.0.0/0:9999", "[::]/0:9999", "198.51.100.77:53/udp", "198.51.100.77:53"),
               LIST("203.0.113.64/26", "192.0.2.66:22", "[2001:db8:bad::]/48"));
    load();
    for (size_t i = 0; i < sizeof(net_cases) / sizeof(net_cases[0]); i++) {
        int got;

        if (net_cases[i].expected == 'G')
            got = world_ask(net_cases[i].address, net_cases[i].port,
                            net_cases[i].udp ? SOCK_DGRAM : SOCK_STREAM);
        else if (net_cases[i].udp)
            got = world_try_udp(net_cases[i].address, net_cases[i].port);
        else
            got = world_try_tcp(net_cases[i].address, net_cases[i].port);
        ck_assert_msg(got == net_cases[i].expected, "%s %u: %d instead of %d", net_cases[i].address,
                      net_cases[i].port, got, net_cases[i].expected);
    }
}
END_TEST

/* --- questions -------------------------------------------------------------------------------- */

static const char *const resolvers[] = {"192.0.2.53", "203.0.113.8",  "127.0.0.11", "127.0.0.1",
                                        "127.0.0.53", "2001:db8::53", "::1"};

START_TEST(every_question_comes_to_the_gate)
{
    static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
    uint64_t packets;

    setup_plan(LIST("api.example.test"), NULL);
    load();
    packets = world_outside_packets();
    for (size_t i = 0; i < sizeof(resolvers) / sizeof(resolvers[0]); i++)
        for (size_t t = 0; t < 2; t++)
            ck_assert_msg(world_ask(resolvers[i], 53, types[t]) == 'G', "%s", resolvers[i]);
    for (size_t t = 0; t < 2; t++)
        ck_assert_int_eq(world_ask("198.51.100.53", 53, types[t]), 'P');
    ck_assert_uint_eq(world_outside_packets(), packets);
}
END_TEST

START_TEST(questions_that_no_gate_takes_go_nowhere)
{
    setup_plan(LIST("[::]/0:*", "[::]/0:*/udp", "0.0.0.0/0:*/udp"), NULL);
    plan.gate_has_ipv6 = false;
    load();
    ck_assert_int_eq(world_ask("2001:db8::53", 53, SOCK_DGRAM), -EPERM);
    ck_assert_int_eq(world_ask("2001:db8::53", 53, SOCK_STREAM), -ECONNREFUSED);
    ck_assert_int_eq(world_ask("::1", 53, SOCK_STREAM), -ECONNREFUSED);
    ck_assert_int_eq(world_ask("192.0.2.53", 53, SOCK_DGRAM), 'G');
}
END_TEST

START_TEST(dockers_resolver_is_for_egressd_alone)
{
    char *before, *after;

    setup_plan(LIST("api.example.test"), NULL);
    world_run("nft 'table ip docker { chain o { type nat hook output priority -100;"
              " ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:%d;"
              " ip daddr 127.0.0.11 tcp dport 53 dnat to 127.0.0.11:%d; }; }'",
              DOCKER_PORT, DOCKER_PORT);
    before = world_output("nft list table ip docker");
    ck_assert_int_eq(world_ask("127.0.0.11", 53, SOCK_DGRAM), 'D');
    ck_assert_int_eq(world_ask("127.0.0.11", DOCKER_PORT, SOCK_DGRAM), 'D');
    load();
    ck_assert_int_eq(world_ask("127.0.0.11", 53, SOCK_DGRAM), 'G');
    ck_assert_int_eq(world_ask("127.0.0.11", 53, SOCK_STREAM), 'G');
    ck_assert_int_eq(world_ask("127.0.0.11", DOCKER_PORT, SOCK_DGRAM), -EPERM);
    ck_assert_int_eq(world_ask("127.0.0.11", DOCKER_PORT, SOCK_STREAM), -ECONNREFUSED);
    be_egressd();
    ck_assert_int_eq(world_ask("127.0.0.11", 53, SOCK_DGRAM), 'D');
    ck_assert_int_eq(world_ask("127.0.0.11", 53, SOCK_STREAM), 'D');
    ck_assert_int_eq(world_ask("127.0.0.11", DOCKER_PORT, SOCK_DGRAM), -EPERM);
    after = world_output("nft list table ip docker");
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
    world_run("nft delete table ip docker");
}
END_TEST

START_TEST(egressd_asks_its_upstreams_and_nobody_else)
{
    setup_plan(LIST("api.example.test"),
               LIST("192.0.2.0/24")); /* the upstream is in a denied net */
    load();
    be_egressd();
    ck_assert_int_eq(world_ask("192.0.2.53", 53, SOCK_DGRAM), '<');
    ck_assert_int_eq(world_ask("192.0.2.53", 53, SOCK_STREAM), '<');
    ck_assert_int_eq(world_ask("2001:db8::53", 53, SOCK_DGRAM), '<');
    ck_assert_int_eq(world_ask("192.0.2.53", 443, SOCK_DGRAM), -EPERM);
    ck_assert_int_eq(world_ask("203.0.113.8", 53, SOCK_DGRAM), -EPERM);
    ck_assert_int_eq(world_ask("203.0.113.8", 53, SOCK_STREAM), -ECONNREFUSED);
    world_be(STRANGER, FIREWALL_QUESTION_MARK); /* the mark can be had with CAP_NET_RAW */
    ck_assert_int_eq(world_ask("192.0.2.53", 53, SOCK_DGRAM), 'G');
    world_be(PRIVILEGE_UID, 0);
    ck_assert_int_eq(world_ask("192.0.2.53", 53, SOCK_DGRAM), 'G');
}
END_TEST

/* NAT is decided for a flow: whoever sends from the port that egressd just used would be in its
 * flow. */
START_TEST(nobody_rides_on_a_flow_of_egressd)
{
    int own, other;

    setup_plan(LIST("api.example.test"), NULL);
    load();
    be_egressd();
    own = world_connect_from("192.0.2.53", 53, 5353, SOCK_DGRAM);
    ck_assert_int_ge(own, 0);
    ck_assert_int_eq(world_ask_on(own), '<');
    close(own);
    world_be(STRANGER, 0);
    other = world_connect_from("192.0.2.53", 53, 5353, SOCK_DGRAM);
    ck_assert_int_ge(other, 0);
    ck_assert_int_eq(world_ask_on(other), -EPERM);
    close(other);
}
END_TEST

/* Any process may send from an address that is not ours. What answers in here must not answer
 * there. */
static void send_from(const char *from, const char *to, uint16_t port)
{
    struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(7777)};
    struct sockaddr_in6 server = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int fd = socket(AF_INET6, SOCK_DGRAM, 0), on = 1;

    inet_pton(AF_INET6, from, &own.sin6_addr);
    inet_pton(AF_INET6, to, &server.sin6_addr);
    ck_assert_int_eq(setsockopt(fd, IPPROTO_IPV6, 78 /* IPV6_FREEBIND */, &on, sizeof(on)), 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
    ck_assert_int_eq(sendto(fd, "secret", 6, 0, (struct sockaddr *)&server, sizeof(server)), 6);
    world_sleep_ms(50);
    close(fd);
}

START_TEST(a_forged_address_gets_no_answer_out)
{
    uint64_t packets = world_outside_packets();

    send_from("2001:db8::bad", "fd99::2", 7);
    ck_assert_uint_gt(world_outside_packets(), packets); /* the same probe gets out without */
    world_run("conntrack -F 2>/dev/null");
    setup_plan(LIST("api.example.test"), NULL);
    load();
    packets = world_outside_packets();
    send_from("2001:db8::bad", "fd99::2", 7);
    ck_assert_uint_eq(world_outside_packets(), packets);
    ck_assert_int_eq(world_ask("fd99::2", 7, SOCK_DGRAM), 'I'); /* our own address is answered */
}
END_TEST

/* --- flows older than the table --------------------------------------------------------------- */

#define OLD_CONNECTIONS 64

/* The kernel stops tracking a moment after the last table that wanted it is gone. */
static void await_no_tracking(void)
{
    for (int tries = 0; tries < 100; tries++) {
        int r;

        world_run("conntrack -F 2>/dev/null");
        ck_assert_int_eq(world_try_tcp("192.0.2.10", WORLD_TALKER), 0);
        r = system("conntrack -L -d 192.0.2.10 2>/dev/null | grep -q .");
        if (r != 0)
            return;
        world_sleep_ms(20);
    }
    ck_abort_msg("everything is tracked, for ever");
}

/* Nothing tracked it before: the talker's next packet must not make it an inbound flow, not even
 * one that comes while the table is being loaded. */
START_TEST(a_connection_older_than_the_table_does_not_go_on)
{
    int fds[OLD_CONNECTIONS];

    await_no_tracking();
    for (int i = 0; i < OLD_CONNECTIONS; i++) {
        fds[i] = world_connect("192.0.2.10", WORLD_TALKER);
        ck_assert_int_ge(fds[i], 0);
        ck_assert_int_eq(world_echo(fds[i]), 0);
    }
    setup_plan(LIST("api.example.test"), NULL);
    load();
    world_sleep_ms(100);
    for (int i = 0; i < OLD_CONNECTIONS; i++) {
        ck_assert_int_lt(world_echo(fds[i]), 0);
        close(fds[i]);
    }
}
END_TEST

START_TEST(an_allowed_connection_survives_another_load)
{
    int fd;

    setup_plan(LIST("192.0.2.10:9000"), NULL);
    load();
    fd = world_connect("192.0.2.10", WORLD_TALKER);
    ck_assert_int_ge(fd, 0);
    for (int i = 0; i < 5; i++) {
        load();
        ck_assert_int_eq(world_echo(fd), 0);
    }
    close(fd);
}
END_TEST

START_TEST(a_denied_net_ends_open_connections)
{
    int fd;

    setup_plan(LIST("192.0.2.10:9000"), NULL);
    load();
    fd = world_connect("192.0.2.10", WORLD_TALKER);
    ck_assert_int_eq(world_echo(fd), 0);
    policy_free(policy);
    setup_plan(LIST("192.0.2.10:9000"), LIST("192.0.2.0/28"));
    load();
    ck_assert_int_lt(world_echo(fd), 0);
    close(fd);
}
END_TEST

/* Answers to what comes in are no business of the policy's. */
START_TEST(inbound_connections_are_answered)
{
    char *output;

    setup_plan(LIST("api.example.test"), LIST("10.99.0.0/24"));
    load();
    output = world_output("nsenter -t %d -n /usr/bin/python3 -c '"
                          "import socket; s = socket.create_connection((\"10.99.0.2\", 7), 2);"
                          "s.send(b\"hello\"); print(s.recv(9).decode())'",
                          (int)world_outside());
    ck_assert_str_eq(output, "Ihello\n");
    free(output);
}
END_TEST

/* --- replacing and verifying ------------------------------------------------------------------ */

struct flood {
    unsigned long leaked, refused, sent;
};

/* Sends to a refused and to an allowed address as fast as it can, until it is killed; counts what
 * was let through, and what was not. */
static pid_t start_flood(volatile struct flood *flood)
{
    struct sockaddr_in refused = {.sin_family = AF_INET, .sin_port = htons(443)};
    pid_t child = fork();

    if (child != 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    refused.sin_addr.s_addr = inet_addr("203.0.113.9");
    for (int fd = socket(AF_INET, SOCK_DGRAM, 0);; flood->sent++) {
        int allowed = world_connect_from("192.0.2.10", 443, 0, SOCK_DGRAM);

        flood->leaked += sendto(fd, "x", 1, 0, (struct sockaddr *)&refused, sizeof(refused)) == 1;
        flood->refused += send(allowed, "x", 1, 0) != 1;
        close(allowed);
    }
}

START_TEST(replacing_neither_leaks_nor_refuses)
{
    volatile struct flood *flood =
        mmap(NULL, sizeof(*flood), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int loads = 0;
    pid_t child;

    ck_assert_ptr_ne((void *)(uintptr_t)flood, MAP_FAILED);
    setup_plan(LIST("192.0.2.10:443/udp"), NULL);
    load();
    child = start_flood(flood);
    for (; loads < 20 || flood->sent < 1000; loads++) {
        /* Every other policy has sets that the one before has not. */
        policy_free(policy);
        policy = loads % 2 ? make_policy(LIST("192.0.2.10:443/udp"), NULL)
                           : make_policy(LIST("192.0.2.0/24:443/udp", "198.51.100.0/24:22"),
                                         LIST("203.0.113.0/24"));
        plan.policy = policy;
        load();
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ck_assert_msg(flood->leaked == 0, "%lu of %lu leaked", flood->leaked, flood->sent);
    ck_assert_msg(flood->refused == 0, "%lu of %lu refused", flood->refused, flood->sent);
    munmap((void *)(uintptr_t)flood, sizeof(*flood));
}
END_TEST

static const struct {
    const char *damage, *told;
} damages[] = {
    {"nft delete table inet egressd", "gone"},
    {"nft flush ruleset", "gone"},
    {"nft flush chain inet egressd out", "chain out"},
    {"nft flush chain inet egressd deny", "chain deny"},
    {"nft insert rule inet egressd out accept", "chain out"},
    {"nft add rule inet egressd forward accept", "forward"},
    {"nft chain inet egressd out '{ policy accept; }'", "chain out"},
    {"nft add chain inet egressd other", "chain other"},
    {"nft add table inet egressd '{ flags dormant; }'", "table egressd"},
    {"nft add set inet egressd other '{ type ipv4_addr; }'", "set other"},
    /* The same number of rules with the same comments, but another meaning. */
    {"h=$(nft -a list chain inet egressd lo_out | sed -n 's/.*127.0.0.11.*handle //p');"
     "nft replace rule inet egressd lo_out handle $h ip daddr 127.0.0.12 goto deny comment "
     "'\"Docker'\"'\"'s resolver forwards any name: closed on every port\"'",
     "lo_out"},
};

START_TEST(every_damage_is_found)
{
    struct text_error error;

    disown();
    setup_plan(LIST("api.example.test", "192.0.2.0/24:22"), LIST("203.0.113.0/24"));
    load();
    ck_assert(firewall_table_exists(firewall));
    world_run("%s", damages[_i].damage);
    ck_assert_int_lt(firewall_verify(firewall, &error), 0);
    ck_assert_msg(strstr(error.message, damages[_i].told), "%s", error.message);
    load();
}
END_TEST

START_TEST(there_is_no_table_before_the_first_load)
{
    struct text_error error;

    disown();
    ck_assert(!firewall_table_exists(firewall));
    setup_plan(NULL, NULL);
    load();
    ck_assert(firewall_table_exists(firewall));
    world_run("nft delete table inet egressd");
    ck_assert(!firewall_table_exists(firewall));
    ck_assert_int_eq(firewall_verify(firewall, &error), -ENOENT);
}
END_TEST

/* Somebody else holds the table: nf_tables lets only its owner change it. */
START_TEST(a_failed_load_changes_nothing)
{
    struct text_error error;
    char *before, *after;
    FILE *owner = popen("nft -i >/dev/null", "w");

    fprintf(owner, "add table inet egressd { flags owner; chain c { counter accept; }; }\n");
    fflush(owner);
    for (int tries = 0; tries < 100 && !firewall_table_exists(firewall); tries++)
        world_sleep_ms(20);
    before = world_output("nft -s list ruleset");
    setup_plan(LIST("192.0.2.0/24:22"), NULL);
    ck_assert_int_eq(firewall_load(firewall, &plan, NULL, &error), -EPERM);
    ck_assert_msg(strstr(error.message, "owns"), "%s", error.message);
    after = world_output("nft -s list ruleset");
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
    pclose(owner);
}
END_TEST

/* --- forwarding ------------------------------------------------------------------------------- */

/* A container within the container, behind a veth pair of its own. */
START_TEST(inner_containers_are_held_to_the_same)
{
    char *output;

    setup_plan(LIST("192.0.2.10:443"), LIST("192.0.2.11"));
    world_run("set -e; ip netns add egressd-inner-%d; ip link add inner0 type veth peer name eth0 "
              "netns egressd-inner-%d;"
              "ip addr add 10.98.0.1/24 dev inner0; ip link set inner0 up; sysctl -qw "
              "net.ipv4.ip_forward=1;"
              "ip netns exec egressd-inner-%d sh -c 'ip link set lo up; ip link set eth0 up; ip "
              "addr add 10.98.0.2/24 dev eth0;"
              " ip route add default via 10.98.0.1';"
              "nsenter -t %d -n ip route add 10.98.0.0/24 via 10.99.0.2",
              getpid(), getpid(), getpid(), (int)world_outside());
    load();
    output = world_output("ip netns exec egressd-inner-%d /usr/bin/python3 -c '\n"
                          "import socket\n"
                          "for address, port in ((\"192.0.2.10\", 443), (\"192.0.2.10\", 80), "
                          "(\"192.0.2.11\", 443), (\"203.0.113.1\", 443), (\"192.0.2.53\", 53)):\n"
                          "    try:\n"
                          "        socket.create_connection((address, port), 2)\n"
                          "        print(\"open\")\n"
                          "    except OSError as error:\n"
                          "        print(error.errno)\n"
                          "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                          "s.settimeout(1); s.connect((\"192.0.2.53\", 53))\n"
                          "try:\n"
                          "    s.send(b\"<>\"); print(s.recv(9))\n"
                          "except OSError as error:\n"
                          "    print(error.errno)\n"
                          "'",
                          getpid());
    ck_assert_str_eq(output, "open\n111\n111\n111\n111\n113\n");
    free(output);
}
END_TEST

/* --- what is told ----------------------------------------------------------------------------- */

START_TEST(nothing_is_weak_on_a_kernel_that_has_all)
{
    setup_plan(NULL, NULL);
    load();
    ck_assert_ptr_null(firewall_weakness(firewall, 0));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("ruleset kernel");
    TCase *tests = tcase_create("packets");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests,
                   a_connection_older_than_the_table_does_not_go_on); /* first: no conntrack yet */
    tcase_add_test(tests, there_is_no_table_before_the_first_load);
    tcase_add_test(tests, what_is_not_allowed_is_refused_at_once);
    tcase_add_test(tests, without_a_policy_everything_is_refused);
    tcase_add_test(tests, raw_sockets_get_nothing_out);
    tcase_add_test(tests, ipv6_neighbours_are_found);
    tcase_add_test(tests, loopback_stays_open);
    tcase_add_test(tests, addresses_are_open_at_their_ports);
    tcase_add_test(tests, every_question_comes_to_the_gate);
    tcase_add_test(tests, questions_that_no_gate_takes_go_nowhere);
    tcase_add_test(tests, dockers_resolver_is_for_egressd_alone);
    tcase_add_test(tests, egressd_asks_its_upstreams_and_nobody_else);
    tcase_add_test(tests, nobody_rides_on_a_flow_of_egressd);
    tcase_add_test(tests, a_forged_address_gets_no_answer_out);
    tcase_add_test(tests, an_allowed_connection_survives_another_load);
    tcase_add_test(tests, a_denied_net_ends_open_connections);
    tcase_add_test(tests, inbound_connections_are_answered);
    tcase_add_test(tests, replacing_neither_leaks_nor_refuses);
    tcase_add_loop_test(tests, every_damage_is_found, 0, sizeof(damages) / sizeof(damages[0]));
    tcase_add_test(tests, a_failed_load_changes_nothing);
    tcase_add_test(tests, inner_containers_are_held_to_the_same);
    tcase_add_test(tests, nothing_is_weak_on_a_kernel_that_has_all);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    SRunner *runner;
    int failed;

    world_enter();
    world_serve_gate("127.0.0.1", GATE, 'G');
    world_serve_gate("::1", GATE, 'G');
    world_serve_gate("127.0.0.1", DOCKERD_GATE, 'P');
    world_serve("127.0.0.11", DOCKER_PORT, 'D');
    world_serve("10.99.0.2", 7, 'I');
    world_serve("fd99::2", 7, 'I');
    runner = srunner_create(make_suite());
    srunner_set_fork_status(runner, CK_NOFORK); /* the world is this process's own */
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
