/* SPDX-License-Identifier: MIT */
/* exchange.c and upstream.c against servers that answer well, late, badly or not at all. */
#include "dns/upstream.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dns_stub.h"

static const struct upstream_options options = {.mark = 0, .try_ms = 400, .total_ms = 2400};

enum behaviour {
    ANSWER,
    SILENT,
    LATE, /* 600 ms: after the next try */
    SERVFAIL,
    REFUSED,
    NXDOMAIN,
    MALFORMED,
    TRUNCATED,     /* by UDP, with an address that must not count; whole by TCP */
    TRUNCATED_CUT, /* by UDP; by TCP closed at once */
    CASE_MANGLED,
    WRONG_CASE,   /* before the right answer */
    WRONG_ID,     /* before the right answer */
    ALWAYS_WRONG, /* by UDP */
    WRONG_QUESTION,
    NO_EDNS,   /* FORMERR to whoever uses it */
    IN_PIECES, /* by TCP, byte by byte */
};

static struct {
    uv_loop_t loop;
    struct counters counters;
    struct upstream *upstream;
    struct dns_stub *stubs[2];
    enum behaviour behaviour[2];
    struct firewall_endpoint endpoints[2];
    uv_timer_t late;
    struct dns_question late_question;
    /* The result. */
    unsigned answers;
    int status;
    struct message_answer answer;
    uint64_t took_ms;
} world;

static void good_answer(struct wire *wire, const struct dns_question *question)
{
    wire_reply(wire, question, 0);
    wire_address(wire, WIRE_ANSWER, question->name, 60, "192.0.2.1");
}

static void on_late(uv_timer_t *timer)
{
    static struct wire wire;

    (void)timer;
    good_answer(&wire, &world.late_question);
    dns_send(&world.late_question, &wire);
}

static void send_by_tcp(const struct dns_question *question, enum behaviour behaviour)
{
    static struct wire wire;
    uint8_t byte;

    good_answer(&wire, question);
    wire_address(&wire, WIRE_ANSWER, question->name, 60, "192.0.2.2");
    if (behaviour == CASE_MANGLED)
        wire.bytes[13] ^= 0x20;
    if (behaviour != IN_PIECES) {
        dns_send(question, &wire);
        return;
    }
    for (size_t i = 0; i < wire.size + 2; i++) {
        uv_buf_t part = uv_buf_init((char *)&byte, 1);

        byte = (uint8_t)(i < 2 ? wire.size >> (8 - 8 * i) : wire.bytes[i - 2]);
        uv_try_write(question->stream, &part, 1);
    }
}

static void script(void *context, const struct dns_question *question)
{
    enum behaviour behaviour = *(enum behaviour *)context;
    static struct wire wire;

    good_answer(&wire, question);
    if (question->by_tcp) {
        if (behaviour != TRUNCATED_CUT)
            send_by_tcp(question, behaviour);
        return;
    }
    switch (behaviour) {
    case ANSWER:
        break;
    case SILENT:
        return;
    case LATE:
        if (question->number > 1)
            return;
        world.late_question = *question;
        uv_timer_start(&world.late, on_late, 600, 0);
        return;
    case SERVFAIL:
        wire_reply(&wire, question, MESSAGE_SERVFAIL);
        break;
    case REFUSED:
        wire_reply(&wire, question, MESSAGE_REFUSED);
        break;
    case NXDOMAIN:
        wire_reply(&wire, question, MESSAGE_NXDOMAIN);
        break;
    case MALFORMED:
        wire.size -= 2;
        break;
    case TRUNCATED:
    case TRUNCATED_CUT:
    case IN_PIECES:
        wire_reply(&wire, question, 0x0200);
        wire_address(&wire, WIRE_ANSWER, question->name, 60, "198.51.100.66");
        break;
    case CASE_MANGLED:
        wire.bytes[13] ^= 0x20;
        break;
    case WRONG_CASE:
        wire.bytes[13] ^= 0x20;
        wire_address(&wire, WIRE_ANSWER, question->name, 60, "198.51.100.66");
        dns_send(question, &wire);
        good_answer(&wire, question);
        break;
    case WRONG_ID:
        wire.bytes[0] ^= 1;
        wire_address(&wire, WIRE_ANSWER, question->name, 60, "198.51.100.66");
        dns_send(question, &wire);
        good_answer(&wire, question);
        break;
    case ALWAYS_WRONG:
        wire.bytes[0] ^= 1;
        for (int i = 0; i < 10; i++)
            dns_send(question, &wire);
        return;
    case WRONG_QUESTION:
        wire.bytes[13] = wire.bytes[13] == 'x' ? 'y' : 'x';
        dns_send(question, &wire);
        good_answer(&wire, question);
        break;
    case NO_EDNS:
        if (question->has_edns)
            wire_reply(&wire, question, MESSAGE_FORMERR);
        break;
    }
    dns_send(question, &wire);
}

