/* SPDX-License-Identifier: MIT */
/* Leases and what they do to real packets. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "firewall/firewall.h"
#include "firewall/lease_state.h"
#include "firewall/leases.h"
#include "firewall/state.h"
#include "kernel_world.h"
#include "make_policy.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct firewall *firewall;
static struct leases *leases;
static struct policy *policy;
static struct firewall_plan plan;

static void set_policy(const char *const *allow, const char *const *deny)
{
    policy_free(policy);
    policy = make_policy(allow, deny);
    plan = (struct firewall_plan){.policy = policy, .lease_idle_s = 600};
}

static void load(void)
{
    struct text_error error;

    ck_assert_msg(firewall_load(firewall, &plan, leases, &error) == 0, "%s", error.message);
    ck_assert_msg(firewall_verify(firewall, &error) == 0, "%s", error.message);
}

static void open_all(void)
{
    struct text_error error;

    ck_assert_int_eq(firewall_open(-1, &firewall, &error), 0);
    leases = leases_new(firewall);
}

static void close_all(void)
{
    leases_free(leases);
    firewall_close(firewall);
    leases = NULL;
    firewall = NULL;
}

static void setup(void)
{
    open_all();
    set_policy(LIST("api.test", "other.test", "ssh.test:22", "range.test:8000-8100",
                    "udp.test:443/udp", "*.wild.test:443"),
               NULL);
    load();
}

/* As on a kernel that knows no owners of tables: what follows, nft may do by hand. */
static void disown(void)
{
    firewall->features.missing[FEATURE_OWNER] = true;
    load();
}

static void teardown(void)
{
    close_all();
    world_run("nft flush ruleset; conntrack -F 2>/dev/null");
    policy_free(policy);
    policy = NULL;
}

static struct address parse(const char *text)
{
    struct address address;

    ck_assert_int_eq(address_parse(text, &address), 0);
    return address;
}

/* Grants what the policy says of the name at each address, as the gate would. */
static int grant_aged(const char *name, uint32_t lifetime_s, uint32_t age_s,
                      const char *const *texts)
{
    struct verdict verdict = policy_judge_name(policy, name);
    struct address addresses[16];
    uint64_t services[16];
    size_t count = 0;

    for (; texts[count]; count++) {
        addresses[count] = parse(texts[count]);
        services[count] = policy_judge_learned(policy, &verdict, &addresses[count], NULL);
    }
    return leases_grant(
        leases, &(struct lease_grant){name, addresses, services, count, lifetime_s, age_s, NULL});
}

static int grant(const char *name, uint32_t lifetime_s, const char *const *texts)
{
    return grant_aged(name, lifetime_s, 0, texts);
}

/* What the kernel holds of an address: milliseconds left in allow4 or allow6 at a TCP port; 0:
 * nothing. */
struct search {
    struct address address;
    uint16_t port;
    struct element_read found;
    unsigned count;
};

static int on_element(void *context, const struct element_read *element)
{
    struct search *search = context;

    if (address_equal(&element->address, &search->address) && element->port == search->port) {
        search->found = *element;
        search->count++;
    }
    return 0;
}

static struct search look(struct set (*set_of)(enum address_family family), const char *text,
                          uint16_t port)
{
    struct search search = {.address = parse(text), .port = port};
    const struct element_listener listener = {on_element, NULL, &search};
    struct set set = set_of(search.address.family);

    ck_assert_int_eq(firewall_dump_elements(firewall, &set, &listener), 0);
    ck_assert_uint_le(search.count, 1);
    return search;
}

static double left_s(const char *text, uint16_t port)
{
    return (double)look(set_of_leases, text, port).found.expires_ms / 1000;
}

static size_t count_elements(const char *set)
{
    char *output = world_output("nft list set inet egressd %s | grep -o expires | wc -l", set);
    size_t count = strtoul(output, NULL, 10);

    free(output);
    return count;
}

