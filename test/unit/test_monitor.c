/* SPDX-License-Identifier: MIT */
/* What is heard of changes: others', not our own, and with their name. */
#include "firewall/monitor.h"

#include <check.h>
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "firewall/firewall.h"
#include "firewall/leases.h"
#include "kernel_world.h"
#include "make_policy.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct firewall *firewall;
static struct monitor *monitor;

static bool is_anything_told(void)
{
    struct pollfd wanted = {.fd = monitor_fd(monitor), .events = POLLIN};

    return poll(&wanted, 1, 0) != 0;
}

/* nft has ended, so all is told. */
static struct monitor_news news_of(const char *command)
{
    struct monitor_news news;

    world_run("%s", command);
    monitor_read(monitor, &news);
    ck_assert(!is_anything_told());
    return news;
}

static const struct {
    const char *command, *told;
    unsigned parts;
} changes[] = {
    {"nft add table inet egressd", "the table changed", 1},
    {"nft add chain inet egressd c", "chain c added or changed", 1},
    {"nft add rule inet egressd c accept", "rule of chain c added", 1},
    {"nft 'add rule inet egressd c drop; add rule inet egressd c accept'", "rule of chain c added",
     2},
    {"nft flush chain inet egressd c", "rule of chain c deleted", 3},
    {"nft add set inet egressd s '{ type ipv4_addr; }'", "set s added", 1},
    {"nft add element inet egressd s '{ 192.0.2.1, 192.0.2.2 }'", "element of set s added", 2},
    {"nft delete element inet egressd s '{ 192.0.2.1 }'", "element of set s deleted", 1},
    {"nft flush set inet egressd s", "element of set s deleted", 1},
    {"nft add counter inet egressd n", "object n added", 1},
    {"nft delete counter inet egressd n", "object n deleted", 1},
    {"nft delete set inet egressd s", "set s deleted", 1},
    {"nft delete table inet egressd", "the table deleted", 2},
    {"nft add table netdev egressd", "the table changed", 1},
    {"nft flush ruleset", "the table deleted", 1},
};

START_TEST(whatever_others_do_is_told)
{
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct monitor_news news = news_of(changes[i].command);

        ck_assert_msg(news.commits == 1, "%s: %u", changes[i].command, news.commits);
        ck_assert(!news.has_gaps);
        ck_assert_str_eq(news.first.what, changes[i].told);
        ck_assert_msg(news.first.parts == changes[i].parts, "%s: %u", changes[i].command,
                      news.first.parts);
        ck_assert_str_eq(news.first.process, "nft");
        ck_assert_uint_ne(news.first.pid, 0);
    }
}
END_TEST

START_TEST(other_tables_are_no_news)
{
    struct monitor_news news =
        news_of("nft 'add table inet other; add chain inet other egressd; add table ip egressd;"
                "delete table inet other; delete table ip egressd'");

    ck_assert_uint_eq(news.commits, 0);
    ck_assert(!news.has_gaps);
}
END_TEST

/* Nothing wakes us up: a grant costs no more for being listened to. */
START_TEST(what_we_do_ourselves_is_not_told)
{
    struct policy *policy = make_policy(LIST("api.example.test", "192.0.2.0/24:22"), NULL);
    struct leases *leases = leases_new(firewall);
    const struct firewall_plan plan = {.policy = policy, .gate_port = 4053, .lease_idle_s = 60};
    struct address address;
    const uint64_t services = 1;
    struct lease_grant grant = {"api.example.test", &address, &services, 1, 60, 0, NULL};
    struct text_error error;

    ck_assert_int_eq(firewall_load(firewall, &plan, leases, &error), 0);
    address_parse("198.51.100.1", &address);
    ck_assert_int_eq(leases_grant(leases, &grant), 0);
    ck_assert_int_eq(firewall_load(firewall, &plan, leases, &error), 0);
    ck_assert_int_eq(firewall_verify(firewall, &error), 0);
    ck_assert(!is_anything_told());
    leases_free(leases);
    policy_free(policy);
}
END_TEST

START_TEST(what_is_too_much_to_be_told_leaves_a_gap)
{
    struct monitor_news news;
    bool has_gaps = false;

    world_run(
        "(echo 'table ip other { set s { type ipv4_addr; elements = {';"
        " for i in $(seq 0 99); do for j in $(seq 0 199); do echo \"10.0.$i.$j,\"; done; done;"
        " echo '}; }; }') | nft -f -");
    do {
        monitor_read(monitor, &news);
        has_gaps = has_gaps || news.has_gaps;
        ck_assert_uint_eq(news.commits, 0);
    } while (is_anything_told());
    ck_assert(has_gaps);
    news = news_of("nft delete table ip other");
    news = news_of("nft add table inet egressd");
    ck_assert_uint_eq(news.commits, 1);
    news_of("nft delete table inet egressd");
}
END_TEST

static void hear(const void *bytes, size_t size, struct changes *ret_changes)
{
    void *copy = malloc(size ? size : 1); /* so that the sanitizer sees each byte beyond */

    memcpy(copy, bytes, size);
    *ret_changes = (struct changes){0};
    changes_hear(ret_changes, copy, size);
    free(copy);
}

START_TEST(what_is_cut_short_is_no_news)
{
    /* NEWGEN of nf_tables with a process's name that does not end; then any part of it. */
    struct {
        struct nlmsghdr header;
        uint8_t rest[64];
    } message = {.header = {.nlmsg_len = sizeof(message), .nlmsg_type = 10 << 8 | 15}};
    struct changes heard;

    memset(message.rest, 0xff, sizeof(message.rest));
    for (size_t size = 0; size <= sizeof(message); size++) {
        message.header.nlmsg_len = (uint32_t)size;
        hear(&message, size, &heard);
        ck_assert_uint_eq(heard.commits, 0);
        message.header.nlmsg_len = sizeof(message);
        hear(&message, size, &heard);
        ck_assert_uint_eq(heard.commits, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("monitor");
    TCase *tests = tcase_create("kernel");
    struct text_error error;
    SRunner *runner;
    int failed;

    world_enter();
    if (firewall_open(-1, &firewall, &error) < 0 || monitor_open(firewall, &monitor) < 0)
        return 1;
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, whatever_others_do_is_told);
    tcase_add_test(tests, other_tables_are_no_news);
    tcase_add_test(tests, what_is_too_much_to_be_told_leaves_a_gap);
    tcase_add_test(tests, what_we_do_ourselves_is_not_told);
    tcase_add_test(tests, what_is_cut_short_is_no_news);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the world is this process's own */
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    monitor_close(monitor);
    firewall_close(firewall);
    return failed ? 1 : 0;
}
