/* SPDX-License-Identifier: MIT */
#include "control/suggestion.h"

#include <check.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "make_policy.h"
#include "policy/groups.h"

#define TEXT_SIZE 65536

/* "NAME", "NAME@ADDRESS:PORT", "@ADDRESS:PORT", "@[ADDRESS]:PORT", with "/udp"; how often behind it
 * as "*N". */
static void add(struct suggestion_maker *maker, const char *text)
{
    struct suggestion_wish wish = {.protocol = -1, .port = -1, .count = 1};
    char name[256] = "", address[256] = "", protocol[8] = "";
    unsigned port = 0;
    const char *star = strchr(text, '*'), *at = strchr(text, '@');

    if (star)
        wish.count = strtoull(star + 1, NULL, 10);
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "@*"), text);
    wish.name = *name ? name : NULL;
    if (at) {
        if (at[1] == '[')
            ck_assert_int_ge(sscanf(at, "@[%255[^]]]:%u%7[/udp]", address, &port, protocol), 2);
        else
            ck_assert_int_ge(sscanf(at, "@%255[^:]:%u%7[/udp]", address, &port, protocol), 2);
        ck_assert_int_eq(address_parse(address, &wish.address), 0);
        wish.port = (int)port;
        wish.protocol = *protocol ? IPPROTO_UDP : IPPROTO_TCP;
    }
    suggestion_add(maker, &wish);
}

static struct suggestion suggest(const struct policy *policy, const char *const *wishes)
{
    struct suggestion_maker *maker = suggestion_begin(policy);

    for (; *wishes; wishes++)
        add(maker, *wishes);
    return suggestion_end(maker);
}

/* "entry N; entry N" */
static const char *text_of(const struct suggestion_lines *lines, char text[static TEXT_SIZE])
{
    size_t size = 0;

    text[0] = '\0';
    for (size_t i = 0; i < lines->count; i++)
        size += (size_t)snprintf(text + size, TEXT_SIZE - size, "%s%s %llu", i > 0 ? "; " : "",
                                 lines->lines[i].what, (unsigned long long)lines->lines[i].count);
    return text;
}

#define LISTS_MAX 8