#define ck_assert_near(value, expected)                                                            \
    ck_assert_msg((value) > (expected)-2 && (value) <= (expected) + 0.1, "%f", (double)(value))

/* --- granting --------------------------------------------------------------------------------- */

START_TEST(what_is_granted_is_open_at_once)
{
    for (int i = 1; i < 250; i++) {
        char v4[32], v6[32];

        snprintf(v4, sizeof(v4), "192.0.2.%d", i);
        snprintf(v6, sizeof(v6), "2001:db8::%x", i);
        ck_assert_int_eq(world_try_tcp(v4, 443), -ECONNREFUSED);
        ck_assert_int_eq(grant("api.test", 60, LIST(v4, v6)), 0);
        ck_assert_int_eq(world_try_tcp(v4, 443), 0);
        ck_assert_int_eq(world_try_tcp(v6, 443), 0);
    }
    ck_assert_uint_eq(leases_count(leases), 498);
}
END_TEST

START_TEST(ports_are_those_of_the_name)
{
    ck_assert_int_eq(grant("ssh.test", 60, LIST("192.0.2.1")), 0);
    ck_assert_int_eq(grant("udp.test", 60, LIST("192.0.2.2")), 0);
    ck_assert_int_eq(grant("range.test", 60, LIST("192.0.2.3", "2001:db8::3")), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 22), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), -ECONNREFUSED);
    ck_assert_int_eq(world_try_udp("192.0.2.2", 443), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.2", 443), -ECONNREFUSED);
    ck_assert_int_eq(world_try_tcp("192.0.2.3", 8000), 0);
    ck_assert_int_eq(world_try_tcp("2001:db8::3", 8050), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.3", 8101), -ECONNREFUSED);
    ck_assert(
        leases_cover(leases, &(struct address){ADDRESS_V4, {192, 0, 2, 3}}, IPPROTO_TCP, 8050));
    ck_assert(
        !leases_cover(leases, &(struct address){ADDRESS_V4, {192, 0, 2, 3}}, IPPROTO_TCP, 22));
    ck_assert(
        !leases_cover(leases, &(struct address){ADDRESS_V4, {192, 0, 2, 9}}, IPPROTO_TCP, 22));
}
END_TEST

START_TEST(an_address_twice_in_an_answer_is_one)
{
    for (int round = 0; round < 3; round++)
        ck_assert_int_eq(grant("api.test", 60 + (uint32_t)round * 60,
                               LIST("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.1")),
                         0);
    ck_assert_uint_eq(leases_count(leases), 2);
    ck_assert_near(left_s("192.0.2.1", 443), 180);
}
END_TEST

static const uint32_t lifetimes[] = {1, 60, 3660, 86400, UINT32_MAX};

START_TEST(elements_end_when_they_should)
{
    ck_assert_int_eq(grant("api.test", lifetimes[_i], LIST("192.0.2.1")), 0);
    ck_assert_near(left_s("192.0.2.1", 443), (double)lifetimes[_i]);
    ck_assert_near(left_s("192.0.2.1", 80), (double)lifetimes[_i]);
}
END_TEST

START_TEST(what_cannot_be_granted_changes_nothing)
{
    struct address address = parse("192.0.2.1");
    uint64_t none = 0, unknown = UINT64_C(1) << 63;

    ck_assert_int_eq(grant("api.test", 0, LIST("192.0.2.1")), -EINVAL); /* would be for ever */
    ck_assert_int_eq(
        leases_grant(leases, &(struct lease_grant){"api.test", &address, &none, 1, 60, 0, NULL}),
        -EINVAL);
    ck_assert_int_eq(
        leases_grant(leases, &(struct lease_grant){"api.test", &address, &unknown, 1, 60, 0, NULL}),
        -EINVAL);
    ck_assert_int_eq(grant("api.test", 60, LIST(NULL)), 0);
    ck_assert_uint_eq(leases_count(leases), 0);
    ck_assert_uint_eq(count_elements("allow4"), 0);
}
END_TEST

static void check_renewal(void)
{
    ck_assert_int_eq(grant("api.test", 100, LIST("192.0.2.1")), 0);
    ck_assert_int_eq(grant("api.test", 10, LIST("192.0.2.1")), 0);
    ck_assert_near(left_s("192.0.2.1", 443), 100);
    ck_assert_int_eq(grant("api.test", 200, LIST("192.0.2.2", "192.0.2.1")), 0);
    ck_assert_near(left_s("192.0.2.1", 443), 200);
    ck_assert_near(left_s("192.0.2.2", 443), 200);
    ck_assert_int_eq(grant("other.test", 150, LIST("192.0.2.1")), 0);
    ck_assert_near(left_s("192.0.2.1", 443), 200);
    ck_assert_int_eq(grant("other.test", 300, LIST("192.0.2.1")), 0);
    ck_assert_near(left_s("192.0.2.1", 443), 300);
}

/* leak: H7, H12 */
START_TEST(a_lease_is_never_shortened)
{
    check_renewal();
    close_all();
    world_run("nft flush ruleset");
    setup();
    firewall->updates_in_place = false; /* as on a kernel that keeps the old timeout */
    check_renewal();
}
END_TEST

START_TEST(short_leases_end_and_come_back)
{
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(grant("api.test", 1, LIST("192.0.2.1")), 0);
        ck_assert(look(set_of_leases, "192.0.2.1", 443).count == 1);
        world_sleep_ms(1200);
        ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), -ECONNREFUSED);
    }
}
END_TEST

