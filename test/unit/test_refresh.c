/* SPDX-License-Identifier: MIT */
#include "dns/refresh.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "dns/upstream.h"
#include "dns_stub.h"
#include "fake_leases.h"
#include "make_policy.h"

static const struct upstream_options patient = {.mark = 0, .try_ms = 1000, .total_ms = 3000};

static struct {
    uv_loop_t loop;
    struct counters counters;
    struct leases leases;
    struct resolver *resolver;
    struct refresh *refresh;
    struct dns_stub *stub;
    uv_timer_t timer;
    uint32_t ttl_s;
    bool is_broken, is_slow, is_over;
    unsigned v4, v6, in_flight, most_in_flight;
} world;

struct slow {
    uv_timer_t timer;
    struct dns_question question;
};

static void send_address(const struct dns_question *question)
{
    static struct wire wire;

    wire_reply(&wire, question, world.is_broken ? MESSAGE_SERVFAIL : 0);
    if (!world.is_broken && question->type == MESSAGE_A)
        wire_address(&wire, WIRE_ANSWER, question->name, world.ttl_s, "192.0.2.1");
    dns_send(question, &wire);
}

static void on_slow_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_slow(uv_timer_t *timer)
{
    struct slow *slow = timer->data;

    world.in_flight--;
    if (!world.is_over)
        send_address(&slow->question);
    uv_close((uv_handle_t *)timer, on_slow_closed);
}

static void script(void *context, const struct dns_question *question)
{
    (void)context;
    if (question->type == MESSAGE_A)
        world.v4++;
    else
        world.v6++;
    if (world.is_slow) {
        struct slow *slow = calloc(1, sizeof(*slow));

        if (++world.in_flight > world.most_in_flight)
            world.most_in_flight = world.in_flight;
        slow->question = *question;
        uv_timer_init(&world.loop, &slow->timer);
        slow->timer.data = slow;
        uv_timer_start(&slow->timer, on_slow, 10, 0);
        return;
    }
    send_address(question);
}

static void set_up(void)
{
    struct resolver_options options = {
        .lease_grace_s = 60, .stale_max_s = 86400, .upstream = &patient};
    struct servers servers;

    memset(&world, 0, sizeof(world));
    world.ttl_s = 2;
    uv_loop_init(&world.loop);
    uv_timer_init(&world.loop, &world.timer);
    world.stub = dns_stub_new(&world.loop, script, NULL);
    memset(&servers, 0, sizeof(servers));
    servers.ordinary[0] = dns_stub_endpoint(world.stub);
    servers.ordinary_count = 1;
    resolver_new(&world.loop, &options, &world.leases, &world.counters, &world.resolver);
    resolver_set_servers(world.resolver, &servers);
    refresh_new(&world.loop, world.resolver, 1, &world.counters, &world.refresh);
}

static void set_policy(const struct policy *policy)
{
    resolver_set_policy(world.resolver, policy);
    refresh_set_policy(world.refresh, policy);
}

static void on_closed(void *context)
{
    ++*(int *)context;
}

static void tear_down(void)
{
    int closed = 0;

    world.is_over = true;
    refresh_close(world.refresh, on_closed, &closed);
    resolver_close(world.resolver, on_closed, &closed);
    dns_stub_close(world.stub);
    uv_close((uv_handle_t *)&world.timer, NULL);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(closed, 2);
    ck_assert_int_eq(uv_loop_close(&world.loop), 0);
}

