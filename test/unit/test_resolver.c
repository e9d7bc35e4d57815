/* SPDX-License-Identifier: MIT */
#include "dns/resolver.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "dns/upstream.h"
#include "dns_stub.h"
#include "fake_leases.h"
#include "make_policy.h"

#define GRACE_S 60

static const struct upstream_options quick = {.mark = 0, .try_ms = 120, .total_ms = 450};
static const char *const allow[] = {"*.z.test", "exact.example", "db", "priv.example", NULL};
static const char *const deny[] = {"denied.z.test", "denied.invalid", "partly.invalid:443", NULL};

static struct {
    uv_loop_t loop;
    struct counters counters;
    struct leases leases;
    struct resolver *resolver;
    struct policy *policy;
    struct dns_stub *ordinary, *embedded;
    uint32_t ttl_s;
    bool is_silent;
    uv_timer_t timer;
    /* The last answer. */
    unsigned answers;
    bool is_running;
    struct resolver_answer answer;
    struct address addresses[MESSAGE_ADDRESSES_MAX];
    char final_name[256];
    unsigned grants_then;
} world;

static void answer_many(struct wire *wire, const struct dns_question *question)
{
    char text[ADDRESS_TEXT_SIZE];

    if (!question->by_tcp) {
        wire_reply(wire, question, 0x0200);
        return;
    }
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "198.51.%u.%u", i >> 8, i & 255);
        wire_address(wire, WIRE_ANSWER, question->name, world.ttl_s, text);
    }
}

/* The zone. Every name that is not spoken of here has one address of each family. */
static void script(void *context, const struct dns_question *question)
{
    static struct wire wire;
    const char *name = question->name;
    unsigned hop;

    (void)context;
    if (world.is_silent)
        return;
    wire_reply(&wire, question, 0);
    if (strcmp(name, "many.z.test") == 0) {
        answer_many(&wire, question);
    } else if (strcmp(name, "alias.z.test") == 0) {
        wire_cname(&wire, name, 30, "cdn.invalid");
        wire_address(&wire, WIRE_ANSWER, "cdn.invalid", world.ttl_s, "192.0.2.7");
    } else if (strcmp(name, "split.z.test") == 0) {
        wire_cname(&wire, name, 30, "piece.invalid");
    } else if (strcmp(name, "piece.invalid") == 0) {
        wire_cname(&wire, name, 20, "end.invalid");
    } else if (strcmp(name, "end.invalid") == 0) {
        wire_address(&wire, WIRE_ANSWER, name, 50, "192.0.2.8");
    } else if (strcmp(name, "todenied.z.test") == 0) {
        wire_cname(&wire, name, 30, "denied.invalid");
        wire_address(&wire, WIRE_ANSWER, "denied.invalid", 30, "192.0.2.9");
    } else if (strcmp(name, "topartly.z.test") == 0) {
        wire_cname(&wire, name, 30, "partly.invalid");
        wire_address(&wire, WIRE_ANSWER, "partly.invalid", 30, "192.0.2.9");
    } else if (sscanf(name, "endless%u.z.test", &hop) == 1) {
        char target[32];

        snprintf(target, sizeof(target), "endless%u.z.test", hop + 1);
        wire_cname(&wire, name, 30, target);
    } else if (strcmp(name, "private.z.test") == 0) {
        wire_address(&wire, WIRE_ANSWER, name, 60, "10.0.0.1");
        wire_address(&wire, WIRE_ANSWER, name, 60, "127.0.0.1");
    } else if (strcmp(name, "mixed.z.test") == 0) {
        wire_address(&wire, WIRE_ANSWER, name, 60, "169.254.169.254");
        wire_address(&wire, WIRE_ANSWER, name, 60, "192.0.2.1");
        wire_address(&wire, WIRE_ANSWER, name, 60, "192.0.2.1");
    } else if (strcmp(name, "db") == 0) {
        wire_address(&wire, WIRE_ANSWER, name, 60, "172.18.0.2");
    } else if (strcmp(name, "none.z.test") == 0) {
        wire_reply(&wire, question, MESSAGE_NXDOMAIN);
        wire_soa(&wire, 300, 40);
    } else if (strcmp(name, "empty.z.test") == 0) {
        wire_soa(&wire, 300, 3600);
    } else if (strcmp(name, "bad.z.test") == 0) {
        wire_reply(&wire, question, MESSAGE_SERVFAIL);
    } else if (question->type == MESSAGE_A) {
        wire_address(&wire, WIRE_ANSWER, name, world.ttl_s, "192.0.2.1");
    } else {
        wire_address(&wire, WIRE_ANSWER, name, world.ttl_s, "2001:db8::1");
    }
    dns_send(question, &wire);
}