START_TEST(what_somebody_took_away_is_put_back)
{
    disown();
    ck_assert_int_eq(grant("api.test", 100, LIST("192.0.2.1")), 0);
    world_sleep_ms(60);
    world_run("nft flush set inet egressd allow4");
    ck_assert_int_eq(grant("api.test", 50, LIST("192.0.2.1")), 0);
    ck_assert_near(left_s("192.0.2.1", 443), 50);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), 0);
}
END_TEST

START_TEST(without_a_table_nothing_is_granted)
{
    disown();
    ck_assert_int_eq(grant("api.test", 100, LIST("192.0.2.1")), 0);
    world_run("nft delete table inet egressd");
    ck_assert_int_eq(grant("api.test", 200, LIST("192.0.2.1", "192.0.2.2")), -ENOENT);
    ck_assert_uint_eq(leases_count(leases), 1);
    load();
    ck_assert_int_eq(grant("api.test", 200, LIST("192.0.2.1", "192.0.2.2")), 0);
    ck_assert_near(left_s("192.0.2.1", 443), 200);
}
END_TEST

/* --- bounds ----------------------------------------------------------------------------------- */

/* number addresses from 10.first.0.0 on; they are special, so by hand. */
static int grant_many(const char *name, unsigned first, unsigned number)
{
    static struct address addresses[LEASE_GRANT_MAX];
    static uint64_t services[LEASE_GRANT_MAX];
    int r = 0;

    for (unsigned done = 0; r == 0 && done < number;) {
        unsigned count = 0;

        for (; count < LEASE_GRANT_MAX && done < number; count++, done++) {
            unsigned n = first * 65536 + done;

            addresses[count] = (struct address){
                ADDRESS_V4, {11, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
            services[count] = policy_judge_name(policy, name).services;
        }
        r = leases_grant(leases,
                         &(struct lease_grant){name, addresses, services, count, 600, 0, NULL});
    }
    return r;
}

START_TEST(a_name_gets_half_of_the_table)
{
    ck_assert_int_eq(grant_many("ssh.test", 0, LEASE_ADDRESSES_PER_NAME_MAX), 0);
    ck_assert_int_eq(grant_many("ssh.test", 1, 1), -ENFILE);
    ck_assert_int_eq(grant_many("ssh.test", 0, 4), 0); /* what it has can be renewed */
    ck_assert_int_eq(grant_many("udp.test", 2, LEASE_ADDRESSES_PER_NAME_MAX), 0);
    ck_assert_int_eq(grant_many("a.wild.test", 3, 1), -ENFILE);
    ck_assert_uint_eq(leases_count(leases), LEASES_MAX);
}
END_TEST

START_TEST(a_full_set_refuses_the_grant_whole)
{
    /* Two ports each: the set is full before the table is. */
    ck_assert_int_eq(grant_many("api.test", 0, LEASES_MAX / 2), 0);
    ck_assert_uint_eq(count_elements("allow4"), LEASES_MAX);
    ck_assert_int_eq(grant("other.test", 60, LIST("192.0.2.1", "192.0.2.2")), -ENFILE);
    ck_assert_uint_eq(leases_count(leases), LEASES_MAX / 2);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), -ECONNREFUSED);
    ck_assert_int_eq(grant("other.test", 60, LIST("2001:db8::1")), 0); /* another set */
    load(); /* a full table can be replaced */
    ck_assert_uint_eq(count_elements("allow4"), LEASES_MAX);
    ck_assert_int_eq(grant_many("api.test", 0, 4), 0);
}
END_TEST

