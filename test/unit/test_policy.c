/* SPDX-License-Identifier: MIT */
#include "policy/policy.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (int)(sizeof(array) / sizeof((array)[0]))

static void add(struct policy_builder *builder, enum policy_list list, const char *const *texts)
{
    struct text_error error = {0};
    struct entry entry;

    for (; *texts; texts++) {
        ck_assert_msg(entry_parse(*texts, &entry, &error) == 0, "%s", error.message);
        ck_assert_int_eq(policy_builder_add(builder, list, &entry, &error), 0);
    }
}

static struct policy *policy_of(const char *const *allow, const char *const *deny)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error = {0};
    struct policy *policy = NULL;

    add(builder, POLICY_ALLOW, allow);
    add(builder, POLICY_DENY, deny);
    ck_assert_msg(policy_build(builder, &policy, &error) == 0, "%s", error.message);
    policy_builder_free(builder);
    return policy;
}

static bool may_reach(const struct policy *policy, const struct verdict *verdict, const char *port)
{
    struct port_range range;
    struct text_error error;

    ck_assert_int_eq(port_range_parse(port, &range, &error), 0);
    return verdict->services & policy_service_of(policy, range.protocol, range.from);
}

static struct address address_of(const char *text)
{
    struct address address;

    ck_assert_int_eq(address_parse(text, &address), 0);
    return address;
}

#define LIST(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define MAX_ENTRIES 6

/* What is asked is a name, or an address where it can be read as one. */
static const struct {
    const char *allow[MAX_ENTRIES], *deny[MAX_ENTRIES];
    const char *host, *port;
    bool expected;
} cases[] = {
    {{"example.com"}, {}, "example.com", "443", true},
    {{"example.com"}, {}, "example.com", "80", true},
    {{"example.com"}, {}, "example.com", "22", false},
    {{"example.com"}, {}, "example.com", "443/udp", false},
    {{"example.com"}, {}, "www.example.com", "443", false},
    {{"example.com"}, {}, "com", "443", false},
    {{"example.com"}, {}, "evilexample.com", "443", false},
    {{"example.com"}, {}, "example.com.evil.test", "443", false},
    {{"example.com/udp"}, {}, "example.com", "443/udp", true},
    {{"example.com/udp"}, {}, "example.com", "443", false},
    {{"*.example.com"}, {}, "www.example.com", "443", true},
    {{"*.example.com"}, {}, "a.b.c.example.com", "443", true},
    {{"*.example.com"}, {}, "example.com", "443", false},
    {{"*.example.com"}, {}, "evilexample.com", "443", false},
    {{"*.b.example.com:22", "*.example.com:443"}, {}, "a.b.example.com", "22", true},
    {{"*.b.example.com:22", "*.example.com:443"}, {}, "a.b.example.com", "443", true},
    {{"*.b.example.com:22", "*.example.com:443"}, {}, "b.example.com", "22", false},
    {{"db:5432"}, {}, "db", "5432", true},
    {{"db:5432"}, {}, "db", "80", false},
    {{"x.example:8000-8100"}, {}, "x.example", "8050", true},
    {{"x.example:8000-8100"}, {}, "x.example", "8101", false},
    {{"x.example:*"}, {}, "x.example", "1", true},
    {{"x.example:*"}, {}, "x.example", "65535", true},
    {{"x.example:*"}, {}, "x.example", "53/udp", false},
    {{"x.example:*", "y.example:443"}, {}, "x.example", "443", true},
    {{"x.example:*", "y.example:443"}, {}, "y.example", "442", false},
    {{"x.example:22", "x.example:443"}, {}, "x.example", "22", true},
    {{"x.example:100-200", "y.example:150-250"}, {}, "x.example", "200", true},
    {{"x.example:100-200", "y.example:150-250"}, {}, "x.example", "250", false},
    {{"192.0.2.0/24:22"}, {}, "192.0.2.9", "22", true},
    {{"192.0.2.0/24:22"}, {}, "192.0.2.9", "443", false},
    {{"192.0.2.0/24:22"}, {}, "192.0.3.0", "22", false},
    {{"[2001:db8::7]:8443"}, {}, "2001:db8::7", "8443", true},
    {{"[2001:db8::7]:8443"}, {}, "2001:db8::8", "8443", false},
    {{"0.0.0.0/0:443"}, {}, "2001:db8::8", "443", false},
    {{"10.0.0.0/8:22"}, {}, "10.1.2.3", "22", true},

    /* deny wins, and takes ports exactly */
    {{"example.com"}, {"example.com"}, "example.com", "443", false},
    {{"*.example.com"}, {"gist.example.com"}, "gist.example.com", "443", false},
    {{"*.example.com"}, {"gist.example.com"}, "api.example.com", "443", true},
    {{"*.example.com"}, {"gist.example.com"}, "x.gist.example.com", "443", true},
    {{"www.example.com"}, {"*.example.com"}, "www.example.com", "443", false},
    {{"example.com"}, {"*.example.com"}, "example.com", "443", true},
    {{"example.com"}, {"example.com:80"}, "example.com", "80", false},
    {{"example.com"}, {"example.com:80"}, "example.com", "443", true},
    {{"example.com"}, {"example.com/udp"}, "example.com", "443", true},
    {{"example.com"}, {"example.com/tcp"}, "example.com", "443", false},
    {{"x.example:*"}, {"x.example:443"}, "x.example", "443", false},
    {{"x.example:*"}, {"x.example:443"}, "x.example", "442", true},
    {{"x.example:*"}, {"x.example:443"}, "x.example", "444", true},
    {{"x.example:*", "y.example:443"}, {"x.example:443"}, "y.example", "443", true},
    {{"x.example:*", "y.example:*"}, {"x.example:100-200"}, "y.example", "150", true},
    {{"x.example:*", "y.example:*"}, {"x.example:100-200"}, "x.example", "150", false},
    {{"x.example:*", "y.example:*"}, {"x.example:100-200"}, "x.example", "201", true},
    {{"x.example:1-100", "x.example:50-150"}, {"x.example:75"}, "x.example", "75", false},
    {{"x.example:1-100", "x.example:50-150"}, {"x.example:75"}, "x.example", "76", true},
    {{"x.example:*"}, {"x.example:1", "x.example:65535"}, "x.example", "65535", false},
    {{"x.example:*"}, {"x.example:1", "x.example:65535"}, "x.example", "1", false},
    {{"x.example:*"}, {"x.example:1", "x.example:65535"}, "x.example", "2", true},
    {{"192.0.2.0/24:22"}, {"192.0.2.64/26"}, "192.0.2.64", "22", false},
    {{"192.0.2.0/24:22"}, {"192.0.2.64/26"}, "192.0.2.63", "22", true},
    {{"192.0.2.0/24:22"}, {"192.0.2.64/26:80"}, "192.0.2.64", "22", true},
    {{}, {}, "example.com", "443", false},
    {{}, {"example.com"}, "example.com", "443", false},
};

