/* SPDX-License-Identifier: MIT */
/* The gate as a client on loopback sees it: what is answered, refused, dropped; by UDP and TCP. */
#include "dns/gate.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "dns/message.h"
#include "dns/upstream.h"
#include "dns_stub.h"
#include "fake_leases.h"
#include "make_policy.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct upstream_options quick = {.mark = 0, .try_ms = 40, .total_ms = 150};
static const char *const allow[] = {"good.example", "*.w.example", NULL};
static const char *const deny[] = {"denied.w.example", NULL};

static struct {
    uv_loop_t loop;
    struct counters counters;
    struct leases leases;
    struct resolver *resolver;
    struct gate *gate;
    struct policy *policy;
    struct dns_stub *stub;
    unsigned addresses; /* in the upstream's answer */
    bool is_silent;
} world;

static void script(void *context, const struct dns_question *question)
{
    static struct wire wire;
    char text[ADDRESS_TEXT_SIZE];

    (void)context;
    if (world.is_silent)
        return;
    if (!question->by_tcp && world.addresses > 20) {
        wire_reply(&wire, question, 0x0200);
        dns_send(question, &wire);
        return;
    }
    wire_reply(&wire, question, strncmp(question->name, "none.", 5) == 0 ? MESSAGE_NXDOMAIN : 0);
    for (unsigned i = 0; i < world.addresses && question->type == MESSAGE_A; i++) {
        snprintf(text, sizeof(text), "192.0.%u.%u", 2 + (i >> 8), i & 255);
        wire_address(&wire, WIRE_ANSWER, question->name, 300,
                     strncmp(question->name, "private.", 8) == 0 ? "10.0.0.1" : text);
    }
    dns_send(question, &wire);
}

static void set_up(void)
{
    struct resolver_options options = {
        .lease_grace_s = 60, .stale_max_s = 86400, .upstream = &quick};
    struct servers servers;

    memset(&world, 0, sizeof(world));
    world.addresses = 1;
    uv_loop_init(&world.loop);
    world.stub = dns_stub_new(&world.loop, script, NULL);
    memset(&servers, 0, sizeof(servers));
    servers.ordinary[0] = dns_stub_endpoint(world.stub);
    servers.ordinary_count = 1;
    world.policy = make_policy(allow, deny);
    ck_assert_int_eq(
        resolver_new(&world.loop, &options, &world.leases, &world.counters, &world.resolver), 0);
    resolver_set_policy(world.resolver, world.policy);
    resolver_set_servers(world.resolver, &servers);
    ck_assert_int_eq(gate_open(&world.loop, world.resolver, RESOLVER_ROUTE_NORMAL, GATE_LOOPBACK,
                               &world.counters, &world.gate),
                     0);
    gate_set_policy(world.gate, world.policy);
}

static void on_closed(void *context)
{
    ++*(int *)context;
}

static void tear_down(void)
{
    int closed = 0;

    gate_close(world.gate, on_closed, &closed);
    resolver_close(world.resolver, on_closed, &closed);
    dns_stub_close(world.stub);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(closed, 2);
    ck_assert_int_eq(uv_loop_close(&world.loop), 0);
    policy_free(world.policy);
}

static int connect_client(int type, enum address_family family)
{
    static const struct address loopbacks[] = {{ADDRESS_V4, {127, 0, 0, 1}},
                                               {ADDRESS_V6, {[15] = 1}}};
    struct sockaddr_storage storage;
    socklen_t size =
        address_to_sockaddr(&loopbacks[family == ADDRESS_V6], gate_port(world.gate), &storage);
    int fd = socket(storage.ss_family, type, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&storage, size), 0);
    return fd;
}

/* Lets the gate work until the client has something to read; 0: nothing within the time. */
static ssize_t receive(int fd, void *bytes, size_t size, uint64_t patience_ms)
{
    uint64_t end_ms = clock_now_ms() + patience_ms;
    ssize_t received;

    do {
        uv_run(&world.loop, UV_RUN_NOWAIT);
        received = recv(fd, bytes, size, MSG_DONTWAIT);
        if (received >= 0 || errno != EAGAIN)
            return received;
        usleep(200);
    } while (clock_now_ms() < end_ms);
    return 0;
}