START_TEST(a_full_set_of_addresses_in_use_keeps_nothing_out)
{
    FILE *file = fopen("/tmp/egressd-test-in-use.nft", "w");

    disown();
    for (unsigned i = 0; i < LEASES_MAX; i++)
        fprintf(file, "add element inet egressd lease4 { 12.0.%u.%u . tcp . 443 }\n", i >> 8,
                i & 255);
    fclose(file);
    world_run(
        "nft -f /tmp/egressd-test-in-use.nft; r=$?; rm /tmp/egressd-test-in-use.nft; exit $r");
    ck_assert_int_eq(grant("api.test", 60, LIST("192.0.2.1")), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), 0);
    ck_assert_uint_eq(look(set_in_use, "192.0.2.1", 443).count, 0);
}
END_TEST

/* --- in use ----------------------------------------------------------------------------------- */

START_TEST(an_address_in_use_stays_open_until_idle)
{
    plan.lease_idle_s = 2;
    load();
    ck_assert_int_eq(grant("api.test", 1, LIST("192.0.2.1", "2001:db8::1")), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), 0);
    ck_assert_int_eq(world_try_tcp("2001:db8::1", 443), 0);
    for (int i = 0; i < 4; i++) { /* its lease has ended; each new connection prolongs the use */
        world_sleep_ms(1000);
        ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), 0);
        ck_assert_int_eq(world_try_tcp("192.0.2.1", 80), -ECONNREFUSED);
    }
    ck_assert_int_eq(world_try_tcp("2001:db8::1", 443), -ECONNREFUSED);
    world_sleep_ms(2200);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), -ECONNREFUSED);
}
END_TEST

START_TEST(a_refused_connection_is_no_use)
{
    ck_assert_int_eq(grant("api.test", 60, LIST("192.0.2.1")), 0);
    world_try_tcp("192.0.2.1", 22);
    ck_assert_uint_eq(look(set_in_use, "192.0.2.1", 22).count, 0);
    world_try_tcp("192.0.2.1", 443);
    ck_assert_uint_eq(look(set_in_use, "192.0.2.1", 443).count, 1);
}
END_TEST

START_TEST(a_load_keeps_what_is_in_use_and_justified)
{
    disown();
    ck_assert_int_eq(grant("api.test", 1, LIST("192.0.2.1", "192.0.2.2")), 0);
    ck_assert_int_eq(grant("ssh.test", 60, LIST("192.0.2.3")), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.3", 22), 0);
    world_run(
        "nft add element inet egressd lease4 { 203.0.113.1 . tcp . 443 }"); /* by nobody's name */
    world_sleep_ms(1200);
    load();
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.2", 443), -ECONNREFUSED);
    ck_assert_int_eq(world_try_tcp("203.0.113.1", 443), -ECONNREFUSED);
    ck_assert_near((double)look(set_in_use, "192.0.2.1", 443).found.expires_ms / 1000, 600);

    set_policy(LIST("other.test", "ssh.test:22"), NULL);
    ck_assert_uint_eq(leases_apply_policy(leases, policy), 2);
    load();
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), -ECONNREFUSED);
    ck_assert_int_eq(world_try_tcp("192.0.2.3", 22), 0);
}
END_TEST