static void on_time(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void pass_time(uint64_t ms)
{
    uv_update_time(&world.loop);
    uv_timer_start(&world.timer, on_time, ms, 0);
    uv_run(&world.loop, UV_RUN_DEFAULT);
}

START_TEST(exact_names_are_kept_fresh)
{
    static const char *const allow[] = {"a.example", "*.w.example", "192.0.2.9", NULL};
    struct policy *policy = make_policy(allow, NULL), *nothing = make_policy(NULL, NULL);

    set_up();
    set_policy(policy);
    pass_time(100);
    ck_assert_uint_eq(world.v4, 1);
    ck_assert_uint_eq(world.v6, 1);
    ck_assert_uint_eq(world.leases.grants, 1);
    pass_time(1200);
    ck_assert_uint_eq(world.v4, 1);
    pass_time(600); /* 0.8 of 2 s, a tenth more or less */
    ck_assert_uint_eq(world.v4, 2);
    ck_assert_uint_eq(world.leases.grants, 2);
    pass_time(1800);
    ck_assert_uint_eq(world.v4, 3);
    set_policy(nothing);
    pass_time(2000);
    ck_assert_uint_eq(world.v4, 3);
    tear_down();
    policy_free(policy);
    policy_free(nothing);
}
END_TEST

START_TEST(failures_back_off)
{
    static const char *const allow[] = {"a.example", NULL};
    struct policy *policy = make_policy(allow, NULL);

    set_up();
    world.is_broken = true;
    set_policy(policy);
    pass_time(800);
    ck_assert_uint_eq(world.v4, 1);
    pass_time(400); /* about 1 s */
    ck_assert_uint_eq(world.v4, 2);
    pass_time(1500);
    ck_assert_uint_eq(world.v4, 2);
    pass_time(700); /* about 2 s later */
    ck_assert_uint_eq(world.v4, 3);
    world.is_broken = false;
    refresh_retry_failed(world.refresh);
    pass_time(100);
    ck_assert_uint_eq(world.v4, 4);
    pass_time(1900);
    ck_assert_uint_eq(world.v4, 5);
    tear_down();
    policy_free(policy);
}
END_TEST

static void ignore_answer(void *context, const struct resolver_answer *answer)
{
    (void)context;
    ck_assert_int_eq(answer->status, RESOLVER_OK);
}

START_TEST(names_of_clients_are_kept_fresh)
{
    static const char *const allow[] = {"*.w.example", NULL};
    struct policy *policy = make_policy(allow, NULL), *nothing = make_policy(NULL, NULL);

    set_up();
    set_policy(policy);
    resolver_ask(world.resolver, "a.w.example", ADDRESS_V4, RESOLVER_ROUTE_NORMAL, ignore_answer,
                 NULL);
    resolver_ask(world.resolver, "a.w.example", ADDRESS_V6, RESOLVER_ROUTE_NORMAL, ignore_answer,
                 NULL);
    pass_time(1900);
    ck_assert_uint_eq(world.v4, 2);
    ck_assert_uint_eq(world.v6, 1); /* has none */
    set_policy(nothing);
    pass_time(2000);
    ck_assert_uint_eq(world.v4, 2);
    tear_down();
    policy_free(policy);
    policy_free(nothing);
}
END_TEST

START_TEST(few_are_asked_at_once)
{
    static char names[200][32];
    const char *allow[201] = {NULL};
    struct policy *policy;

    for (int i = 0; i < 200; i++) {
        snprintf(names[i], sizeof(names[i]), "n%d.example", i);
        allow[i] = names[i];
    }
    policy = make_policy(allow, NULL);
    set_up();
    world.is_slow = true;
    world.ttl_s = 3600;
    set_policy(policy);
    pass_time(700);
    ck_assert_uint_eq(world.v4 + world.v6, 400);
    ck_assert_uint_le(world.most_in_flight, 32);
    ck_assert_uint_ge(world.most_in_flight, 16);
    set_policy(policy); /* with some under way */
    pass_time(15);
    tear_down();
    policy_free(policy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("refresh");
    TCase *tests = tcase_create("refresh");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, exact_names_are_kept_fresh);
    tcase_add_test(tests, failures_back_off);
    tcase_add_test(tests, names_of_clients_are_kept_fresh);
    tcase_add_test(tests, few_are_asked_at_once);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