static void set_up_with(uint32_t stale_max_s)
{
    struct resolver_options options = {
        .lease_grace_s = GRACE_S, .stale_max_s = stale_max_s, .upstream = &quick};
    struct servers servers;

    memset(&world, 0, sizeof(world));
    world.ttl_s = 300;
    uv_loop_init(&world.loop);
    uv_timer_init(&world.loop, &world.timer);
    world.ordinary = dns_stub_new(&world.loop, script, NULL);
    world.embedded = dns_stub_new(&world.loop, script, NULL);
    memset(&servers, 0, sizeof(servers));
    servers.ordinary[0] = dns_stub_endpoint(world.ordinary);
    servers.ordinary_count = 1;
    servers.embedded = dns_stub_endpoint(world.embedded);
    servers.embedded.address.bytes[3] = 1;
    world.policy = make_policy(allow, deny);
    ck_assert_int_eq(
        resolver_new(&world.loop, &options, &world.leases, &world.counters, &world.resolver), 0);
    resolver_set_policy(world.resolver, world.policy);
    resolver_set_servers(world.resolver, &servers);
}

static void set_up(void)
{
    set_up_with(86400);
}

static void on_closed(void *context)
{
    ++*(int *)context;
}

static void tear_down(void)
{
    int closed = 0;

    resolver_close(world.resolver, on_closed, &closed);
    dns_stub_close(world.ordinary);
    dns_stub_close(world.embedded);
    uv_close((uv_handle_t *)&world.timer, NULL);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(closed, 1);
    ck_assert_int_eq(uv_loop_close(&world.loop), 0);
    policy_free(world.policy);
}

static void run(void)
{
    world.is_running = true;
    uv_run(&world.loop, UV_RUN_DEFAULT);
    world.is_running = false;
}

static void on_answer(void *context, const struct resolver_answer *answer)
{
    (void)context;
    world.answers++;
    world.answer = *answer;
    world.grants_then = world.leases.grants;
    if (answer->count > 0)
        memcpy(world.addresses, answer->addresses, answer->count * sizeof(world.addresses[0]));
    snprintf(world.final_name, sizeof(world.final_name), "%s", answer->final_name);
    if (world.is_running)
        uv_stop(&world.loop);
}

static enum resolver_status ask_by(const char *name, enum address_family family,
                                   enum resolver_route route)
{
    world.answers = 0;
    if (resolver_ask(world.resolver, name, family, route, on_answer, NULL)) {
        ck_assert_uint_eq(world.answers, 0);
        run();
    }
    ck_assert_uint_eq(world.answers, 1);
    return world.answer.status;
}

static enum resolver_status ask(const char *name)
{
    return ask_by(name, ADDRESS_V4, RESOLVER_ROUTE_NORMAL);
}

static void on_time(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void pass_time(uint64_t ms)
{
    uv_update_time(&world.loop);
    uv_timer_start(&world.timer, on_time, ms, 0);
    run();
}

static unsigned asked(void)
{
    return dns_stub_count(world.ordinary);
}

static const struct {
    uint32_t wire_s, client_s;
} ttls[] = {{0, 0},       {1, 1},         {60, 60},        {300, 300},
            {3600, 3600}, {604800, 3600}, {0x80000000, 0}, {0xffffffff, 0}};

START_TEST(lease_outlives_the_ttl)
{
    set_up();
    world.ttl_s = ttls[_i].wire_s;
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK);
    ck_assert_uint_eq(world.answer.ttl_s, ttls[_i].client_s);
    ck_assert_uint_eq(world.leases.lifetime_s, ttls[_i].client_s + GRACE_S);
    ck_assert_uint_eq(world.grants_then, 1); /* before the answer */
    ck_assert_str_eq(world.leases.name, "a.z.test");
    ck_assert_uint_eq(world.answer.count, 1);
    ck_assert(address_equal(&world.addresses[0], &world.leases.addresses[0]));
    ck_assert_str_eq(world.final_name, "a.z.test");

    world.leases.lifetime_s = 0;
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK);
    ck_assert_uint_eq(world.grants_then, 2); /* H8: of a cached answer too */
    ck_assert_uint_ge(world.leases.lifetime_s, world.answer.ttl_s + GRACE_S);
    ck_assert_uint_eq(asked(), ttls[_i].client_s == 0 ? 2 : 1);
    ck_assert_uint_le(world.answer.ttl_s, ttls[_i].client_s);
    tear_down();
}
END_TEST