START_TEST(policy_decides)
{
    struct policy *policy = policy_of(cases[_i].allow, cases[_i].deny);
    struct address address;
    struct verdict verdict = address_parse(cases[_i].host, &address) == 0
                                 ? policy_judge_address(policy, &address)
                                 : policy_judge_name(policy, cases[_i].host);

    ck_assert_msg(may_reach(policy, &verdict, cases[_i].port) == cases[_i].expected, "%s:%s",
                  cases[_i].host, cases[_i].port);
    ck_assert_int_eq(verdict.allowed, verdict.services != 0);
    ck_assert_uint_eq(verdict.private_services & ~verdict.services, 0);
    ck_assert(!verdict.allowed || verdict.entry);
    policy_free(policy);
}
END_TEST

static void check_verdict(const struct policy *policy, const char *name, enum verdict_reason reason,
                          const char *entry)
{
    struct verdict verdict = policy_judge_name(policy, name);

    ck_assert_msg(verdict.reason == reason, "%s: reason %d", name, verdict.reason);
    if (entry)
        ck_assert_str_eq(verdict.entry->text, entry);
    else
        ck_assert_ptr_null(verdict.entry);
}

START_TEST(verdict_names_what_decided)
{
    struct policy *policy = policy_of(
        LIST("*.example.com", "*.cdn.example.com:443", "a.cdn.example.com:22"),
        LIST("*.bad.example.com", "bad.example.com:443", "a.cdn.example.com:22", "other.test"));

    check_verdict(policy, "www.example.com", VERDICT_ALLOWED, "*.example.com");
    check_verdict(policy, "b.cdn.example.com", VERDICT_ALLOWED, "*.cdn.example.com:443");
    check_verdict(policy, "a.cdn.example.com", VERDICT_ALLOWED, "*.cdn.example.com:443");
    check_verdict(policy, "x.bad.example.com", VERDICT_DENIED, "*.bad.example.com");
    check_verdict(policy, "bad.example.com", VERDICT_ALLOWED, "*.example.com");
    check_verdict(policy, "other.test", VERDICT_DENIED, "other.test");
    check_verdict(policy, "example.com", VERDICT_NOT_LISTED, NULL);
    policy_free(policy);
}
END_TEST