struct reply {
    size_t size;
    uint8_t bytes[65535];
    unsigned rcode, answers, extended_error; /* 999: none */
    bool is_truncated;
};

static void read_reply(struct reply *reply, const struct wire *question)
{
    ck_assert_uint_ge(reply->size, 12);
    ck_assert_mem_eq(reply->bytes, question->bytes, 2);
    ck_assert_uint_eq(reply->bytes[2] & 0x80, 0x80);
    reply->rcode = reply->bytes[3] & 0xf;
    reply->answers = (unsigned)reply->bytes[6] << 8 | reply->bytes[7];
    reply->is_truncated = reply->bytes[2] & 2;
    reply->extended_error = 999;
    for (size_t i = 12; i + 11 <= reply->size && reply->bytes[11] == 1; i++)
        if (memcmp(reply->bytes + i, "\0\0\51\x04\xd0", 5) == 0) {
            if (reply->size > i + 11)
                reply->extended_error = (unsigned)reply->bytes[i + 15] << 8 | reply->bytes[i + 16];
            break;
        }
}

static void make_question(struct wire *wire, const char *name, unsigned type, unsigned edns)
{
    wire_header(wire, 0x1234, 0x0100);
    wire_question(wire, name, type);
    if (edns == 0)
        return;
    wire->bytes[11] = 1;
    wire_u8(wire, 0);
    wire_u16(wire, MESSAGE_OPT);
    wire_u16(wire, edns);
    wire_u32(wire, 0);
    wire_u16(wire, 0);
}

/* False: no answer. */
static bool ask_wire(const struct wire *wire, struct reply *reply, uint64_t patience_ms)
{
    int fd = connect_client(SOCK_DGRAM, ADDRESS_V4);
    ssize_t size;

    ck_assert_int_eq(send(fd, wire->bytes, wire->size, 0), (ssize_t)wire->size);
    size = receive(fd, reply->bytes, sizeof(reply->bytes), patience_ms);
    close(fd);
    if (size <= 0)
        return false;
    reply->size = (size_t)size;
    read_reply(reply, wire);
    return true;
}

static struct reply reply;

static void ask(const char *name, unsigned type, unsigned edns)
{
    static struct wire wire;

    make_question(&wire, name, type, edns);
    ck_assert(ask_wire(&wire, &reply, 2000));
    ck_assert_mem_eq(reply.bytes + 12, wire.bytes + 12, strlen(name) + (*name ? 2 : 1) + 4);
}

static const struct {
    const char *name;
    unsigned type, rcode, answers, extended_error; /* with EDNS */
    bool is_asked;                                 /* upstream */
} answers[] = {
    {"good.example", MESSAGE_A, MESSAGE_NOERROR, 1, 999, true},
    {"GoOd.eXample", MESSAGE_A, MESSAGE_NOERROR, 1, 999, true},
    {"good.example", MESSAGE_AAAA, MESSAGE_NOERROR, 0, 999, true},
    {"a.w.example", MESSAGE_A, MESSAGE_NOERROR, 1, 999, true},
    {"none.w.example", MESSAGE_A, MESSAGE_NXDOMAIN, 0, 999, true},
    {"good.example", 65, MESSAGE_NOERROR, 0, 999, false},  /* HTTPS */
    {"good.example", 64, MESSAGE_NOERROR, 0, 999, false},  /* SVCB */
    {"good.example", 16, MESSAGE_NOERROR, 0, 999, false},  /* TXT */
    {"good.example", 255, MESSAGE_NOERROR, 0, 999, false}, /* ANY */
    {"evil.example", MESSAGE_A, MESSAGE_NXDOMAIN, 0, 15, false},
    {"evil.example", 65, MESSAGE_NXDOMAIN, 0, 15, false},
    {"good.example.evil.example", MESSAGE_A, MESSAGE_NXDOMAIN, 0, 15, false},
    {"denied.w.example", MESSAGE_AAAA, MESSAGE_NXDOMAIN, 0, 15, false},
    {"go od.example", MESSAGE_A, MESSAGE_NXDOMAIN, 0, 15, false},
    {"", MESSAGE_A, MESSAGE_NXDOMAIN, 0, 15, false},
    {"private.w.example", MESSAGE_A, MESSAGE_NOERROR, 0, 15, true},
    {"1.2.0.192.in-addr.arpa", MESSAGE_PTR, MESSAGE_NXDOMAIN, 0, 999, false},
    {"good.example", MESSAGE_PTR, MESSAGE_NOERROR, 0, 999, false},
    {"localhost", MESSAGE_A, MESSAGE_NOERROR, 1, 999, false},
    {"a.localhost", MESSAGE_AAAA, MESSAGE_NOERROR, 1, 999, false},
    {"localhost", 16, MESSAGE_NOERROR, 0, 999, false},
};