/* --- sweeping --------------------------------------------------------------------------------- */

START_TEST(sweeping_forgets_what_has_ended_unless_in_use)
{
    int fd;

    plan.lease_idle_s = 3;
    load();
    ck_assert_int_eq(grant("api.test", 1, LIST("192.0.2.1", "192.0.2.2", "192.0.2.3")), 0);
    ck_assert_int_eq(grant("other.test", 60, LIST("192.0.2.4")), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), 0);
    fd = world_connect("192.0.2.2", 443);
    ck_assert_int_eq(world_echo(fd), 0);
    world_sleep_ms(1200);
    leases_sweep(leases);
    ck_assert_uint_eq(leases_count(leases), 3); /* used, connected, not ended */
    ck_assert(
        !leases_cover(leases, &(struct address){ADDRESS_V4, {192, 0, 2, 3}}, IPPROTO_TCP, 443));

    world_sleep_ms(2000);
    leases_sweep(leases);
    world_sleep_ms(
        1500); /* longer than idle since the last new connection, but one is still open */
    leases_sweep(leases);
    ck_assert_uint_eq(leases_count(leases), 2);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), -ECONNREFUSED);
    ck_assert_int_eq(world_try_tcp("192.0.2.2", 443), 0);
    ck_assert_str_eq(look(set_of_leases, "192.0.2.2", 443).found.comment, "api.test");
    ck_assert_int_eq(world_echo(fd), 0);

    close(fd);
    world_run("conntrack -F 2>/dev/null");
    world_sleep_ms(3300);
    leases_sweep(leases);
    ck_assert_uint_eq(leases_count(leases), 1);
    ck_assert_int_eq(world_try_tcp("192.0.2.2", 443), -ECONNREFUSED);
}
END_TEST

static void make_unseen(const char *text)
{
    struct address address = parse(text);

    lease_table_find_address(&leases->table, &address)->seen_ms -=
        (uint64_t)LEASE_UNSEEN_MAX_S * 1000 + 1;
}

START_TEST(what_no_answer_has_named_for_a_day_is_closed)
{
    ck_assert_int_eq(grant("api.test", 1, LIST("192.0.2.1", "192.0.2.2")), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.2", 443), 0);
    world_sleep_ms(1200);
    make_unseen("192.0.2.1");
    leases_sweep(leases);
    ck_assert_uint_eq(leases_count(leases), 1);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), -ECONNREFUSED);
    ck_assert_int_eq(world_try_tcp("192.0.2.2", 443), 0);
}
END_TEST

START_TEST(sweeping_survives_a_missing_table)
{
    disown();
    ck_assert_int_eq(grant("api.test", 60, LIST("192.0.2.1")), 0);
    world_run("nft delete table inet egressd");
    leases_sweep(leases);
    ck_assert_uint_eq(leases_count(leases), 1);
    load();
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), 0);
}
END_TEST

/* --- another policy --------------------------------------------------------------------------- */