/* clang-format off */
static const struct {
    const char *allow[LISTS_MAX], *deny[LISTS_MAX];
    const char *wishes[LISTS_MAX];
    const char *entries, *others;
} cases[] = {
    /* exact names: default ports are left out, others stay */
    {{0}, {0}, {"api.one.test*3"}, "api.one.test 3", ""},
    {{0}, {0}, {"a.test@192.0.2.1:443*2", "a.test@192.0.2.1:80", "a.test*9"}, "a.test 3", ""},
    {{0}, {0}, {"db.test@192.0.2.1:5432", "db.test*2"}, "db.test:5432 1", ""},
    {{0}, {0}, {"t.test@192.0.2.1:123/udp", "t.test@192.0.2.1:443/udp*2"},
     "t.test:443/udp 2; t.test:123/udp 1", ""},
    {{0}, {0}, {"db"}, "db 1", ""},
    {{0}, {0}, {"db@10.0.0.2:5432"}, "db:5432 1", ""},
    /* addresses */
    {{0}, {0}, {"@192.0.2.1:443", "@192.0.2.1:80", "@192.0.2.1:22"}, "192.0.2.1 2; 192.0.2.1:22 1", ""},
    {{0}, {0}, {"@[2001:db8::7]:8443", "@[2001:db8::7]:443"}, "[2001:db8::7] 1; [2001:db8::7]:8443 1", ""},
    /* the most used first */
    {{0}, {0}, {"a.test*2", "b.test*9", "c.test*4"}, "b.test 9; c.test 4; a.test 2", ""},
    /* what is allowed by now is left out, another port of it is not */
    {{"a.test"}, {0}, {"a.test", "a.test@192.0.2.1:443", "a.test@192.0.2.1:22"}, "a.test:22 1", ""},
    {{"192.0.2.0/24:22"}, {0}, {"x.test@192.0.2.1:22", "@192.0.2.1:22"}, "", ""},
    /* a group for two of its names */
    {{0}, {0}, {"api.anthropic.com*2", "claude.ai"}, "@anthropic 3", ""},
    {{0}, {0}, {"api.anthropic.com"}, "api.anthropic.com 1", ""},
    /* a group for one of its names, where it will need the others */
    {{0}, {0}, {"pypi.org"}, "@pypi 1", ""},
    {{0}, {0}, {"files.pythonhosted.org@192.0.2.1:443"}, "@pypi 1", ""},
    {{0}, {0}, {"github.com"}, "@github 1", ""},
    {{0}, {0}, {"x.npmjs.org"}, "@npm 1", ""},
    {{0}, {0}, {"x.debian.org@192.0.2.1:80"}, "@debian 1", ""},
    /* not where it does not open the port */
    {{0}, {0}, {"pypi.org@192.0.2.1:80"}, "pypi.org 1", ""},
    {{0}, {0}, {"pypi.org@192.0.2.1:80", "pypi.org@192.0.2.1:443"}, "pypi.org 2", ""},
    {{0}, {0}, {"github.com@192.0.2.1:22", "github.com@192.0.2.1:9418"}, "@github 1; github.com:9418 1", ""},
    {{0}, {0}, {"pypi.org.evil.test", "npmjs.org"}, "npmjs.org 1; pypi.org.evil.test 1", ""},
    /* a name of two groups counts once */
    {{0}, {0}, {"dl.google.com", "proxy.golang.org"}, "@go 2", ""},
    {{0}, {0}, {"dl.google.com", "repo1.maven.org", "gradle.org"}, "@maven 3", ""},
    /* wildcards */
    {{0}, {0}, {"a.cdn.test", "b.cdn.test", "c.cdn.test"}, "a.cdn.test 1; b.cdn.test 1; c.cdn.test 1", ""},
    {{0}, {0}, {"a.cdn.test", "b.cdn.test", "c.cdn.test", "d.cdn.test*2"}, "*.cdn.test 5", ""},
    {{0}, {0}, {"a.cdn.test@192.0.2.1:8443", "b.cdn.test@192.0.2.1:8443", "c.cdn.test@192.0.2.1:8443",
                "d.cdn.test@192.0.2.1:8443", "d.cdn.test@192.0.2.1:443"},
     "*.cdn.test:8443 4; d.cdn.test 1", ""},
    {{0}, {0}, {"a.x.cdn.test", "b.x.cdn.test", "c.cdn.test", "d.cdn.test"},
     "a.x.cdn.test 1; b.x.cdn.test 1; c.cdn.test 1; d.cdn.test 1", ""},
    {{0}, {0}, {"a.co.uk", "b.co.uk", "c.co.uk", "d.co.uk"}, "a.co.uk 1; b.co.uk 1; c.co.uk 1; d.co.uk 1", ""},
    {{0}, {0}, {"a.sentry.io", "b.sentry.io", "c.sentry.io", "d.sentry.io"},
     "a.sentry.io 1; b.sentry.io 1; c.sentry.io 1; d.sentry.io 1", ""},
    {{0}, {0}, {"a.test", "b.test", "c.test", "d.test"}, "a.test 1; b.test 1; c.test 1; d.test 1", ""},
    /* what had better stay closed */
    {{0}, {"a.test"}, {"a.test", "a.test@192.0.2.1:22"}, "", "a.test 1; a.test:22 1"},
    {{0}, {"a.test:25"}, {"a.test", "a.test@192.0.2.1:25"}, "a.test 1", "a.test:25 1"},
    {{0}, {"192.0.2.1"}, {"a.test@192.0.2.1:22"}, "", "a.test:22 1"},
    {{0}, {0}, {"@10.1.2.3:22", "@169.254.169.254:80*2"}, "", "169.254.169.254 2; 10.1.2.3:22 1"},
    {{0}, {0}, {"@[fd00::1]:22", "@[::1]:22"}, "", "[::1]:22 1; [fd00::1]:22 1"},
    {{0}, {0}, {"in.corp.test", "in.corp.test@10.1.2.3:443"}, "", "in.corp.test 1"},
    {{0}, {0}, {"@192.0.2.1:53/udp", "@192.0.2.1:853"}, "", "192.0.2.1:53/udp 1; 192.0.2.1:853 1"},
    {{0}, {0}, {"dns.google", "@1.1.1.1:443"}, "", "1.1.1.1 1; dns.google 1"},
    {{0}, {0}, {"4.3.2.1.in-addr.arpa"}, "", "4.3.2.1.in-addr.arpa 1"},
    /* a name that reads as an address is none */
    {{0}, {0}, {"169.254.169.254", "192.0.2.1"}, "", "169.254.169.254 1; 192.0.2.1 1"},
    /* the same thing twice is one line */
    {{0}, {0}, {"@10.1.2.3:22", "@10.1.2.3:22*4", "a.test", "a.test"}, "a.test 2", "10.1.2.3:22 5"},
    {{0}, {0}, {0}, "", ""},
};
/* clang-format on */

