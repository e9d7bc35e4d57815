/* SPDX-License-Identifier: MIT */
/* Without the redirect of a real ruleset nobody is ever seen: here it is about ends, in good time.
 */
#include "dns/docker_probe.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dns_stub.h"
#include "fake_leases.h"

static struct {
    uv_loop_t loop;
    struct counters counters;
    struct leases leases;
    struct resolver *resolver;
    struct gate *gate;
    struct dns_stub *stub;
    bool is_silent;
    char names[2][256];
    unsigned questions, done;
    size_t count;
} world;

static void script(void *context, const struct dns_question *question)
{
    static struct wire wire;

    (void)context;
    ck_assert(question->by_tcp);
    strcpy(world.names[world.questions++ % 2], question->name);
    wire_reply(&wire, question, 3);
    if (!world.is_silent)
        dns_send(question, &wire);
}

static void set_up(void)
{
    static const struct resolver_options options = {.lease_grace_s = 60};

    memset(&world, 0, sizeof(world));
    uv_loop_init(&world.loop);
    world.stub = dns_stub_new(&world.loop, script, NULL);
    resolver_new(&world.loop, &options, &world.leases, &world.counters, &world.resolver);
    ck_assert_int_eq(gate_open(&world.loop, world.resolver, RESOLVER_ROUTE_NORMAL, GATE_LOOPBACK,
                               &world.counters, &world.gate),
                     0);
}

static void tear_down(void)
{
    gate_close(world.gate, NULL, NULL);
    resolver_close(world.resolver, NULL, NULL);
    dns_stub_close(world.stub);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&world.loop), 0);
}

static void on_done(void *context, const struct address *servers, size_t count)
{
    (void)context;
    (void)servers;
    world.done++;
    world.count = count;
    uv_stop(&world.loop);
}

static void probe(void)
{
    struct firewall_endpoint embedded = dns_stub_endpoint(world.stub);
    struct docker_probe *probe;

    ck_assert_int_eq(
        docker_probe_start(&world.loop, world.gate, &embedded, 0, on_done, NULL, &probe), 0);
    ck_assert_uint_eq(world.done, 0);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(world.done, 1);
    ck_assert_uint_eq(world.count, 0);
    world.done = 0;
}

START_TEST(answered_from_elsewhere)
{
    set_up();
    probe();
    probe();
    ck_assert_uint_eq(strlen(world.names[0]), 48);
    ck_assert_str_ne(world.names[0], world.names[1]);
    tear_down();
}
END_TEST

START_TEST(silence_ends)
{
    uint64_t start_ms = clock_now_ms();

    set_up();
    world.is_silent = true;
    probe();
    ck_assert_uint_ge(clock_now_ms() - start_ms, 900);
    ck_assert_uint_le(clock_now_ms() - start_ms, 1500);
    tear_down();
}
END_TEST

START_TEST(cancelled)
{
    struct firewall_endpoint embedded;
    struct docker_probe *probe;

    set_up();
    embedded = dns_stub_endpoint(world.stub);
    docker_probe_start(&world.loop, world.gate, &embedded, 0, on_done, NULL, &probe);
    docker_probe_cancel(probe);
    tear_down();
    ck_assert_uint_eq(world.done, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("docker_probe");
    TCase *tests = tcase_create("docker_probe");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_test(tests, answered_from_elsewhere);
    tcase_add_test(tests, silence_ends);
    tcase_add_test(tests, cancelled);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