START_TEST(leases_follow_the_policy)
{
    ck_assert_int_eq(grant("api.test", 60, LIST("192.0.2.1", "192.0.2.2")), 0);
    ck_assert_int_eq(grant("other.test", 60, LIST("192.0.2.2", "203.0.113.5")), 0);
    ck_assert_int_eq(grant("range.test", 60, LIST("192.0.2.3")), 0);
    ck_assert_int_eq(grant("a.wild.test", 60, LIST("192.0.2.4")), 0);

    /* Other services in another order; api is gone, other and wild have a new port, range a single
     * one. */
    set_policy(LIST("0.0.0.0/0:9999", "other.test:80", "other.test:22", "range.test:8050",
                    "*.wild.test:853", "*.wild.test:443"),
               LIST("203.0.113.0/24", "b.wild.test"));
    ck_assert_uint_eq(leases_apply_policy(leases, policy), 3);
    load();
    ck_assert_uint_eq(leases_count(leases), 3);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), -ECONNREFUSED);
    ck_assert_int_eq(world_try_tcp("192.0.2.2", 443), -ECONNREFUSED);
    ck_assert_int_eq(world_try_tcp("192.0.2.2", 80), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.2", 22), 0);
    ck_assert_int_eq(world_try_tcp("203.0.113.5", 80), -ECONNREFUSED);
    ck_assert_int_eq(world_try_tcp("192.0.2.3", 8000), -ECONNREFUSED);
    ck_assert_int_eq(world_try_tcp("192.0.2.3", 8050), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.4", 853), 0);
    ck_assert_near(left_s("192.0.2.2", 80), 60);

    /* What is granted now is in the services of the new policy. */
    ck_assert_int_eq(grant("range.test", 100, LIST("192.0.2.3", "192.0.2.7")), 0);
    ck_assert_near(left_s("192.0.2.3", 8050), 100);
    ck_assert_int_eq(world_try_tcp("192.0.2.7", 8050), 0);
}
END_TEST

START_TEST(the_kernel_forgets_names_that_a_load_refuses)
{
    ck_assert_int_eq(grant("api.test", 60, LIST("192.0.2.1")), 0);
    set_policy(LIST("other.test"), NULL);
    load(); /* without leases_apply_policy: the load judges too */
    ck_assert_uint_eq(leases_count(leases), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), -ECONNREFUSED);
}
END_TEST

/* Somebody else holds the table: nf_tables lets only its owner change it. */
START_TEST(a_failed_load_leaves_leases_as_they_were)
{
    struct policy *old = policy;
    struct text_error error;
    FILE *owner;

    disown();
    ck_assert_int_eq(grant("api.test", 60, LIST("192.0.2.1")), 0);
    world_run("nft delete table inet egressd");
    owner = popen("nft -i >/dev/null", "w");
    fprintf(owner, "add table inet egressd { flags owner; }\n");
    fflush(owner);
    for (int tries = 0; tries < 100 && !firewall_table_exists(firewall); tries++)
        world_sleep_ms(20);
    policy = make_policy(LIST("0.0.0.0/0:1", "0.0.0.0/0:2", "api.test:443"), NULL);
    plan.policy = policy;
    ck_assert_int_lt(firewall_load(firewall, &plan, leases, &error), 0);
    pclose(owner);

    policy_free(policy);
    policy = old;
    plan.policy = old;
    load();
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 80), 0);
    ck_assert_uint_eq(leases_count(leases), 1);
}
END_TEST

/* --- another daemon --------------------------------------------------------------------------- */

static const char long_name[] = "a123456789012345678901234567890123456789012345678901234567890."
                                "b123456789012345678901234567890123456789012345678901234567890."
                                "c123456789012345678901234567890123456789012345678901234567890."
                                "d12345678901234567890123456789012345678901234567890123.wild.test";