START_TEST(fewest_entries_that_do)
{
    static char entries[TEXT_SIZE], others[TEXT_SIZE];
    struct policy *policy = make_policy(cases[_i].allow, cases[_i].deny);
    struct suggestion suggestion = suggest(policy, cases[_i].wishes);

    ck_assert_str_eq(text_of(&suggestion.entries, entries), cases[_i].entries);
    ck_assert_str_eq(text_of(&suggestion.others, others), cases[_i].others);
    suggestion_done(&suggestion);
    policy_free(policy);
}
END_TEST

/* A policy with what is suggested beside what it had. */
static struct policy *widen(const char *const *allow, const char *const *deny,
                            const struct suggestion *suggestion)
{
    const char **texts = calloc(suggestion->entries.count + LISTS_MAX + 1, sizeof(texts[0]));
    struct policy *policy;
    size_t count = 0;

    while (*allow)
        texts[count++] = *allow++;
    for (size_t i = 0; i < suggestion->entries.count; i++)
        texts[count++] = suggestion->entries.lines[i].what;
    policy = make_policy(texts, deny);
    free(texts);
    return policy;
}

/* Taken up, nothing is left to suggest, and what was not suggested is as it was. */
START_TEST(then_there_is_no_more)
{
    static char text[TEXT_SIZE];
    struct policy *policy = make_policy(cases[_i].allow, cases[_i].deny), *wider;
    struct suggestion first = suggest(policy, cases[_i].wishes), second;

    wider = widen(cases[_i].allow, cases[_i].deny, &first);
    second = suggest(wider, cases[_i].wishes);
    ck_assert_str_eq(text_of(&second.entries, text), "");
    ck_assert_str_eq(text_of(&second.others, text), cases[_i].others);
    suggestion_done(&first);
    suggestion_done(&second);
    policy_free(wider);
    policy_free(policy);
}
END_TEST