/* What runs for the first time is slow under valgrind, and time is watched from here on. */
static void warm_up(void)
{
    set_up();
    for (unsigned edns = 0; edns <= 1232; edns += 1232)
        for (size_t i = 0; i < COUNT_OF(answers); i++)
            ask(answers[i].name, answers[i].type, edns);
    tear_down();
}

START_TEST(answers_by_the_policy)
{
    set_up();
    for (unsigned edns = 0; edns <= 1232; edns += 1232) {
        ask(answers[_i].name, answers[_i].type, edns);
        ck_assert_uint_eq(reply.rcode, answers[_i].rcode);
        ck_assert_uint_eq(reply.answers, answers[_i].answers);
        ck_assert_uint_eq(reply.extended_error, edns ? answers[_i].extended_error : 999);
        ck_assert_uint_eq(reply.bytes[11], edns > 0);
    }
    ck_assert_uint_eq(dns_stub_count(world.stub), answers[_i].is_asked);
    ck_assert_uint_eq(world.counters.grants, answers[_i].is_asked && answers[_i].answers > 0);
    ck_assert_uint_eq(world.counters.questions, 2);
    tear_down();
}
END_TEST

START_TEST(refusals_may_say_refused)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error;
    struct policy *policy;

    policy_builder_set_refusal_answer(builder, POLICY_REFUSED);
    policy_build(builder, &policy, &error);
    policy_builder_free(builder);
    set_up();
    gate_set_policy(world.gate, policy);
    ask("evil.example", MESSAGE_A, 1232);
    ck_assert_uint_eq(reply.rcode, MESSAGE_REFUSED);
    ck_assert_uint_eq(reply.extended_error, 15);
    gate_set_policy(world.gate, NULL);
    ask("good.example", MESSAGE_A, 0);
    ck_assert_uint_eq(reply.rcode, MESSAGE_NXDOMAIN);
    ck_assert_uint_eq(world.counters.questions_refused, 2);
    tear_down();
    policy_free(policy);
}
END_TEST

START_TEST(other_classes_are_refused)
{
    struct wire wire;

    set_up();
    make_question(&wire, "good.example", MESSAGE_A, 0);
    wire.bytes[wire.size - 1] = 3; /* CHAOS */
    ck_assert(ask_wire(&wire, &reply, 1000));
    ck_assert_uint_eq(reply.rcode, MESSAGE_NXDOMAIN);
    tear_down();
}
END_TEST

START_TEST(messages_at_fault)
{
    struct wire wire;

    set_up();
    wire_header(&wire, 1, 0x8180); /* an answer: H28 */
    wire_question(&wire, "good.example", MESSAGE_A);
    wire_address(&wire, WIRE_ANSWER, "good.example", 60, "198.51.100.66");
    ck_assert(!ask_wire(&wire, &reply, 50));
    wire.size = 11;
    ck_assert(!ask_wire(&wire, &reply, 50));
    wire_header(&wire, 1, 0); /* no question */
    ck_assert(ask_wire(&wire, &reply, 1000));
    ck_assert_uint_eq(reply.rcode, MESSAGE_FORMERR);
    wire_question(&wire, "good.example", MESSAGE_A);
    wire_question(&wire, "evil.example", MESSAGE_A); /* two */
    ck_assert(ask_wire(&wire, &reply, 1000));
    ck_assert_uint_eq(reply.rcode, MESSAGE_FORMERR);
    wire_header(&wire, 1, 4 << 11); /* NOTIFY */
    ck_assert(ask_wire(&wire, &reply, 1000));
    ck_assert_uint_eq(reply.rcode, MESSAGE_NOTIMP);
    make_question(&wire, "good.example", MESSAGE_A, 1232);
    wire.bytes[wire.size - 5] = 1; /* EDNS version 1 */
    ck_assert(ask_wire(&wire, &reply, 1000));
    ck_assert_uint_eq(reply.rcode, 0);
    ck_assert_uint_eq(reply.bytes[reply.size - 6], 1); /* BADVERS, upper bits */
    ck_assert_uint_eq(dns_stub_count(world.stub), 0);
    tear_down();
}
END_TEST