START_TEST(cached_answer_needs_the_kernel_too)
{
    set_up();
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK);
    world.leases.failure = -EIO;
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_FAILED);
    ck_assert_uint_eq(world.answer.count, 0);
    world.leases.failure = 0;
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK);
    ck_assert_uint_eq(asked(), 1);
    tear_down();
}
END_TEST

START_TEST(cached_ttl_runs_down)
{
    set_up();
    world.ttl_s = 2;
    ask("a.z.test");
    pass_time(1100);
    ask("a.z.test");
    ck_assert_uint_eq(world.answer.ttl_s, 0);
    ck_assert_uint_eq(world.counters.cache_hits, 1);
    ck_assert_uint_eq(asked(), 1);
    pass_time(1000);
    ask("a.z.test");
    ck_assert_uint_eq(asked(), 2);
    tear_down();
}
END_TEST

static void count_answer(void *context, const struct resolver_answer *answer)
{
    ck_assert_int_eq(answer->status, RESOLVER_OK);
    ck_assert_uint_eq(world.leases.grants, 1);
    if (++*(unsigned *)context == 63)
        uv_stop(&world.loop);
}

START_TEST(one_question_serves_all_who_wait)
{
    struct resolver_waiter *waiter = NULL;
    unsigned count = 0;

    set_up();
    for (int i = 0; i < 64; i++) {
        waiter = resolver_ask(world.resolver, "a.z.test", ADDRESS_V4, RESOLVER_ROUTE_NORMAL,
                              count_answer, &count);
        ck_assert_ptr_nonnull(waiter);
    }
    resolver_cancel(waiter);
    run();
    ck_assert_uint_eq(count, 63);
    ck_assert_uint_eq(asked(), 1);
    ck_assert_int_eq(ask_by("a.z.test", ADDRESS_V6, RESOLVER_ROUTE_NORMAL), RESOLVER_OK);
    ck_assert_int_eq(world.addresses[0].family, ADDRESS_V6);
    ck_assert_uint_eq(asked(), 2);
    tear_down();
}
END_TEST

START_TEST(refused_name_is_not_asked)
{
    set_up();
    ck_assert_int_eq(ask("evil.invalid"), RESOLVER_REFUSED);
    ck_assert_ptr_null(world.answer.why);
    ck_assert_int_eq(ask("denied.z.test"), RESOLVER_REFUSED);
    ck_assert_uint_eq(asked(), 0);
    resolver_set_policy(world.resolver, NULL);
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_REFUSED);
    tear_down();
}
END_TEST

START_TEST(without_the_kernel_there_is_no_answer)
{
    set_up();
    world.leases.failure = _i ? -ENFILE : -EIO;
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_FAILED);
    ck_assert_uint_eq(world.answer.count, 0);
    ck_assert_ptr_nonnull(world.answer.why);
    ck_assert_uint_eq(world.counters.grant_failures, 1);
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_FAILED); /* for a moment nobody tries again */
    ck_assert_uint_eq(asked(), 1);
    tear_down();
}
END_TEST

START_TEST(private_addresses_are_left_out)
{
    set_up();
    ck_assert_int_eq(ask("private.z.test"), RESOLVER_REFUSED);
    ck_assert_ptr_nonnull(world.answer.why);
    ck_assert_uint_eq(world.answer.count, 0);
    ck_assert_uint_eq(world.leases.grants, 0);
    ck_assert_uint_eq(world.counters.addresses_refused, 2);
    ck_assert_int_eq(ask("private.z.test"), RESOLVER_REFUSED);
    ck_assert_uint_eq(asked(), 1);

    ck_assert_int_eq(ask("mixed.z.test"), RESOLVER_OK);
    ck_assert_uint_eq(world.answer.count, 1); /* and duplicates count once */
    ck_assert_uint_eq(world.leases.count, 1);
    ck_assert_uint_eq(world.addresses[0].bytes[0], 192);
    tear_down();
}
END_TEST

START_TEST(chain_is_leased_to_its_root)
{
    set_up();
    ck_assert_int_eq(ask("alias.z.test"), RESOLVER_OK);
    ck_assert_uint_eq(world.answer.ttl_s, 30);
    ck_assert_str_eq(world.final_name, "cdn.invalid");
    ck_assert_str_eq(world.leases.name, "alias.z.test");
    ck_assert_int_eq(ask("alias.z.test"), RESOLVER_OK);
    ck_assert_str_eq(world.final_name, "cdn.invalid");
    ck_assert_int_eq(ask("cdn.invalid"), RESOLVER_REFUSED);
    tear_down();
}
END_TEST