static const struct {
    const char *wishes[LISTS_MAX];
    const char *what, *why;
} reasons[] = {
    {{"pypi.org"},
     "@pypi",
     "pypi.org; the group also opens files.pythonhosted.org, pypi.python.org and "
     "bootstrap.pypa.io"},
    {{"ghcr.io", "pkg-containers.githubusercontent.com"},
     "@ghcr",
     "ghcr.io and pkg-containers.githubusercontent.com"},
    {{"github.com@192.0.2.1:443"}, "@github", "github.com; the group also opens github.com:22, "},
    {{"a.cdn.test", "b.cdn.test*2", "c.cdn.test", "d.cdn.test", "e.cdn.test", "f.cdn.test"},
     "*.cdn.test",
     "b.cdn.test, a.cdn.test, c.cdn.test, d.cdn.test and 2 more; it opens every name below "
     "cdn.test"},
    {{"a.test"}, "a.test", "asked for"},
    {{"a.test@192.0.2.1:443"}, "a.test", "connected to"},
    {{"a.test@192.0.2.1:123/udp"}, "a.test:123/udp", "sent to"},
    {{"@192.0.2.1:22"}, "192.0.2.1:22", "by address: the name is not known"},
    {{"gist.github.com"}, "gist.github.com", "asked for (data can be left there, as "},
    {{"@169.254.169.254:80"}, "169.254.169.254", "leave it closed"},
    {{"a.test@10.1.2.3:443"}, "a.test", "write { \"host\": \"a.test\", \"private\": true }"},
    {{"dns.google"}, "dns.google", "a public resolver"},
    {{"192.0.2.1"}, "192.0.2.1", "no entry can hold this name"},
};

START_TEST(reason_says_what_is_opened)
{
    static const char *const nothing[] = {NULL};
    struct policy *policy = make_policy(nothing, NULL);
    struct suggestion suggestion = suggest(policy, reasons[_i].wishes);
    const struct suggestion_lines *lines =
        suggestion.entries.count > 0 ? &suggestion.entries : &suggestion.others;

    ck_assert_uint_eq(suggestion.entries.count + suggestion.others.count, 1);
    ck_assert_str_eq(lines->lines[0].what, reasons[_i].what);
    ck_assert_msg(strstr(lines->lines[0].why, reasons[_i].why), "%s", lines->lines[0].why);
    suggestion_done(&suggestion);
    policy_free(policy);
}
END_TEST

/* Whoever is refused chooses how many ports and names there are. */
START_TEST(flood_fits_into_a_policy)
{
    static const char *const allow[] = {"10.0.0.0/8:1-65535", "a.test:20-4000", NULL};
    static const char *const deny[] = {"a.test:25", "b.test:100-200", "c.test:7/udp", NULL};
    struct policy *policy = make_policy(allow, deny), *wider;
    struct suggestion_maker *maker = suggestion_begin(policy);
    struct suggestion suggestion;
    char wish[64];

    for (unsigned i = 0; i < 512; i++) {
        snprintf(wish, sizeof(wish), "n%u.x%u.test", i, i / 3);
        add(maker, wish);
        snprintf(wish, sizeof(wish), "@192.0.%u.%u:%u%s*%u", i / 256, i % 256, 20 + i,
                 i % 2 ? "/udp" : "", 1 + i % 9);
        add(maker, wish);
    }
    suggestion = suggestion_end(maker);
    ck_assert_uint_ge(suggestion.entries.count, 512 + 40); /* every name has its place */
    ck_assert_uint_ge(suggestion.others.count, 400);
    for (size_t i = 1; i < suggestion.entries.count; i++)
        ck_assert_uint_ge(suggestion.entries.lines[i - 1].count, suggestion.entries.lines[i].count);
    wider = widen(allow, deny, &suggestion); /* aborts if it is no policy */
    suggestion_done(&suggestion);
    policy_free(wider);
    policy_free(policy);
}
END_TEST

START_TEST(every_shipped_group_has_its_bit)
{
    size_t position = 0, count = 0;

    while (group_next(NULL, &position))
        count++;
    ck_assert_uint_le(count, SUGGESTION_GROUPS_MAX);
}
END_TEST

int main(void)
{
    const int count = sizeof(cases) / sizeof(cases[0]);
    Suite *suite = suite_create("suggestion");
    TCase *tests = tcase_create("suggestion");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, fewest_entries_that_do, 0, count);
    tcase_add_loop_test(tests, then_there_is_no_more, 0, count);
    tcase_add_loop_test(tests, reason_says_what_is_opened, 0, sizeof(reasons) / sizeof(reasons[0]));
    tcase_add_test(tests, flood_fits_into_a_policy);
    tcase_add_test(tests, every_shipped_group_has_its_bit);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