static void set_up(void)
{
    memset(&world, 0, sizeof(world));
    uv_loop_init(&world.loop);
    uv_timer_init(&world.loop, &world.late);
    for (int i = 0; i < 2; i++) {
        world.stubs[i] = dns_stub_new(&world.loop, script, &world.behaviour[i]);
        world.endpoints[i] = dns_stub_endpoint(world.stubs[i]);
    }
    ck_assert_int_eq(upstream_new(&world.loop, &options, &world.counters, &world.upstream), 0);
}

static void on_closed(void *context)
{
    ++*(int *)context;
}

static void tear_down(void)
{
    int closed = 0;

    upstream_close(world.upstream, on_closed, &closed);
    dns_stub_close(world.stubs[0]);
    dns_stub_close(world.stubs[1]);
    uv_close((uv_handle_t *)&world.late, NULL);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(closed, 1);
    ck_assert_int_eq(uv_loop_close(&world.loop), 0);
}

static void on_answer(void *context, int status, const struct message_answer *answer)
{
    (void)context;
    world.answers++;
    world.status = status;
    if (answer)
        world.answer = *answer;
    uv_stop(&world.loop);
}

static void ask(size_t servers)
{
    struct upstream_question *question;
    uint64_t start_ms = clock_now_ms();

    world.answers = 0;
    world.answer.count = 0;
    ck_assert_int_eq(upstream_ask(world.upstream, "www.test", MESSAGE_A, world.endpoints, servers,
                                  upstream_deadline_ms(world.upstream), on_answer, NULL, &question),
                     0);
    ck_assert_uint_eq(world.answers, 0);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(world.answers, 1);
    world.took_ms = clock_now_ms() - start_ms;
}

static const struct {
    const char *what;
    enum behaviour behaviour[2];
    size_t servers;
    int status;
    size_t count; /* of addresses */
    unsigned asked[2];
    uint64_t from_ms, to_ms;
} cases[] = {
    {"answers", {ANSWER, ANSWER}, 2, 0, 1, {1, 0}, 0, 390},
    {"no such name is final", {NXDOMAIN, ANSWER}, 2, 0, 0, {1, 0}, 0, 390},
    {"SERVFAIL: the next", {SERVFAIL, ANSWER}, 2, 0, 1, {1, 1}, 0, 390},
    {"REFUSED: the next", {REFUSED, ANSWER}, 2, 0, 1, {1, 1}, 0, 390},
    {"nonsense: the next", {MALFORMED, ANSWER}, 2, 0, 1, {1, 1}, 0, 390},
    {"silence: the next", {SILENT, ANSWER}, 2, 0, 1, {1, 1}, 390, 790},
    {"all fail: at once", {SERVFAIL, REFUSED}, 2, -EREMOTEIO, 0, {1, 1}, 0, 390},
    {"one fails, one is silent", {SERVFAIL, SILENT}, 2, -ETIMEDOUT, 0, {1, 2}, 2350, 3500},
    {"all silent", {SILENT, SILENT}, 2, -ETIMEDOUT, 0, {2, 2}, 2350, 3500},
    {"alone and silent", {SILENT, SILENT}, 1, -ETIMEDOUT, 0, {3, 0}, 2350, 3500},
    {"late, but still heard", {LATE, SILENT}, 2, 0, 1, {1, 1}, 590, 1190},
    {"truncated: by TCP, and nothing from the part", {TRUNCATED, ANSWER}, 2, 0, 2, {2, 0}, 0, 390},
    {"TCP in pieces", {IN_PIECES, ANSWER}, 2, 0, 2, {2, 0}, 0, 390},
    {"truncated, TCP says nothing: the next", {TRUNCATED_CUT, ANSWER}, 2, 0, 1, {2, 1}, 390, 790},
    {"mangled case: by TCP", {CASE_MANGLED, ANSWER}, 2, 0, 2, {2, 0}, 40, 390},
    {"wrong case before the right one", {WRONG_CASE, ANSWER}, 2, 0, 1, {1, 0}, 0, 390},
    {"a wrong id before the right one", {WRONG_ID, ANSWER}, 2, 0, 1, {1, 0}, 0, 390},
    {"a wrong question before the right one", {WRONG_QUESTION, ANSWER}, 2, 0, 1, {1, 0}, 0, 390},
    {"somebody guesses: by TCP", {ALWAYS_WRONG, ANSWER}, 2, 0, 2, {2, 0}, 0, 390},
    {"does not know EDNS", {NO_EDNS, NO_EDNS}, 1, 0, 1, {2, 0}, 0, 390},
};

