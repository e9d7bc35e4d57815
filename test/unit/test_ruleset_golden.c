/* SPDX-License-Identifier: MIT */
/* The ruleset as a person reads it: test/golden/ruleset*.txt is what nft lists after the load. Run
 * with EGRESSD_GOLDEN_UPDATE=1 to write them anew; then read the difference. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firewall/firewall.h"
#include "kernel_world.h"
#include "make_policy.h"
#include "table_owner.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct firewall *firewall;

/* What the examples have in common. */
static struct firewall_plan make_plan(void)
{
    static struct firewall_endpoint upstreams[2];
    static struct address dockerd;

    address_parse("127.0.0.11", &upstreams[0].address);
    address_parse("2001:db8::53", &upstreams[1].address);
    upstreams[0].port = upstreams[1].port = 53;
    address_parse("192.0.2.53", &dockerd);
    return (struct firewall_plan){
        .gate_port = 4053,
        .dockerd_gate_port = 4054,
        .inner_gate_port = 4055,
        .gate_has_ipv6 = true,
        .upstreams = upstreams,
        .upstream_count = 2,
        .dockerd_servers = &dockerd,
        .dockerd_server_count = 1,
        .lease_idle_s = 600,
    };
}

static char *read_file(const char *path)
{
    char *text = calloc(1, 1 << 20);
    FILE *file = fopen(path, "r");

    if (file && text) {
        text[fread(text, 1, (1 << 20) - 1, file)] = '\0';
        fclose(file);
    }
    return text;
}

static void load(const struct firewall_plan *plan)
{
    struct text_error error;

    ck_assert_int_eq(firewall_load(firewall, plan, NULL, &error), 0);
    ck_assert_msg(firewall_verify(firewall, &error) == 0, "%s", error.message);
}

static void check_listing(const char *command, const char *path)
{
    char *listed = world_output("%s", command), *golden;

    if (getenv("EGRESSD_GOLDEN_UPDATE")) {
        FILE *file = fopen(path, "w");

        ck_assert_ptr_nonnull(file);
        fputs(listed, file);
        fclose(file);
    }
    golden = read_file(path);
    ck_assert_msg(strcmp(listed, golden) == 0, "not as in %s:\n%s", path, listed);
    free(listed);
    free(golden);
}

static void check_golden(const struct firewall_plan *plan, const char *path)
{
    load(plan);
    /* Who owns the table is this test itself. */
    check_listing("nft -s list table inet egressd | sed 's/ # progname .*//'", path);
}

static struct policy *make_everything(enum policy_mode mode)
{
    return make_policy_of_mode(mode,
                               LIST("api.example.test", "*.cdn.example.test:443", "db:8000-8100",
                                    "ntp.test:123/udp", "192.0.2.0/24:22", "192.0.2.64/26:22",
                                    "198.51.100.7:22", "[2001:db8::7]:8443", "0.0.0.0/0:9999",
                                    "[::]/0:9999"),
                               LIST("203.0.113.0/24", "198.51.100.9:22", "[2001:db8:bad::]/48"));
}

START_TEST(a_policy_with_everything)
{
    struct policy *policy = make_everything(POLICY_ENFORCE);
    struct firewall_plan plan = make_plan();

    plan.policy = policy;
    check_golden(&plan, "../golden/ruleset/everything.txt");
    policy_free(policy);
}
END_TEST

/* So that the two cannot drift: the rest is the same, line by line. */
START_TEST(audit_differs_in_its_verdicts_alone)
{
    struct policy *policy = make_everything(POLICY_AUDIT);
    struct firewall_plan plan = make_plan();

    plan.policy = policy;
    load(&plan);
    check_listing("nft -s list table inet egressd | sed 's/ # progname .*//' |"
                  " diff ../golden/ruleset/everything.txt - | grep '^[<>]'",
                  "../golden/ruleset/audit.diff");
    policy_free(policy);
}
END_TEST

/* The very first load: nothing is known yet. */
START_TEST(no_policy_and_no_gate)
{
    const struct firewall_plan plan = {.lease_idle_s = 600};

    check_golden(&plan, "../golden/ruleset/deny-all.txt");
}
END_TEST

START_TEST(no_ipv6_loopback)
{
    struct policy *policy = make_policy(LIST("api.example.test"), NULL);
    struct firewall_plan plan = make_plan();

    plan.policy = policy;
    plan.gate_has_ipv6 = false;
    plan.dockerd_gate_port = 0;
    plan.dockerd_server_count = 0;
    check_golden(&plan, "../golden/ruleset/no-ipv6-loopback.txt");
    policy_free(policy);
}
END_TEST

/* Numbers, for nft calls the realm 0 by a name that not every machine has. */
START_TEST(the_backstop_of_each_uplink)
{
    const struct firewall_plan plan = {.lease_idle_s = 600};

    world_run("ip link add inner0 type bridge; ip link add inner1 type veth peer name other0;"
              "ip link set inner1 master inner0");
    load(&plan);
    check_listing("nft -s -n list table netdev egressd | sed 's/ # progname .*//'",
                  "../golden/ruleset/backstop.txt");
    world_run("ip link del inner1; ip link del inner0");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ruleset golden");
    TCase *tests = tcase_create("nft list");
    struct text_error error;
    SRunner *runner;
    int failed;

    world_enter();
    if (!kernel_has_table_owners())
        return TABLE_OWNER_SKIP;
    if (firewall_open(-1, &firewall, &error) < 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    tcase_add_test(tests, a_policy_with_everything);
    tcase_add_test(tests, audit_differs_in_its_verdicts_alone);
    tcase_add_test(tests, no_policy_and_no_gate);
    tcase_add_test(tests, no_ipv6_loopback);
    tcase_add_test(tests, the_backstop_of_each_uplink);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the world is this process's own */
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    firewall_close(firewall);
    return failed ? 1 : 0;
}
