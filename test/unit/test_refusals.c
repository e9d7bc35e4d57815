/* SPDX-License-Identifier: MIT */
/* What the kernel tells of the packets that the table refuses. */
#include "firewall/refusals.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "firewall/firewall.h"
#include "firewall/state.h"
#include "kernel_world.h"
#include "make_policy.h"

#define TELL_TIMEOUT_MS 5000
#define MANY 150
#define FLOOD 40 /* fewer than the kernel tells at once */

static struct firewall *firewall;
static struct refusals *refusals;
static struct refusal last;
static unsigned count;

static void on_refusal(void *context, const struct refusal *refusal)
{
    (void)context;
    last = *refusal;
    count++;
}

static void hear(void)
{
    struct pollfd wanted = {.fd = refusals_fd(refusals), .events = POLLIN};

    count = 0;
    ck_assert_int_eq(poll(&wanted, 1, TELL_TIMEOUT_MS), 1);
    refusals_read(refusals, on_refusal, NULL);
}

static void expect_destination(const char *address, int port)
{
    struct address expected;

    ck_assert_int_eq(address_parse(address, &expected), 0);
    ck_assert(address_equal(&last.destination, &expected));
    ck_assert_int_eq(last.port, port);
}

static void load(void)
{
    struct policy *policy = make_policy((const char *const[]){"192.0.2.0/24:22", NULL}, NULL);
    const struct firewall_plan plan = {.policy = policy, .gate_port = 4053, .lease_idle_s = 60};
    struct text_error error;

    ck_assert_int_eq(firewall_load(firewall, &plan, NULL, &error), 0);
    policy_free(policy);
}

static void set_up(void)
{
    struct text_error error;

    ck_assert_int_eq(firewall_open(-1, &firewall, &error), 0);
    load();
    ck_assert_int_eq(refusals_open(&refusals), 0);
}

static void tear_down(void)
{
    refusals_close(refusals);
    firewall_close(firewall);
    world_run("nft flush ruleset");
}

static const struct {
    const char *address;
    int (*try)(const char *address, uint16_t port);
    int protocol;
} attempts[] = {
    {"198.51.100.1", world_try_tcp, IPPROTO_TCP},
    {"2001:db8:1::1", world_try_tcp, IPPROTO_TCP},
    {"198.51.100.1", world_try_udp, IPPROTO_UDP},
    {"2001:db8:1::1", world_try_udp, IPPROTO_UDP},
};

START_TEST(a_refused_packet_is_told_with_its_user)
{
    ck_assert_int_lt(attempts[_i].try(attempts[_i].address, 8050), 0);
    hear();
    ck_assert_uint_eq(count, 1);
    expect_destination(attempts[_i].address, 8050);
    ck_assert_int_eq(last.protocol, attempts[_i].protocol);
    ck_assert_int_eq(last.uid, (int64_t)geteuid());
    ck_assert(!last.is_forwarded && !last.is_forbidden);
    ck_assert_uint_eq(refusals_lost(refusals), 0);
    ck_assert_uint_eq(refusals_heard(refusals), 1);
}
END_TEST

/* Also beyond what the kernel tells. Counting changes nothing that is compared. */
START_TEST(all_that_is_refused_is_counted)
{
    struct text_error error;
    uint64_t packets;

    ck_assert_int_eq(refusals_count(firewall, &packets), 0);
    ck_assert_uint_eq(packets, 0);
    for (int i = 0; i < MANY; i++)
        world_try_udp("198.51.100.1", 8050);
    ck_assert_int_eq(refusals_count(firewall, &packets), 0);
    ck_assert_uint_eq(packets, MANY);
    ck_assert_int_eq(firewall_verify(firewall, &error), 0);
    firewall->features.missing[FEATURE_COUNT] = true;
    load();
    ck_assert_int_eq(refusals_count(firewall, &packets), -ENOENT);
    ck_assert_int_eq(firewall_verify(firewall, &error), 0);
}
END_TEST

START_TEST(one_listens_and_another_is_told_so)
{
    struct refusals *second = NULL;

    ck_assert_int_eq(refusals_open(&second), -EBUSY);
    ck_assert_ptr_null(second);
    refusals_close(refusals);
    ck_assert_int_eq(refusals_open(&refusals), 0);
}
END_TEST

/* What is not read in time overflows, and its number is known as soon as one more is told. */
START_TEST(what_is_lost_is_counted)
{
    int least = 1;
    unsigned heard = 0;

    ck_assert_int_eq(
        setsockopt(refusals_fd(refusals), SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)), 0);
    for (int i = 0; i < FLOOD; i++)
        world_try_udp("198.51.100.1", 8050);
    do {
        hear();
        heard += count;
        if (refusals_lost(refusals) == 0 && heard < FLOOD)
            world_try_udp("198.51.100.1", 8050);
    } while (refusals_lost(refusals) == 0 && heard < FLOOD);
    ck_assert_uint_gt(refusals_lost(refusals), 0);
}
END_TEST

/* A rule of somebody else that uses the same group is none of ours. */
START_TEST(what_others_tell_is_not_heard)
{
    struct pollfd wanted = {.fd = refusals_fd(refusals), .events = POLLIN};

    world_run(
        "nft 'add table inet other; add chain inet other c { type filter hook output priority "
        "-300; }; add rule inet other c udp dport 9999 log prefix \"other\" group 5'");
    ck_assert_int_eq(world_try_udp("192.0.2.1", 9999) == 0, 0);
    ck_assert_int_eq(poll(&wanted, 1, TELL_TIMEOUT_MS), 1);
    hear();
    ck_assert_uint_eq(count, 1); /* two were told: theirs, and then ours */
    expect_destination("192.0.2.1", 9999);
    ck_assert_uint_eq(refusals_lost(refusals), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("refusals");
    TCase *tests = tcase_create("refusals");
    SRunner *runner = srunner_create(suite);
    int failed;

    world_enter();
    tcase_add_checked_fixture(tests, set_up, tear_down);
    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, a_refused_packet_is_told_with_its_user, 0,
                        sizeof(attempts) / sizeof(attempts[0]));
    tcase_add_test(tests, all_that_is_refused_is_counted);
    tcase_add_test(tests, one_listens_and_another_is_told_so);
    tcase_add_test(tests, what_is_lost_is_counted);
    tcase_add_test(tests, what_others_tell_is_not_heard);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
