/* SPDX-License-Identifier: MIT */
/* Whose the table is: ours while a process has the socket open, then the next daemon's; nobody
 * else's in between but root's, and standing all the time. */

/* Before the kernel's headers, which leave out what it defines. */
#include <netinet/in.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "firewall/firewall.h"
#include "firewall/leases.h"
#include "firewall/state.h"
#include "kernel_world.h"
#include "make_policy.h"
#include "table_owner.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct firewall *firewall;
static struct policy *policy;

static void start_on(int socket)
{
    struct text_error error;

    ck_assert_msg(firewall_open(socket, &firewall, &error) == 0, "%s", error.message);
}

static void load(void)
{
    const struct firewall_plan plan = {.policy = policy, .gate_port = 4053, .lease_idle_s = 60};
    struct text_error error;

    ck_assert_msg(firewall_load(firewall, &plan, NULL, &error) == 0, "%s", error.message);
    ck_assert_msg(firewall_verify(firewall, &error) == 0, "%s", error.message);
}

static void setup(void)
{
    policy = make_policy(LIST("api.example.test", "192.0.2.0/24:443"), NULL);
    start_on(-1);
    load();
}

static void teardown(void)
{
    firewall_close(firewall);
    world_run("nft flush ruleset");
    policy_free(policy);
}

static void check_enforced(void)
{
    ck_assert_int_eq(world_try_tcp("203.0.113.1", 443), -ECONNREFUSED);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), 0);
}

static char *list(void)
{
    return world_output("nft -s list table inet egressd");
}

static const char *const attempts[] = {
    "delete table inet egressd",
    "flush table inet egressd",
    "flush chain inet egressd out",
    "insert rule inet egressd out accept",
    "delete rule inet egressd deny handle 1",
    "chain inet egressd out '{ policy accept; }'",
    "add chain inet egressd early '{ type filter hook output priority -300; }'",
    "rename chain inet egressd deny refuse",
    "delete chain inet egressd dns",
    "flush set inet egressd allow4",
    "add element inet egressd allow4 '{ 203.0.113.1 . tcp . 443 }'",
    "delete element inet egressd net4_tcp_443 '{ 192.0.2.0/24 }'",
    "add set inet egressd mine '{ type ipv4_addr; }'",
    "add table inet egressd '{ flags dormant; }'",
    "add counter inet egressd mine",
};

/* leak: H35 */
START_TEST(nobody_else_can_change_it)
{
    char *before = list(), *after;

    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
        world_run("! nft %s 2>/dev/null", attempts[i]);
    world_run("nft flush ruleset"); /* succeeds, and passes it by */
    after = list();
    ck_assert_str_eq(before, after);
    check_enforced();
    load();
    free(before);
    free(after);
}
END_TEST

/* leak: H50 */
START_TEST(it_stands_when_its_owner_dies_and_the_next_takes_it)
{
    char *before = list(), *after;

    firewall_close(firewall);
    after = list();
    check_enforced();
    ck_assert_ptr_nonnull(strstr(before, "progname"));
    ck_assert_ptr_null(strstr(after, "progname"));
    start_on(-1);
    load();
    world_run("! nft delete table inet egressd 2>/dev/null");
    check_enforced();
    free(before);
    free(after);
}
END_TEST

/* leak: H50 */
START_TEST(a_table_of_no_owner_is_replaced_by_one_that_has)
{
    firewall->features.missing[FEATURE_OWNER] = true; /* as an older egressd made it */
    load();
    ck_assert(!firewall_owns_table(firewall));
    ck_assert_ptr_nonnull(firewall_weakness(firewall, 0));
    world_run("nft add element inet egressd allow4 '{ 203.0.113.1 . tcp . 443 }'");
    firewall_close(firewall);
    start_on(-1);
    load();
    ck_assert(firewall_owns_table(firewall));
    ck_assert_ptr_null(firewall_weakness(firewall, 0));
    world_run("! nft delete table inet egressd 2>/dev/null");
    check_enforced();
}
END_TEST

/* As the supervisor does, for the time between two daemons. */
/* leak: H35 */
START_TEST(who_has_the_socket_keeps_it_owned)
{
    int kept;

    teardown();
    policy = make_policy(LIST("192.0.2.0/24:443"), NULL);
    kept = firewall_socket();
    start_on(fcntl(kept, F_DUPFD_CLOEXEC, 0));
    load();
    firewall_close(firewall);
    world_run("! nft delete table inet egressd 2>/dev/null");
    check_enforced();
    start_on(kept);
    load();
}
END_TEST

/* The daemon before died in the middle of its questions. */
/* leak: H50 */
START_TEST(what_an_earlier_daemon_left_unread_does_no_harm)
{
    int kept, copy;
    char *output;

    teardown();
    policy = make_policy(LIST("192.0.2.0/24:443"), NULL);
    kept = firewall_socket();
    copy = fcntl(kept, F_DUPFD_CLOEXEC, 0);
    start_on(fcntl(kept, F_DUPFD_CLOEXEC, 0));
    load();
    for (int i = 0; i < 50; i++) { /* each fails, and its refusal is not read */
        char buffer[256] = {0};
        struct nlmsghdr *message = netlink_start(firewall->netlink, buffer, NFNL_SUBSYS_NFTABLES,
                                                 NFT_MSG_GETTABLE, NFPROTO_INET, NLM_F_ACK);

        mnl_attr_put_strz(message, NFTA_TABLE_NAME, "nobody");
        ck_assert_int_gt(send(copy, message, message->nlmsg_len, 0), 0);
    }
    /* A listing that is too long for one datagram, not read to its end. */
    output = world_output("(echo 'table ip other {'; for i in $(seq 2000); do"
                          " echo \"chain a_chain_with_a_long_name_$i { }\"; done; echo '}') |"
                          " nft -f -");
    free(output);
    char buffer[256];
    struct nlmsghdr *message = netlink_start(firewall->netlink, buffer, NFNL_SUBSYS_NFTABLES,
                                             NFT_MSG_GETCHAIN, NFPROTO_IPV4, NLM_F_DUMP);

    ck_assert_int_gt(send(copy, message, message->nlmsg_len, 0), 0);
    firewall_close(firewall);
    close(copy);
    start_on(kept);
    load();
    check_enforced();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ownership");
    TCase *tests = tcase_create("kernel");
    SRunner *runner;
    int failed;

    world_enter();
    if (!kernel_has_table_owners())
        return TABLE_OWNER_SKIP;
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, nobody_else_can_change_it);
    tcase_add_test(tests, it_stands_when_its_owner_dies_and_the_next_takes_it);
    tcase_add_test(tests, a_table_of_no_owner_is_replaced_by_one_that_has);
    tcase_add_test(tests, who_has_the_socket_keeps_it_owned);
    tcase_add_test(tests, what_an_earlier_daemon_left_unread_does_no_harm);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the world is this process's own */
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