START_TEST(chain_in_pieces_is_followed)
{
    set_up();
    ck_assert_int_eq(ask("split.z.test"), RESOLVER_OK);
    ck_assert_uint_eq(world.answer.ttl_s, 20);
    ck_assert_uint_eq(world.answer.count, 1);
    ck_assert_str_eq(world.final_name, "end.invalid");
    ck_assert_str_eq(world.leases.name, "split.z.test");
    ck_assert_uint_eq(asked(), 3);
    ck_assert_int_eq(ask("endless0.z.test"), RESOLVER_FAILED);
    ck_assert_uint_le(asked(), 3 + 5);
    tear_down();
}
END_TEST

START_TEST(deny_wins_over_the_chain)
{
    set_up();
    ck_assert_int_eq(ask("todenied.z.test"), RESOLVER_REFUSED);
    ck_assert_ptr_nonnull(world.answer.why);
    ck_assert_uint_eq(world.leases.grants, 0);
    tear_down();
}
END_TEST

/* A deny of one port takes that port, of the target as of the name itself, and nothing else. */
/* leak: H14 */
START_TEST(deny_of_a_port_wins_over_the_chain)
{
    uint64_t https, http;

    set_up();
    https = policy_service_of(world.policy, IPPROTO_TCP, 443);
    http = policy_service_of(world.policy, IPPROTO_TCP, 80);
    ck_assert_int_eq(ask("topartly.z.test"), RESOLVER_OK);
    ck_assert_uint_eq(world.leases.services[0] & https, 0);
    ck_assert_uint_eq(world.leases.services[0] & http, http);
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK);
    ck_assert_uint_eq(world.leases.services[0] & https, https);
    tear_down();
}
END_TEST

START_TEST(negative_answers_are_kept_for_a_while)
{
    set_up();
    ck_assert_int_eq(ask("none.z.test"), RESOLVER_NO_NAME);
    ck_assert_uint_eq(world.answer.ttl_s, 40);
    ck_assert_int_eq(ask("none.z.test"), RESOLVER_NO_NAME);
    ck_assert_int_eq(ask("empty.z.test"), RESOLVER_OK);
    ck_assert_uint_eq(world.answer.ttl_s, 60);
    ck_assert_uint_eq(world.answer.count, 0);
    ck_assert_int_eq(ask("empty.z.test"), RESOLVER_OK);
    ck_assert_uint_eq(asked(), 2);
    ck_assert_uint_eq(world.leases.grants, 0);
    tear_down();
}
END_TEST

START_TEST(failures_are_kept_for_a_moment)
{
    set_up();
    ck_assert_int_eq(ask("bad.z.test"), RESOLVER_FAILED);
    ck_assert_int_eq(world.answer.extended_error, MESSAGE_EXTENDED_NO_AUTHORITY);
    ck_assert_int_eq(ask("bad.z.test"), RESOLVER_FAILED);
    ck_assert_uint_eq(asked(), 1);
    world.is_silent = true;
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_FAILED);
    ck_assert_int_eq(world.answer.extended_error, MESSAGE_EXTENDED_NETWORK);
    tear_down();
}
END_TEST

START_TEST(stale_answer_when_nobody_answers)
{
    unsigned count;

    set_up();
    world.ttl_s = 0;
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK);
    world.is_silent = true;
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK); /* after the whole wait */
    ck_assert(world.answer.stale);
    ck_assert_uint_eq(world.answer.ttl_s, 30);
    ck_assert_uint_eq(world.leases.lifetime_s, 30 + GRACE_S);
    ck_assert_uint_eq(world.grants_then, 2);
    count = asked();
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK); /* and then at once */
    ck_assert(world.answer.stale);
    ck_assert_uint_eq(world.grants_then, 3);
    ck_assert_uint_eq(asked(), count);
    ck_assert_uint_eq(world.counters.stale_answers, 2);

    world.is_silent = false;
    pass_time(2100);
    ck_assert_int_eq(ask("a.z.test"),
                     RESOLVER_OK); /* stale once more, and asked behind the scenes */
    ck_assert(world.answer.stale);
    pass_time(100);
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK);
    ck_assert(!world.answer.stale);

    world.leases.failure = -EIO;
    world.is_silent = true;
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_FAILED); /* not without the kernel either */
    tear_down();
}
END_TEST