static const struct {
    const char *name, *address;
    bool allowed; /* at port 443 */
    const char *why;
} learned[] = {
    {"example.com", "192.0.2.1", true, NULL},
    {"example.com", "2001:db8::1", true, NULL},
    {"example.com", "10.0.0.1", false, "private"},
    {"example.com", "127.0.0.1", false, "loopback"},
    {"example.com", "169.254.169.254", false, "metadata"},
    {"example.com", "::ffff:192.0.2.1", false, "IPv4-mapped"},
    {"example.com", "198.51.100.7", false, "denied by address"},
    {"example.com", "172.16.5.5", true, NULL}, /* 172.16.0.0/16 is an entry of its own */
    {"example.com", "172.17.5.5", true, NULL}, /* entries with other ranges, but 443 in them */
    {"range.example", "172.17.5.5", true, NULL},
    {"range.example", "172.18.5.5", true, NULL},
    {"example.com", "172.19.5.5", false, "private"}, /* ... and without it */
    {"db", "10.0.0.1", true, NULL},
    {"db", "198.51.100.7", false, "denied by address"},
    {"host.docker.internal", "192.168.65.2", true, NULL},
    {"git.corp.example", "10.0.0.1", true, NULL},
    {"www.wild.example", "10.0.0.1", false, "private"},
    {"refused.test", "192.0.2.1", false, "not allowed"},
};

START_TEST(learned_address_is_judged)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error;
    struct policy *policy;
    struct entry entry;
    struct address address = address_of(learned[_i].address);
    struct verdict verdict;
    const char *why;
    uint64_t services;

    add(builder, POLICY_ALLOW,
        LIST("example.com:443", "db:443", "host.docker.internal:443", "*.wild.example:443",
             "172.16.0.0/16:443", "172.17.0.0/16:*", "range.example:443-600",
             "172.18.0.0/16:400-500", "172.19.0.0/16:22"));
    add(builder, POLICY_DENY, LIST("198.51.100.0/24"));
    ck_assert_int_eq(entry_parse("git.corp.example:443", &entry, &error), 0);
    entry.allow_private = true;
    ck_assert_int_eq(policy_builder_add(builder, POLICY_ALLOW, &entry, &error), 0);
    ck_assert_int_eq(policy_build(builder, &policy, &error), 0);
    policy_builder_free(builder);

    verdict = policy_judge_name(policy, learned[_i].name);
    services = policy_judge_learned(policy, &verdict, &address, &why);
    ck_assert_msg((services != 0) == learned[_i].allowed, "%s at %s", learned[_i].name,
                  learned[_i].address);
    if (learned[_i].why)
        ck_assert_str_eq(why, learned[_i].why);
    else
        ck_assert_ptr_null(why);
    policy_free(policy);
}
END_TEST

/* An entry that is private does not make its name so for the ports of another. */
START_TEST(private_counts_by_port)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error;
    struct policy *policy;
    struct entry entry;
    struct address private = address_of("10.0.0.1");
    struct verdict verdict;
    uint64_t services;

    add(builder, POLICY_ALLOW, LIST("git.corp.example:443"));
    ck_assert_int_eq(entry_parse("git.corp.example:22", &entry, &error), 0);
    entry.allow_private = true;
    ck_assert_int_eq(policy_builder_add(builder, POLICY_ALLOW, &entry, &error), 0);
    ck_assert_int_eq(policy_build(builder, &policy, &error), 0);
    verdict = policy_judge_name(policy, "git.corp.example");
    services = policy_judge_learned(policy, &verdict, &private, NULL);
    ck_assert_uint_eq(services, policy_service_of(policy, IPPROTO_TCP, 22));
    policy_free(policy);
    policy_builder_free(builder);
}
END_TEST