START_TEST(silence_upstream_is_said)
{
    set_up();
    world.is_silent = true;
    ask("good.example", MESSAGE_A, 1232);
    ck_assert_uint_eq(reply.rcode, MESSAGE_SERVFAIL);
    ck_assert_uint_eq(reply.extended_error, 23);
    world.is_silent = false;
    world.leases.failure = -EIO;
    ask("a.w.example", MESSAGE_A, 1232);
    ck_assert_uint_eq(reply.rcode, MESSAGE_SERVFAIL);
    ck_assert_uint_eq(reply.answers, 0);
    ck_assert_uint_eq(world.counters.questions_failed, 2);
    tear_down();
}
END_TEST

/* H21: whatever part of them a client gets by UDP, all are leased. */
START_TEST(many_addresses)
{
    static const unsigned counts[] = {31, 100, 1000};
    static uint8_t bytes[65537];
    struct wire wire;
    size_t size = 0;
    uint8_t prefix[2];
    int fd;

    set_up();
    world.addresses = counts[_i];
    ask("good.example", MESSAGE_A, 0);
    ck_assert(reply.is_truncated);
    ck_assert_uint_le(reply.size, 512);
    ck_assert_uint_eq(world.leases.count, counts[_i]);
    ask("good.example", MESSAGE_A, 4096);
    ck_assert_int_eq(reply.is_truncated, counts[_i] > 73);
    ck_assert_uint_le(reply.size, 1232);

    fd = connect_client(SOCK_STREAM, ADDRESS_V4);
    make_question(&wire, "good.example", MESSAGE_A, 0);
    prefix[0] = 0;
    prefix[1] = (uint8_t)wire.size;
    ck_assert_int_eq(send(fd, prefix, 2, 0), 2);
    ck_assert_int_eq(send(fd, wire.bytes, wire.size, 0), (ssize_t)wire.size);
    while (size < 2 || size < 2 + ((size_t)bytes[0] << 8 | bytes[1])) {
        ssize_t received = receive(fd, bytes + size, sizeof(bytes) - size, 1000);

        ck_assert_int_gt(received, 0);
        size += (size_t)received;
    }
    memcpy(reply.bytes, bytes + 2, size - 2);
    reply.size = size - 2;
    read_reply(&reply, &wire);
    ck_assert_uint_eq(reply.answers, counts[_i]);
    ck_assert(!reply.is_truncated);
    close(fd);
    tear_down();
}
END_TEST

/* Many questions in one segment, cut anywhere, are all answered. */
START_TEST(tcp_pipelines)
{
    static const char *const names[] = {"a.w.example", "evil.example", "b.w.example", "localhost"};
    uint8_t stream[512], received[2048];
    size_t size = 0, got = 0, messages = 0;
    struct wire wire;
    int fd;

    set_up();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        make_question(&wire, names[i], MESSAGE_A, 0);
        stream[size++] = 0;
        stream[size++] = (uint8_t)wire.size;
        memcpy(stream + size, wire.bytes, wire.size);
        size += wire.size;
    }
    fd = connect_client(SOCK_STREAM, gate_has_ipv6(world.gate) ? ADDRESS_V6 : ADDRESS_V4);
    for (size_t at = 0; at < size; at += (size_t)_i) {
        size_t part = size - at < (size_t)_i ? size - at : (size_t)_i;

        ck_assert_int_eq(send(fd, stream + at, part, 0), (ssize_t)part);
        uv_run(&world.loop, UV_RUN_NOWAIT);
    }
    shutdown(fd, SHUT_WR); /* the answers still come */
    for (;;) {
        ssize_t r = receive(fd, received + got, sizeof(received) - got, 1000);

        if (r <= 0)
            break;
        got += (size_t)r;
    }
    for (size_t at = 0; at + 2 <= got; at += 2 + ((size_t)received[at] << 8 | received[at + 1]))
        messages++;
    ck_assert_uint_eq(messages, COUNT_OF(names));
    close(fd);
    tear_down();
}
END_TEST