START_TEST(stale_answer_has_an_end)
{
    set_up_with(30 + GRACE_S + 2); /* what it leases ends in time, too */
    world.ttl_s = 0;
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK);
    world.is_silent = true;
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK);
    ck_assert(world.answer.stale);
    pass_time(2100);
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_FAILED);
    tear_down();
}
END_TEST

START_TEST(policy_may_change_while_we_ask)
{
    static const char *const nothing[] = {"other.example", NULL};
    struct policy *other = make_policy(nothing, NULL);

    set_up();
    world.answers = 0;
    ck_assert_ptr_nonnull(resolver_ask(world.resolver, "a.z.test", ADDRESS_V4,
                                       RESOLVER_ROUTE_NORMAL, on_answer, NULL));
    resolver_set_policy(world.resolver, other);
    run();
    ck_assert_uint_eq(world.answers, 1);
    ck_assert_int_eq(world.answer.status, RESOLVER_REFUSED);
    ck_assert_uint_eq(world.leases.grants, 0);

    resolver_set_policy(world.resolver, world.policy);
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK);
    ck_assert_int_eq(ask("exact.example"), RESOLVER_OK);
    ck_assert_uint_eq(asked(), 3);
    resolver_set_policy(world.resolver, other);
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_REFUSED);
    resolver_set_policy(world.resolver, world.policy);
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK);
    ck_assert_uint_eq(asked(), 4); /* asked anew */
    tear_down();
    policy_free(other);
}
END_TEST

START_TEST(routes_do_not_cross)
{
    struct servers servers;

    set_up();
    memset(&servers, 0, sizeof(servers));
    servers.ordinary[0] = dns_stub_endpoint(world.ordinary);
    servers.ordinary_count = 1;
    servers.embedded = dns_stub_endpoint(world.embedded);
    resolver_set_servers(world.resolver, &servers);
    ck_assert_int_eq(ask("db"), RESOLVER_OK);
    ck_assert_uint_eq(asked(), 0);
    ck_assert_uint_eq(dns_stub_count(world.embedded), 1);
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK);
    ck_assert_uint_eq(asked(), 1);

    /* From dockerd, never back to dockerd. */
    servers.ordinary[0] = servers.embedded;
    resolver_set_servers(world.resolver, &servers);
    ck_assert_int_eq(ask_by("db", ADDRESS_V4, RESOLVER_ROUTE_DOCKERD), RESOLVER_FAILED);
    ck_assert_uint_eq(dns_stub_count(world.embedded), 1);
    tear_down();
}
END_TEST

START_TEST(new_servers_are_asked_at_once)
{
    struct servers servers;

    set_up();
    world.is_silent = true;
    world.answers = 0;
    ck_assert_ptr_nonnull(resolver_ask(world.resolver, "a.z.test", ADDRESS_V4,
                                       RESOLVER_ROUTE_NORMAL, on_answer, NULL));
    pass_time(20);
    ck_assert_uint_eq(asked(), 1);
    memset(&servers, 0, sizeof(servers));
    servers.ordinary[0] = dns_stub_endpoint(world.embedded);
    servers.ordinary_count = 1;
    world.is_silent = false;
    resolver_set_servers(world.resolver, &servers);
    run();
    ck_assert_int_eq(world.answer.status, RESOLVER_OK);
    ck_assert_uint_eq(dns_stub_count(world.embedded), 1);

    world.is_silent = true;
    ck_assert_ptr_nonnull(resolver_ask(world.resolver, "b.z.test", ADDRESS_V4,
                                       RESOLVER_ROUTE_NORMAL, on_answer, NULL));
    servers.ordinary_count = 0;
    world.answers = 0;
    resolver_set_servers(world.resolver, &servers); /* none any more */
    ck_assert_uint_eq(world.answers, 1);
    ck_assert_int_eq(world.answer.status, RESOLVER_FAILED);
    tear_down();
}
END_TEST

START_TEST(thousand_addresses_in_one_grant)
{
    set_up();
    ck_assert_int_eq(ask("many.z.test"), RESOLVER_OK);
    ck_assert_uint_eq(world.answer.count, 1000);
    ck_assert_uint_eq(world.leases.count, 1000);
    ck_assert_uint_eq(world.leases.grants, 1);
    tear_down();
}
END_TEST

static void note_learned(void *context, const char *name, enum address_family family,
                         uint32_t ttl_s)
{
    ck_assert_str_eq(name, "a.z.test");
    ck_assert_int_eq(family, ADDRESS_V4);
    ck_assert_uint_eq(ttl_s, 300);
    ++*(unsigned *)context;
}