START_TEST(exact_names_are_kept_fresh_once)
{
    struct policy *policy =
        policy_of(LIST("b.example", "*.wild.example", "a.example:22", "A.example", "gone.example",
                       "192.0.2.1", "partly.example"),
                  LIST("gone.example", "partly.example:80"));
    size_t count;
    const char *const *names = policy_exact_names(policy, &count);

    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(names[0], "b.example");
    ck_assert_str_eq(names[1], "a.example");
    ck_assert_str_eq(names[2], "partly.example");
    policy_free(policy);
}
END_TEST

START_TEST(nets_carry_their_services)
{
    struct policy *policy = policy_of(LIST("192.0.2.0/24:22", "[2001:db8::/32]", "x.example:22"),
                                      LIST("192.0.2.7", "192.0.2.8:22", "192.0.2.9:53/udp"));
    size_t count;
    const struct policy_net *nets = policy_nets(policy, POLICY_ALLOW, &count);
    uint64_t ssh = policy_service_of(policy, IPPROTO_TCP, 22);
    uint64_t all;

    policy_services(policy, &count);
    ck_assert_uint_eq(count, 3); /* 22, 80, 443 */
    all = (UINT64_C(1) << count) - 1;
    policy_nets(policy, POLICY_ALLOW, &count);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(nets[0].services, ssh);
    ck_assert_uint_eq(nets[1].services, all & ~ssh);
    nets = policy_nets(policy, POLICY_DENY, &count);
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(nets[0].services, all);
    ck_assert_uint_eq(nets[1].services, ssh);
    ck_assert_uint_eq(nets[2].services, 0); /* nothing lets that port out */
    policy_free(policy);
}
END_TEST

/* One element a lease, where one does: "*" does not also give what lies within it. */
START_TEST(entry_gives_the_fewest_services)
{
    struct policy *policy = policy_of(LIST("x.example:*", "y.example:443"), LIST());
    struct verdict verdict = policy_judge_name(policy, "x.example");

    ck_assert_int_eq(__builtin_popcountll(verdict.services), 1);
    policy_free(policy);

    policy = policy_of(LIST("x.example:*", "y.example:443"), LIST("x.example:443"));
    verdict = policy_judge_name(policy, "x.example");
    ck_assert_int_eq(__builtin_popcountll(verdict.services), 2);
    policy_free(policy);
}
END_TEST

START_TEST(too_many_services_are_refused)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error = {0};
    struct policy *policy = NULL;
    char text[64];

    for (int port = 1; port <= POLICY_SERVICES_MAX; port++) {
        snprintf(text, sizeof(text), "x.example:%d", port * 2);
        add(builder, POLICY_ALLOW, LIST(text));
    }
    ck_assert_int_eq(policy_build(builder, &policy, &error), 0);
    policy_free(policy);
    add(builder, POLICY_ALLOW, LIST("y.example:7"));
    ck_assert_int_eq(policy_build(builder, &policy, &error), -EINVAL);
    ck_assert(strstr(error.message, "'y.example:7'"));
    policy_builder_free(builder);
}
END_TEST

START_TEST(too_many_entries_are_refused)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error = {0};
    struct entry entry;

    ck_assert_int_eq(entry_parse("x.example", &entry, &error), 0);
    for (int i = 0; i < POLICY_ENTRIES_MAX; i++)
        ck_assert_int_eq(policy_builder_add(builder, POLICY_ALLOW, &entry, &error), 0);
    ck_assert_int_eq(policy_builder_add(builder, POLICY_DENY, &entry, &error), -EINVAL);
    policy_builder_free(builder);
}
END_TEST

/* The policy keeps what it needs: the builder, and what was given to it, may go. */
START_TEST(policy_owns_its_sources)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error;
    struct policy *policy;
    struct entry entry;
    char *file = strdup("a.json");
    size_t count;

    ck_assert_int_eq(entry_parse("x.example", &entry, &error), 0);
    entry.source = (struct entry_source){file, 3, 5};
    ck_assert_int_eq(policy_builder_add(builder, POLICY_ALLOW, &entry, &error), 0);
    free(file);
    ck_assert_int_eq(policy_build(builder, &policy, &error), 0);
    policy_builder_free(builder);
    ck_assert_str_eq(policy_entries(policy, POLICY_ALLOW, &count)->source.file, "a.json");
    ck_assert_uint_eq(count, 1);
    policy_free(policy);
}
END_TEST

