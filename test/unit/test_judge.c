/* SPDX-License-Identifier: MIT */
#include "journal/judge.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "make_policy.h"

static const char *const allow[] = {
    "api.example.test:443", "*.wild.test",      "192.0.2.0/24:22",
    "db.example.test:5432", "part.test:80/tcp", NULL,
};
static const char *const deny[] = {"denied.wild.test", "198.51.100.0/24", NULL};

static const struct {
    const char *name, *address;
    int protocol, port;
    enum journal_reason reason;
    const char *detail;
} cases[] = {
    {NULL, "203.0.113.7", IPPROTO_TCP, 443, JOURNAL_NEVER_ANSWERED, NULL},
    {NULL, "2001:db8::7", IPPROTO_UDP, 53, JOURNAL_NEVER_ANSWERED, NULL},
    {NULL, "10.0.0.1", IPPROTO_TCP, 80, JOURNAL_SPECIAL, "private"},
    {NULL, "169.254.169.254", IPPROTO_TCP, 80, JOURNAL_SPECIAL, "metadata"},
    {NULL, "192.0.2.1", IPPROTO_TCP, 80, JOURNAL_OTHER_PORT, NULL},
    {NULL, "192.0.2.1", IPPROTO_UDP, 22, JOURNAL_OTHER_PORT, NULL},
    {NULL, "192.0.2.1", IPPROTO_TCP, 22, JOURNAL_ENDED, NULL},
    {NULL, "198.51.100.9", IPPROTO_TCP, 443, JOURNAL_DENIED, NULL},
    {NULL, "203.0.113.7", IPPROTO_ICMP, JOURNAL_NO_PORT, JOURNAL_PROTOCOL, NULL},
    {NULL, "203.0.113.7", IPPROTO_SCTP, 443, JOURNAL_PROTOCOL, NULL},
    {"api.example.test", "203.0.113.7", IPPROTO_TCP, 22, JOURNAL_OTHER_PORT, NULL},
    {"api.example.test", "203.0.113.7", IPPROTO_UDP, 443, JOURNAL_OTHER_PORT, NULL},
    {"api.example.test", "203.0.113.7", IPPROTO_TCP, 443, JOURNAL_NOT_LEASED, NULL},
    {"api.example.test", "203.0.113.7", IPPROTO_TCP, JOURNAL_NO_PORT, JOURNAL_OTHER_PORT, NULL},
    {"api.example.test", "10.0.0.1", IPPROTO_TCP, 443, JOURNAL_SPECIAL, "private"},
    {"api.example.test", "198.51.100.9", IPPROTO_TCP, 443, JOURNAL_DENIED, NULL},
    {"api.example.test", "192.0.2.1", IPPROTO_TCP, 22, JOURNAL_ENDED, NULL},
    {"other.example.test", "203.0.113.7", IPPROTO_TCP, 443, JOURNAL_NOT_LISTED, NULL},
    {"denied.wild.test", "203.0.113.7", IPPROTO_TCP, 443, JOURNAL_DENIED, NULL},
    {"www.wild.test", "203.0.113.7", IPPROTO_TCP, 8443, JOURNAL_OTHER_PORT, NULL},
};

START_TEST(a_packet_is_judged_in_the_words_of_the_policy)
{
    struct policy *policy = make_policy(allow, deny);
    struct journal_event event = {
        .kind = JOURNAL_PACKET,
        .name = cases[_i].name,
        .protocol = cases[_i].protocol,
        .port = cases[_i].port,
        .detail = "left over",
    };

    ck_assert_int_eq(address_parse(cases[_i].address, &event.address), 0);
    journal_judge_packet(policy, &event);
    ck_assert_msg(event.reason == cases[_i].reason, "%s %s %d: %d",
                  cases[_i].name ? cases[_i].name : "-", cases[_i].address, cases[_i].port,
                  event.reason);
    ck_assert_pstr_eq(event.detail, cases[_i].detail);
    policy_free(policy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("judge");
    TCase *tests = tcase_create("judge");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, a_packet_is_judged_in_the_words_of_the_policy, 0,
                        sizeof(cases) / sizeof(cases[0]));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