START_TEST(observer_hears_of_names_that_clients_brought)
{
    unsigned count = 0;

    set_up();
    resolver_observe(world.resolver, note_learned, &count);
    ask("exact.example");
    ask("a.z.test");
    ask("a.z.test");
    ask("none.z.test");
    ck_assert_uint_eq(count, 1);
    ck_assert_ptr_nonnull(
        resolver_refresh(world.resolver, "b.z.test", ADDRESS_V4, on_answer, NULL));
    run();
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_gt(resolver_asked_ms(world.resolver, "a.z.test", ADDRESS_V4), 0);
    ck_assert_uint_eq(resolver_asked_ms(world.resolver, "b.z.test", ADDRESS_V4), 0);
    ck_assert_uint_eq(resolver_asked_ms(world.resolver, "c.z.test", ADDRESS_V4), 0);
    tear_down();
}
END_TEST

START_TEST(timers_ask_past_the_cache)
{
    set_up();
    ask("a.z.test");
    ck_assert_ptr_nonnull(
        resolver_refresh(world.resolver, "a.z.test", ADDRESS_V4, on_answer, NULL));
    run();
    ck_assert_uint_eq(asked(), 2);
    world.is_silent = true;
    ck_assert_ptr_nonnull(
        resolver_refresh(world.resolver, "a.z.test", ADDRESS_V4, on_answer, NULL));
    run();
    ck_assert(world.answer.stale);
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK); /* which is still fresh */
    ck_assert(!world.answer.stale);
    tear_down();
}
END_TEST

static void note_view(void *context, const struct resolver_name_view *view)
{
    char *text = context;
    size_t length = strlen(text);

    snprintf(text + length, 1024 - length, "%s %s %zu%s%s; ", view->name, view->state, view->count,
             view->last_error ? " " : "", view->last_error ? view->last_error : "");
}

static const char *views(void)
{
    static char text[1024];

    text[0] = '\0';
    resolver_each_name(world.resolver, note_view, text);
    return text;
}

START_TEST(names_are_shown)
{
    set_up();
    ck_assert_str_eq(views(), "");
    ask("exact.example");
    ck_assert_str_eq(views(), "exact.example ok 1; ");
    ask_by("exact.example", ADDRESS_V6, RESOLVER_ROUTE_NORMAL);
    ck_assert_str_eq(views(), "exact.example ok 2; ");
    ask("none.z.test");
    ck_assert_ptr_nonnull(strstr(views(), "none.z.test no-such-name 0 there is no such name"));
    ask("bad.z.test");
    ck_assert_ptr_nonnull(strstr(views(), "bad.z.test failed 0 the DNS servers say"));
    ask("private.z.test");
    ck_assert_ptr_nonnull(strstr(views(), "private.z.test refused 0 "));
    world.is_silent = true;
    world.ttl_s = 0;
    resolver_set_policy(world.resolver, world.policy);
    ck_assert_int_eq(ask("exact.example"), RESOLVER_OK);
    ck_assert_ptr_nonnull(strstr(views(), "exact.example ok 2"));
    ask_by("exact.example", ADDRESS_V6, RESOLVER_ROUTE_NORMAL);
    ck_assert_ptr_nonnull(strstr(views(), "exact.example stale 2 no DNS server answered in time"));
    ck_assert_ptr_nonnull(resolver_ask(world.resolver, "new.z.test", ADDRESS_V4,
                                       RESOLVER_ROUTE_NORMAL, on_answer, NULL));
    ck_assert_ptr_nonnull(strstr(views(), "new.z.test pending 0"));
    tear_down();
}
END_TEST

#define NEW_AT_ONCE 250 /* by default */

/* The status of a name that nobody has asked before. */
static enum resolver_status ask_new(const char *kind)
{
    static unsigned serial;
    char name[64];

    snprintf(name, sizeof(name), "%s%u.new.z.test", kind, serial++);
    return ask(name);
}

static void note_spent(void *context, const struct entry *entry, const char *why)
{
    ck_assert_str_eq(entry->text, "*.z.test");
    ck_assert_ptr_nonnull(strstr(why, "raise \"names\""));
    ++*(unsigned *)context;
}