START_TEST(a_new_daemon_takes_over_what_the_policy_still_allows)
{
    char *output;

    ck_assert_int_eq(grant("api.test", 100, LIST("192.0.2.1", "2001:db8::1")), 0);
    ck_assert_int_eq(grant("ssh.test", 200, LIST("192.0.2.2")), 0);
    ck_assert_int_eq(grant("range.test", 300, LIST("192.0.2.3")), 0);
    ck_assert_int_eq(grant(long_name, 400, LIST("192.0.2.4")), 0);
    output = world_output("nft list set inet egressd allow4");
    ck_assert_ptr_nonnull(strstr(output, long_name));
    free(output);
    close_all();

    open_all();
    set_policy(LIST("api.test", "range.test:8000-8200", "*.wild.test:443"), NULL);
    ck_assert(firewall_table_exists(firewall));
    ck_assert_int_eq(leases_restore(leases, policy), 0);
    ck_assert_uint_eq(leases_count(leases), 4);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), 0);
    load();
    ck_assert_uint_eq(leases_count(leases), 4);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), 0);
    ck_assert_int_eq(world_try_tcp("2001:db8::1", 80), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.2", 22), -ECONNREFUSED);
    ck_assert_int_eq(world_try_tcp("192.0.2.3", 8101), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.4", 443), 0);
    ck_assert_near(left_s("192.0.2.1", 443), 100);
    ck_assert_near(left_s("192.0.2.4", 443), 400);
}
END_TEST

/* leak: H47, H50 */
START_TEST(a_restart_makes_no_answer_younger)
{
    const uint32_t hours_ms = 23 * 3600 * 1000;
    struct address address = parse("192.0.2.1");
    struct lease_address *known;

    ck_assert_int_eq(grant_aged("api.test", 1, hours_ms / 1000, LIST("192.0.2.1")), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), 0);
    leases_sweep(leases); /* it is in use, and so prolonged */
    ck_assert(left_s("192.0.2.1", 443) > 100);
    for (int i = 0; i < 2; i++) {
        close_all();
        open_all();
        ck_assert_int_eq(leases_restore(leases, policy), 0);
        known = lease_table_find_address(&leases->table, &address);
        ck_assert_ptr_nonnull(known);
        ck_assert_uint_le(known->seen_ms, clock_now_ms() - hours_ms);
        ck_assert_uint_ge(known->seen_ms, clock_now_ms() - hours_ms - 60000);
        load();
    }
}
END_TEST

/* leak: H47 */
START_TEST(an_old_answer_gives_no_new_day)
{
    ck_assert_int_eq(grant_aged("api.test", 60, 86400, LIST("192.0.2.1")), 0);
    ck_assert_int_eq(world_try_tcp("192.0.2.1", 443), 0);
    world_sleep_ms(1100);
    leases_sweep(leases);
    ck_assert_uint_eq(leases_count(leases), 0);
    close_all();
    open_all();
    ck_assert_int_eq(leases_restore(leases, policy), 0);
    ck_assert_uint_eq(leases_count(leases), 0);
}
END_TEST

/* leak: H13 */
START_TEST(after_a_sleep_nothing_is_taken_for_granted)
{
    ck_assert_int_eq(grant("api.test", 60, LIST("192.0.2.1")), 0);
    ck_assert(!leases->has_doubts);
    leases->slept_ms -= 1000;
    ck_assert_int_eq(grant("api.test", 60, LIST("192.0.2.1")), 0);
    ck_assert(leases->has_doubts);
    load();
    ck_assert(!leases->has_doubts);
}
END_TEST

static const char *const strange_elements[] = {
    "allow4 { 192.0.2.1 . tcp . 443 timeout 60s }",
    "allow4 { 192.0.2.1 . tcp . 443 timeout 60s comment \"evil.test\" }",
    "allow4 { 192.0.2.1 . tcp . 443 timeout 60s comment \"API.test\" }",
    "allow4 { 192.0.2.1 . tcp . 443 timeout 60s comment \"api.test.\" }",
    "allow4 { 192.0.2.1 . tcp . 443 timeout 60s comment \"api..test\" }",
    "allow4 { 192.0.2.1 . tcp . 443 timeout 60s comment \"b\303\274cher.wild.test\" }",
    "allow4 { 192.0.2.1 . tcp . 443 comment \"api.test\" }",
    "allow4 { 192.0.2.1 . tcp . 443 timeout 100d comment \"api.test\" }",
    "allow4 { 10.0.0.1 . tcp . 443 timeout 60s comment \"api.test\" }",
    "allow4 { 127.0.0.1 . tcp . 443 timeout 60s comment \"api.test\" }",
    "allow6 { ::ffff:10.0.0.1 . tcp . 443 timeout 60s comment \"api.test\" }",
    "range4_tcp_8000_8100 { 192.0.2.1 timeout 60s comment \"ssh..test\" }",
};