START_TEST(upstreams_are_kept_in_order)
{
    struct policy_builder *builder = policy_builder_new();
    struct address first = address_of("192.0.2.53"), second = address_of("2001:db8::53");
    const struct policy_upstream *upstreams;
    struct text_error error;
    struct policy *policy;
    size_t count;

    ck_assert_int_eq(policy_builder_add_upstream(builder, &first, 53, &error), 0);
    ck_assert_int_eq(policy_builder_add_upstream(builder, &second, 5353, &error), 0);
    ck_assert_int_eq(policy_builder_add_upstream(builder, &first, 53, &error), 0);
    policy_builder_set_refusal_answer(builder, POLICY_REFUSED);
    ck_assert_int_eq(policy_build(builder, &policy, &error), 0);
    upstreams = policy_upstreams(policy, &count);
    ck_assert_uint_eq(count, 2);
    ck_assert(address_equal(&upstreams[0].address, &first));
    ck_assert_uint_eq(upstreams[1].port, 5353);
    ck_assert_int_eq(policy_refusal_answer(policy), POLICY_REFUSED);
    ck_assert_int_eq(policy_mode(policy), POLICY_ENFORCE);
    policy_free(policy);
    policy_builder_free(builder);
}
END_TEST

/* Each letter is a file that asks for enforce or audit. */
static const struct {
    const char *requests;
    enum policy_mode mode;
    unsigned enforce_line, audit_line; /* of the first that asked; 0: none did */
} modes[] = {
    {"", POLICY_ENFORCE, 0, 0},    {"e", POLICY_ENFORCE, 1, 0},  {"a", POLICY_AUDIT, 0, 1},
    {"aa", POLICY_AUDIT, 0, 1},    {"ae", POLICY_ENFORCE, 2, 1}, {"ea", POLICY_ENFORCE, 1, 2},
    {"aea", POLICY_ENFORCE, 2, 1},
};

static unsigned line_of(const struct policy *policy, enum policy_mode mode)
{
    const struct entry_source *source = policy_mode_source(policy, mode);

    if (!source)
        return 0;
    ck_assert_str_eq(source->file, "policy.json");
    return source->line;
}

START_TEST(enforce_wins_over_audit)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error;
    struct policy *policy;

    for (unsigned i = 0; modes[_i].requests[i]; i++) {
        char file[] = "policy.json";
        const struct entry_source source = {.file = file, .line = i + 1, .column = 1};

        policy_builder_set_mode(
            builder, modes[_i].requests[i] == 'a' ? POLICY_AUDIT : POLICY_ENFORCE, &source);
        file[0] = '?'; /* it was copied */
    }
    ck_assert_int_eq(policy_build(builder, &policy, &error), 0);
    policy_builder_free(builder);
    ck_assert_int_eq(policy_mode(policy), modes[_i].mode);
    ck_assert_uint_eq(line_of(policy, POLICY_ENFORCE), modes[_i].enforce_line);
    ck_assert_uint_eq(line_of(policy, POLICY_AUDIT), modes[_i].audit_line);
    policy_free(policy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy");
    TCase *tests = tcase_create("policy");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, policy_decides, 0, COUNT_OF(cases));
    tcase_add_test(tests, verdict_names_what_decided);
    tcase_add_loop_test(tests, learned_address_is_judged, 0, COUNT_OF(learned));
    tcase_add_test(tests, private_counts_by_port);
    tcase_add_test(tests, exact_names_are_kept_fresh_once);
    tcase_add_test(tests, nets_carry_their_services);
    tcase_add_test(tests, entry_gives_the_fewest_services);
    tcase_add_test(tests, too_many_services_are_refused);
    tcase_add_test(tests, too_many_entries_are_refused);
    tcase_add_test(tests, policy_owns_its_sources);
    tcase_add_test(tests, upstreams_are_kept_in_order);
    tcase_add_loop_test(tests, enforce_wins_over_audit, 0, COUNT_OF(modes));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