/* leak: L6 H52 */
START_TEST(new_names_below_a_wildcard_have_an_end)
{
    unsigned told = 0;

    set_up();
    resolver_observe_budgets(world.resolver, note_spent, &told);
    for (int i = 0; i < NEW_AT_ONCE; i++)
        ck_assert_int_ne(ask_new(i % 2 ? "a" : "none"), RESOLVER_SPENT);
    ck_assert_uint_eq(asked(), NEW_AT_ONCE);
    for (int i = 0; i < 10000; i++)
        ck_assert_int_eq(ask_new("b"), RESOLVER_SPENT);
    ck_assert_uint_eq(asked(), NEW_AT_ONCE);
    ck_assert_uint_eq(world.counters.questions_over_budget, 10000);
    ck_assert_uint_eq(told, 1);
    ck_assert_int_eq(world.answer.extended_error, MESSAGE_EXTENDED_BLOCKED);
    ck_assert_ptr_null(strstr(views(), " pending ")); /* they leave nothing behind */
    ck_assert_int_eq(ask("exact.example"), RESOLVER_OK);
    tear_down();
}
END_TEST

/* Whoever asks: a client, dockerd for one, a timer. */
/* leak: L6 */
START_TEST(known_names_are_known_on_every_route)
{
    set_up();
    ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK);
    for (int i = 1; i < NEW_AT_ONCE; i++)
        ck_assert_int_eq(ask_new("a"), RESOLVER_OK);
    ck_assert_int_eq(ask_by("x.z.test", ADDRESS_V4, RESOLVER_ROUTE_DOCKERD), RESOLVER_SPENT);
    world.answers = 0;
    ck_assert_ptr_null(resolver_refresh(world.resolver, "x.z.test", ADDRESS_V4, on_answer, NULL));
    ck_assert_int_eq(world.answer.status, RESOLVER_SPENT);
    ck_assert_int_ne(ask_by("a.z.test", ADDRESS_V4, RESOLVER_ROUTE_DOCKERD), RESOLVER_SPENT);
    ck_assert_int_eq(ask_by("a.z.test", ADDRESS_V6, RESOLVER_ROUTE_NORMAL), RESOLVER_OK);
    ck_assert_ptr_nonnull(
        resolver_refresh(world.resolver, "a.z.test", ADDRESS_V4, on_answer, NULL));
    run();
    ck_assert_int_eq(world.answer.status, RESOLVER_OK);
    tear_down();
}
END_TEST

START_TEST(what_could_not_be_asked_costs_nothing)
{
    struct servers none;

    set_up();
    memset(&none, 0, sizeof(none));
    resolver_set_servers(world.resolver, &none);
    for (int i = 0; i < 2 * NEW_AT_ONCE; i++)
        ck_assert_int_eq(ask_new("a"), RESOLVER_FAILED);
    tear_down();
}
END_TEST

/* A known name whose TTL is 0 may be asked for again and again: the order of a thousand such names
 * would carry ten bits a question. */
/* leak: L6 */
START_TEST(known_names_are_not_asked_without_end)
{
    unsigned before = 0;

    set_up();
    world.ttl_s = 0;
    for (int i = 0; i < 3000; i++) {
        before = asked();
        ck_assert_int_eq(ask("a.z.test"), RESOLVER_OK);
        ck_assert_uint_eq(world.answer.count, 1);
    }
    ck_assert_uint_eq(asked(), before); /* the last answer instead, leased anew */
    ck_assert(world.answer.stale);
    ck_assert_uint_lt(before, 1 + 1000 + 100);
    ck_assert_uint_eq(world.leases.lifetime_s, 30 + GRACE_S);
    tear_down();
}
END_TEST

/* --- audit mode ------------------------------------------------------------------------------- */

/* As many of each name as it says are told to the client, as many leased. */
static const struct {
    const char *name;
    size_t told, leased;
} audited[] = {
    {"a.z.test", 1, 1},       {"evil.invalid", 1, 0},    {"denied.z.test", 1, 0},
    {"private.z.test", 2, 0}, {"mixed.z.test", 2, 1},    {"todenied.z.test", 1, 0},
    {"split.z.test", 1, 1},   {"topartly.z.test", 1, 1}, {"empty.z.test", 0, 0},
};

static void set_up_audit(void)
{
    set_up();
    policy_free(world.policy);
    world.policy = make_policy_of_mode(POLICY_AUDIT, allow, deny);
    resolver_set_policy(world.resolver, world.policy);
}

START_TEST(audit_answers_all_and_leases_what_is_allowed)
{
    set_up_audit();
    for (int i = 0; i < 2; i++) { /* the second is from the cache */
        world.leases.count = 0;
        ck_assert_int_eq(ask(audited[_i].name), RESOLVER_OK);
        ck_assert_uint_eq(world.answer.count, audited[_i].told);
        ck_assert_uint_eq(world.leases.count, audited[_i].leased);
    }
    tear_down();
}
END_TEST