/* What runs for the first time is slow under valgrind, and time is watched from here on. */
static void warm_up(void)
{
    set_up();
    memcpy(world.behaviour, cases[0].behaviour, sizeof(world.behaviour));
    ask(cases[0].servers);
    tear_down();
}

START_TEST(servers_are_asked)
{
    set_up();
    memcpy(world.behaviour, cases[_i].behaviour, sizeof(world.behaviour));
    ask(cases[_i].servers);
    ck_assert_msg(world.status == cases[_i].status, "%s: %d", cases[_i].what, world.status);
    ck_assert_msg(world.answer.count == cases[_i].count, "%s: %zu addresses", cases[_i].what,
                  world.answer.count);
    for (int i = 0; i < 2; i++)
        ck_assert_msg(dns_stub_count(world.stubs[i]) == cases[_i].asked[i],
                      "%s: server %d asked %u", cases[_i].what, i, dns_stub_count(world.stubs[i]));
    ck_assert_msg(world.took_ms >= cases[_i].from_ms && world.took_ms <= cases[_i].to_ms,
                  "%s: %u ms", cases[_i].what, (unsigned)world.took_ms);
    for (size_t i = 0; i < world.answer.count; i++)
        ck_assert_uint_eq(world.answer.addresses[i].bytes[0], 192);
    tear_down();
}
END_TEST

START_TEST(silent_server_is_asked_last_for_a_while)
{
    set_up();
    world.behaviour[0] = SILENT;
    ask(2);
    ck_assert_uint_ge(world.took_ms, 390);
    ask(2);
    ck_assert_uint_lt(world.took_ms, 390);
    ck_assert_uint_eq(dns_stub_count(world.stubs[0]), 1);
    ck_assert_uint_eq(world.counters.upstream_timeouts, 1);
    upstream_forget_silence(world.upstream);
    world.behaviour[0] = ANSWER;
    ask(2);
    ck_assert_uint_eq(dns_stub_count(world.stubs[0]), 2);
    tear_down();
}
END_TEST

START_TEST(nobody_listens)
{
    struct upstream_question *question;

    set_up();
    ck_assert_int_eq(upstream_ask(world.upstream, "www.test", MESSAGE_A, NULL, 0,
                                  upstream_deadline_ms(world.upstream), on_answer, NULL, &question),
                     -EDESTADDRREQ);
    world.endpoints[0].port = 1; /* reserved, nobody's */
    ask(1);
    ck_assert_int_eq(world.status, -ECONNREFUSED);
    ck_assert_uint_lt(world.took_ms, 390);
    ask(2);
    ck_assert_int_eq(world.status, 0);
    ck_assert_uint_lt(world.took_ms, 390);
    tear_down();
}
END_TEST

static void on_timeout(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

START_TEST(cancelled_question_is_never_heard_of)
{
    struct upstream_question *questions[3];

    set_up();
    world.behaviour[0] = TRUNCATED;
    for (int i = 0; i < 3; i++)
        upstream_ask(world.upstream, "www.test", MESSAGE_A, world.endpoints, 2,
                     upstream_deadline_ms(world.upstream), on_answer, NULL, &questions[i]);
    upstream_cancel(questions[1]);
    upstream_cancel(questions[0]);
    upstream_cancel(questions[2]);
    uv_timer_start(&world.late, on_timeout, 250, 0);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(world.answers, 0);
    upstream_ask(world.upstream, "www.test", MESSAGE_A, world.endpoints, 2,
                 upstream_deadline_ms(world.upstream), on_answer, NULL, &questions[0]);
    tear_down(); /* with one under way */
    ck_assert_uint_eq(world.answers, 0);
}
END_TEST

static void on_one_of_many(void *context, int status, const struct message_answer *answer)
{
    (void)context;
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(answer->count, 1);
    if (++world.answers == 500)
        uv_stop(&world.loop);
}

START_TEST(many_at_once)
{
    struct upstream_question *question;

    set_up();
    for (int i = 0; i < 500; i++)
        ck_assert_int_eq(upstream_ask(world.upstream, "www.test", MESSAGE_A, world.endpoints, 2,
                                      upstream_deadline_ms(world.upstream), on_one_of_many, NULL,
                                      &question),
                         0);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(world.answers, 500);
    tear_down();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("upstream");
    TCase *tests = tcase_create("upstream");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 30);
    tcase_add_unchecked_fixture(tests, warm_up, NULL);
    tcase_add_loop_test(tests, servers_are_asked, 0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tests, silent_server_is_asked_last_for_a_while);
    tcase_add_test(tests, nobody_listens);
    tcase_add_test(tests, cancelled_question_is_never_heard_of);
    tcase_add_test(tests, many_at_once);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