START_TEST(tcp_nonsense_ends_the_connection)
{
    static const uint8_t lengths[][2] = {{0, 0}, {0, 11}, {0xff, 0xff}};
    uint8_t byte;
    int fd;

    set_up();
    fd = connect_client(SOCK_STREAM, ADDRESS_V4);
    ck_assert_int_eq(send(fd, lengths[_i], 2, 0), 2);
    ck_assert_int_eq(receive(fd, &byte, 1, 1000), 0);
    ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), 0); /* closed, not silent */
    close(fd);
    tear_down();
}
END_TEST

START_TEST(tcp_connections_are_bounded)
{
    int fds[80];
    unsigned closed = 0;
    struct wire wire;
    uint8_t prefix[2] = {0}, bytes[512];

    set_up();
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = connect_client(SOCK_STREAM, ADDRESS_V4);
        for (int turn = 0; turn < 3; turn++)
            uv_run(&world.loop, UV_RUN_NOWAIT);
    }
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        closed += recv(fds[i], bytes, 1, MSG_DONTWAIT) == 0;
    ck_assert_uint_eq(closed, 80 - 64);
    make_question(&wire, "good.example", MESSAGE_A, 0); /* the last one is served */
    prefix[1] = (uint8_t)wire.size;
    send(fds[79], prefix, 2, 0);
    send(fds[79], wire.bytes, wire.size, 0);
    ck_assert_int_gt(receive(fds[79], bytes, sizeof(bytes), 1000), 0);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
    tear_down();
}
END_TEST

START_TEST(closing_with_everything_under_way)
{
    struct wire wire;
    uint8_t prefix[2] = {0};
    int udp, tcp;

    set_up();
    world.is_silent = true;
    udp = connect_client(SOCK_DGRAM, ADDRESS_V4);
    tcp = connect_client(SOCK_STREAM, ADDRESS_V4);
    for (int i = 0; i < 10; i++) {
        char name[32];

        snprintf(name, sizeof(name), "n%d.w.example", i);
        make_question(&wire, name, MESSAGE_A, 0);
        prefix[1] = (uint8_t)wire.size;
        send(udp, wire.bytes, wire.size, 0);
        send(tcp, prefix, 2, 0);
        send(tcp, wire.bytes, wire.size, 0);
    }
    for (int i = 0; i < 10; i++)
        uv_run(&world.loop, UV_RUN_NOWAIT);
    ck_assert_uint_eq(world.counters.questions, 20);
    close(tcp); /* and the client of the other half is gone before */
    uv_run(&world.loop, UV_RUN_NOWAIT);
    close(udp);
    tear_down();
}
END_TEST

START_TEST(nobody_else_can_have_the_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, fd = socket(AF_INET, SOCK_DGRAM, 0);

    set_up();
    address.sin_port = htons(gate_port(world.gate));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), -1);
    close(fd);
    tear_down();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gate");
    TCase *tests = tcase_create("gate");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 30);
    tcase_add_unchecked_fixture(tests, warm_up, NULL);
    tcase_add_loop_test(tests, answers_by_the_policy, 0, COUNT_OF(answers));
    tcase_add_test(tests, refusals_may_say_refused);
    tcase_add_test(tests, other_classes_are_refused);
    tcase_add_test(tests, messages_at_fault);
    tcase_add_test(tests, silence_upstream_is_said);
    tcase_add_loop_test(tests, many_addresses, 0, 3);
    tcase_add_loop_test(tests, tcp_pipelines, 1, 40);
    tcase_add_loop_test(tests, tcp_nonsense_ends_the_connection, 0, 3);
    tcase_add_test(tests, tcp_connections_are_bounded);
    tcase_add_test(tests, closing_with_everything_under_way);
    tcase_add_test(tests, nobody_else_can_have_the_port);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