START_TEST(audit_serves_stale_answers_of_any_name)
{
    set_up_audit();
    world.ttl_s = 0;
    ck_assert_int_eq(ask("evil.invalid"), RESOLVER_OK);
    world.is_silent = true;
    ck_assert_int_eq(ask("evil.invalid"), RESOLVER_OK);
    ck_assert(world.answer.stale);
    ck_assert_uint_eq(world.answer.count, 1);
    ck_assert_uint_eq(world.leases.grants, 0);
    tear_down();
}
END_TEST

/* What it learned without a lease must not be an answer that the kernel does not let out. */
START_TEST(nothing_of_audit_is_left_when_it_ends)
{
    struct policy *enforce = make_policy(allow, deny);

    set_up_audit();
    for (size_t i = 0; i < sizeof(audited) / sizeof(audited[0]); i++)
        ask(audited[i].name);
    ck_assert_ptr_nonnull(resolver_ask(world.resolver, "late.invalid", ADDRESS_V4,
                                       RESOLVER_ROUTE_NORMAL, on_answer, NULL));
    resolver_set_policy(world.resolver, enforce);
    world.answers = 0;
    run();
    ck_assert_int_eq(world.answer.status, RESOLVER_REFUSED); /* asked in audit mode, too late */
    world.is_silent = true;
    ck_assert_int_eq(ask("evil.invalid"), RESOLVER_REFUSED);
    ck_assert_int_eq(ask("private.z.test"), RESOLVER_FAILED);
    ck_assert_int_eq(ask("mixed.z.test"), RESOLVER_OK);
    ck_assert(world.answer.stale);
    ck_assert_uint_eq(world.answer.count, 1);
    ck_assert_uint_eq(world.addresses[0].bytes[0], 192);
    tear_down();
    policy_free(enforce);
}
END_TEST

START_TEST(audit_asks_beyond_the_budget)
{
    set_up_audit();
    for (int i = 0; i < 2 * NEW_AT_ONCE; i++)
        ck_assert_int_eq(ask_new("a"), RESOLVER_OK);
    ck_assert_uint_eq(world.counters.questions_over_budget, 0);
    tear_down();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resolver");
    TCase *tests = tcase_create("resolver");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, audit_answers_all_and_leases_what_is_allowed, 0,
                        sizeof(audited) / sizeof(audited[0]));
    tcase_add_test(tests, audit_serves_stale_answers_of_any_name);
    tcase_add_test(tests, nothing_of_audit_is_left_when_it_ends);
    tcase_add_test(tests, audit_asks_beyond_the_budget);
    tcase_set_timeout(tests, 30);
    tcase_add_loop_test(tests, lease_outlives_the_ttl, 0, sizeof(ttls) / sizeof(ttls[0]));
    tcase_add_test(tests, cached_answer_needs_the_kernel_too);
    tcase_add_test(tests, cached_ttl_runs_down);
    tcase_add_test(tests, one_question_serves_all_who_wait);
    tcase_add_test(tests, refused_name_is_not_asked);
    tcase_add_loop_test(tests, without_the_kernel_there_is_no_answer, 0, 2);
    tcase_add_test(tests, private_addresses_are_left_out);
    tcase_add_test(tests, chain_is_leased_to_its_root);
    tcase_add_test(tests, chain_in_pieces_is_followed);
    tcase_add_test(tests, deny_wins_over_the_chain);
    tcase_add_test(tests, deny_of_a_port_wins_over_the_chain);
    tcase_add_test(tests, negative_answers_are_kept_for_a_while);
    tcase_add_test(tests, failures_are_kept_for_a_moment);
    tcase_add_test(tests, stale_answer_when_nobody_answers);
    tcase_add_test(tests, stale_answer_has_an_end);
    tcase_add_test(tests, policy_may_change_while_we_ask);
    tcase_add_test(tests, routes_do_not_cross);
    tcase_add_test(tests, new_servers_are_asked_at_once);
    tcase_add_test(tests, thousand_addresses_in_one_grant);
    tcase_add_test(tests, observer_hears_of_names_that_clients_brought);
    tcase_add_test(tests, timers_ask_past_the_cache);
    tcase_add_test(tests, names_are_shown);
    tcase_add_test(tests, new_names_below_a_wildcard_have_an_end);
    tcase_add_test(tests, known_names_are_known_on_every_route);
    tcase_add_test(tests, what_could_not_be_asked_costs_nothing);
    tcase_add_test(tests, known_names_are_not_asked_without_end);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