START_TEST(strange_elements_are_not_taken_over)
{
    close_all();
    world_run("nft 'add element inet egressd %s'", strange_elements[_i]);
    open_all();
    ck_assert_int_eq(leases_restore(leases, policy), 0);
    ck_assert_uint_eq(leases_count(leases), 0);
    load();
    ck_assert_uint_eq(count_elements("allow4") + count_elements("allow6"), 0);
}
END_TEST

START_TEST(without_a_table_there_is_nothing_to_take_over)
{
    disown();
    world_run("nft delete table inet egressd");
    ck_assert_int_eq(leases_restore(leases, policy), 0);
    ck_assert_uint_eq(leases_count(leases), 0);
}
END_TEST

/* --- looking ---------------------------------------------------------------------------------- */

static void on_lease(void *context, const struct lease_view *lease)
{
    char text[ADDRESS_TEXT_SIZE], *all = context;

    sprintf(all + strlen(all), "%s %s %u;", lease->name, address_format(&lease->address, text),
            lease->left_s);
}

START_TEST(leases_can_be_listed)
{
    char all[256] = "";

    leases_each(leases, on_lease, all);
    ck_assert_str_eq(all, "");
    ck_assert_int_eq(grant("api.test", 60, LIST("192.0.2.1")), 0);
    leases_each(leases, on_lease, all);
    ck_assert_str_eq(all, "api.test 192.0.2.1 60;");
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("leases kernel");
    TCase *tests = tcase_create("packets");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, what_is_granted_is_open_at_once);
    tcase_add_test(tests, ports_are_those_of_the_name);
    tcase_add_test(tests, an_address_twice_in_an_answer_is_one);
    tcase_add_loop_test(tests, elements_end_when_they_should, 0,
                        sizeof(lifetimes) / sizeof(lifetimes[0]));
    tcase_add_test(tests, what_cannot_be_granted_changes_nothing);
    tcase_add_test(tests, a_lease_is_never_shortened);
    tcase_add_test(tests, short_leases_end_and_come_back);
    tcase_add_test(tests, what_somebody_took_away_is_put_back);
    tcase_add_test(tests, without_a_table_nothing_is_granted);
    tcase_add_test(tests, a_name_gets_half_of_the_table);
    tcase_add_test(tests, a_full_set_refuses_the_grant_whole);
    tcase_add_test(tests, a_full_set_of_addresses_in_use_keeps_nothing_out);
    tcase_add_test(tests, an_address_in_use_stays_open_until_idle);
    tcase_add_test(tests, a_refused_connection_is_no_use);
    tcase_add_test(tests, a_load_keeps_what_is_in_use_and_justified);
    tcase_add_test(tests, sweeping_forgets_what_has_ended_unless_in_use);
    tcase_add_test(tests, what_no_answer_has_named_for_a_day_is_closed);
    tcase_add_test(tests, sweeping_survives_a_missing_table);
    tcase_add_test(tests, leases_follow_the_policy);
    tcase_add_test(tests, the_kernel_forgets_names_that_a_load_refuses);
    tcase_add_test(tests, a_failed_load_leaves_leases_as_they_were);
    tcase_add_test(tests, a_new_daemon_takes_over_what_the_policy_still_allows);
    tcase_add_test(tests, a_restart_makes_no_answer_younger);
    tcase_add_test(tests, an_old_answer_gives_no_new_day);
    tcase_add_test(tests, after_a_sleep_nothing_is_taken_for_granted);
    tcase_add_loop_test(tests, strange_elements_are_not_taken_over, 0,
                        sizeof(strange_elements) / sizeof(strange_elements[0]));
    tcase_add_test(tests, without_a_table_there_is_nothing_to_take_over);
    tcase_add_test(tests, leases_can_be_listed);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    SRunner *runner;
    int failed;

    world_enter();
    runner = srunner_create(make_suite());
    srunner_set_fork_status(runner, CK_NOFORK); /* the world is this process's own */
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
