/* SPDX-License-Identifier: MIT */
#include "policy/entry.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/public_suffixes.h"

#define COUNT_OF(array) (int)(sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *text;
    enum entry_kind kind;
    const char *host, *ports; /* ports NULL: none given */
    bool allow_private;
} accepted[] = {
    {"api.example.com", ENTRY_NAME, "api.example.com", NULL, false},
    {"API.Example.COM.", ENTRY_NAME, "api.example.com", NULL, false},
    {"_dmarc.a-b.example:25", ENTRY_NAME, "_dmarc.a-b.example", "25", false},
    {"xn--bcher-kva.example", ENTRY_NAME, "xn--bcher-kva.example", NULL, false},
    {"1password.example", ENTRY_NAME, "1password.example", NULL, false},
    {"db:5432", ENTRY_NAME, "db", "5432", true},
    {"host.docker.internal:3000", ENTRY_NAME, "host.docker.internal", "3000", true},
    {"Gateway.Docker.Internal", ENTRY_NAME, "gateway.docker.internal", NULL, true},
    {"other.docker.internal", ENTRY_NAME, "other.docker.internal", NULL, false},
    {"*.cdn.example.com:443", ENTRY_WILDCARD, "*.cdn.example.com", "443", false},
    {"*.example.com", ENTRY_WILDCARD, "*.example.com", NULL, false},
    {"*.example.co.uk", ENTRY_WILDCARD, "*.example.co.uk", NULL, false},
    {"x.example:8000-8100", ENTRY_NAME, "x.example", "8000-8100", false},
    {"x.example:*", ENTRY_NAME, "x.example", "*", false},
    {"x.example:*/udp", ENTRY_NAME, "x.example", "*/udp", false},
    {"pool.ntp.org:123/udp", ENTRY_NAME, "pool.ntp.org", "123/udp", false},
    {"x.example/udp", ENTRY_NAME, "x.example", NULL, false},
    {"192.0.2.1", ENTRY_PREFIX, "192.0.2.1", NULL, false},
    {"192.0.2.0/24:22", ENTRY_PREFIX, "192.0.2.0/24", "22", false},
    {"192.0.2.0/24/udp", ENTRY_PREFIX, "192.0.2.0/24", NULL, false},
    {"0.0.0.0/0:443", ENTRY_PREFIX, "0.0.0.0/0", "443", false},
    {"10.0.0.0/8:22", ENTRY_PREFIX, "10.0.0.0/8", "22", false},
    {"[2001:db8::7]:8443", ENTRY_PREFIX, "[2001:db8::7]", "8443", false},
    {"[2001:DB8::7]", ENTRY_PREFIX, "[2001:db8::7]", NULL, false},
    {"[2001:db8::/32]:443", ENTRY_PREFIX, "[2001:db8::/32]", "443", false},
    {"[2001:db8::]/32:443", ENTRY_PREFIX, "[2001:db8::/32]", "443", false},
    {"2001:db8::7", ENTRY_PREFIX, "[2001:db8::7]", NULL, false},
    {"2001:db8::/32", ENTRY_PREFIX, "[2001:db8::/32]", NULL, false},
    {"@github", ENTRY_GROUP, "@github", NULL, false},
    {"@GitHub", ENTRY_GROUP, "@github", NULL, false},
};

START_TEST(entry_is_understood)
{
    struct entry entry;
    struct text_error error = {0};
    char text[ENTRY_TEXT_SIZE], ports[PORT_RANGE_TEXT_SIZE];

    ck_assert_msg(entry_parse(accepted[_i].text, &entry, &error) == 0, "%s", error.message);
    ck_assert_str_eq(entry.text, accepted[_i].text);
    ck_assert_int_eq(entry.kind, accepted[_i].kind);
    ck_assert_str_eq(entry_format_host(&entry, text), accepted[_i].host);
    ck_assert_uint_eq(entry.port_count, accepted[_i].ports ? 1 : 0);
    if (accepted[_i].ports)
        ck_assert_str_eq(port_range_format(&entry.ports[0], ports), accepted[_i].ports);
    ck_assert_int_eq(entry.allow_private, accepted[_i].allow_private);
}
END_TEST

/* What is printed is understood again, and means the same. */
START_TEST(normal_form_is_stable)
{
    struct entry entry, again;
    struct text_error error;
    char once[ENTRY_TEXT_SIZE], twice[ENTRY_TEXT_SIZE];

    ck_assert_int_eq(entry_parse(accepted[_i].text, &entry, &error), 0);
    entry_format_host(&entry, once);
    ck_assert_msg(entry_parse(once, &again, &error) == 0, "%s", error.message);
    ck_assert_int_eq(again.kind, entry.kind);
    ck_assert_str_eq(entry_format_host(&again, twice), once);
}
END_TEST

/* Each mistake with the byte it is at and the remedy that the message must hold. */
static const struct {
    const char *text;
    unsigned column;
    const char *remedy;
} refused[] = {
    {"", 1, "write a host"},
    {"*", 1, "'*.example.com'"},
    {"*:443", 1, "would allow every name"},
    {"*.", 1, "would allow every name"},
    {"**", 1, "would allow every name"},
    {"*.*", 1, "would allow every name"},
    {"*.com", 1, "anybody can register"},
    {"*.internal", 1, "anybody can register"},
    {"*.co.uk", 1, "'*.example.co.uk'"},
    {"*.x.ck", 1, "anybody can register"},
    {"*.kobe.jp", 1, "anybody can register"},
    {"*foo.com", 1, "write '*.foo.com'"},
    {"*.*.foo.com", 1, "'*.foo.com' covers any depth"},
    {"foo.*.com", 5, "only a whole '*.' at the start"},
    {"foo*.com", 4, "only a whole '*.' at the start"},
    {"*.foo.*.com", 1, "second '*'"},
    {".example.com", 1, "'*.NAME'"},
    {"a..example", 3, "two dots"},
    {"https://example.com/x", 1, "'example.com'"},
    {"https://user:secret@example.com:8443/x", 1, "'example.com:8443'"},
    {"git@example.com:me/it.git", 1, "'example.com'"},
    {"example.com/path", 12, "write 'example.com'"},
    {"example.com:443/path", 16, "cannot follow a port"},
    {"example.com?x", 12, "'?'"},
    {"a.example b.example", 10, "one host an entry"},
    {" a.example", 1, "space at its edge"},
    {"a.example\t", 10, "space at its edge"},
    {"a.example\x01", 10, "control character"},
    {"a.example,", 10, "comma"},
    {"a.example,b.example", 10, "an entry of its own"},
    {"example.com:80,443", 15, "\"ports\""},
    {"b\xc3\xbc"
     "cher.example",
     2, "xn--"},
    {"example.com:0", 13, "1 to 65535"},
    {"example.com:65536", 13, "1 to 65535"},
    {"example.com:", 13, "a port is a number"},
    {"example.com:https", 13, "a port is a number"},
    {"example.com:90-80", 13, "write 80-90"},
    {"example.com:443/sctp", 16, "'/udp' for UDP"},
    {"example.com:80:443", 15, "two ports"},
    {":443", 1, "no host"},
    {"192.0.2.7/24:22", 1, "'192.0.2.0/24'"},
    {"[2001:db8::7]/32", 1, "'2001:db8::/32'"},
    {"192.0.2.0/33", 10, "0 to 32"},
    {"192.0.2.300", 1, "no IPv4 address"},
    {"192.0.2", 1, "no IPv4 address"},
    {"3232235777", 1, "no IPv4 address"},
    {"2001:db8::7:8443", 12, "'[2001:db8::7]:8443'"},
    {"2001:db8::/32:443", 1, "'[2001:db8::/32]:443'"},
    {"2001:db8::7:443/tcp", 1, "without brackets"},
    {"[2001:db8::7", 1, "closing bracket"},
    {"[2001:db8::7]443", 14, "':PORT'"},
    {"[2001:db8::g]", 2, "no valid IPv6 address"},
    {"[fe80::1%eth0]", 2, "no valid IPv6 address"},
    {"[192.0.2.1]:80", 1, "'192.0.2.1:80'"},
    {"[example.com]", 1, "'example.com'"},
    {"@", 1, "'egressd groups'"},
    {"@github:22", 8, "write '@github'"},
    {"@scope/package", 7, "write '@scope'"},
    {"@git_hub", 1, "letters, digits and '-'"},
    {"@a-name-that-is-longer-than-one-is", 1, "no group"},
    {"a_label_of_more_than_sixty_three_characters_is_refused_by_its_length.example", 1, "63"},
};

START_TEST(mistake_is_refused_with_its_remedy)
{
    struct entry entry, untouched;
    struct text_error error = {0};

    memset(&entry, 0x5a, sizeof(entry));
    untouched = entry;
    ck_assert_msg(entry_parse(refused[_i].text, &entry, &error) == -EINVAL, "%s", refused[_i].text);
    ck_assert_msg(strstr(error.message, refused[_i].remedy), "'%s' not in: %s", refused[_i].remedy,
                  error.message);
    ck_assert_msg(error.column == refused[_i].column, "column %u: %s", error.column, error.message);
    ck_assert_mem_eq(&entry, &untouched, sizeof(entry));
}
END_TEST

START_TEST(long_text_is_refused)
{
    char text[2 * ENTRY_TEXT_SIZE];
    struct entry entry;
    struct text_error error;

    for (size_t length = 250; length < sizeof(text); length++) {
        for (size_t i = 0; i < length; i++)
            text[i] = i % 32 == 31 ? '.' : 'a';
        text[length] = '\0';
        /* 256 characters end in a dot, but that is not enough. */
        ck_assert_int_eq(entry_parse(text, &entry, &error), length <= 253 ? 0 : -EINVAL);
    }
}
END_TEST

START_TEST(host_alone_has_no_port)
{
    struct entry entry;
    struct text_error error;

    ck_assert_int_eq(entry_parse_host("*.example.com", &entry, &error), 0);
    ck_assert_int_eq(entry_parse_host("example.com:443", &entry, &error), -EINVAL);
    ck_assert(strstr(error.message, "\"ports\""));
    ck_assert_int_eq(entry_parse_host("example.com/udp", &entry, &error), -EINVAL);
}
END_TEST

START_TEST(protocol_alone_is_kept)
{
    struct entry entry;
    struct text_error error;

    ck_assert_int_eq(entry_parse("example.com/udp", &entry, &error), 0);
    ck_assert_uint_eq(entry.protocol, IPPROTO_UDP);
    ck_assert_int_eq(entry_parse("example.com", &entry, &error), 0);
    ck_assert_uint_eq(entry.protocol, 0);
}
END_TEST

static const struct {
    const char *name;
    bool expected;
} suffixes[] = {
    {"com", true},
    {"example", true},
    {"co.uk", true},
    {"example.co.uk", false},
    {"uk", true},
    {"o.uk", false},
    {"x.ck", true},
    {"www.ck", false},
    {"city.kobe.jp", false},
    {"x.kobe.jp", true},
    {"kobe.jp", true},
    {"github.io", false},
    {"example.com", false},
    {"sch.uk", true},
    {"example.sch.uk", true},
};

START_TEST(public_suffix_is_known)
{
    ck_assert_msg(name_is_public_suffix(suffixes[_i].name) == suffixes[_i].expected, "%s",
                  suffixes[_i].name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("entry");
    TCase *tests = tcase_create("entry");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, entry_is_understood, 0, COUNT_OF(accepted));
    tcase_add_loop_test(tests, normal_form_is_stable, 0, COUNT_OF(accepted));
    tcase_add_loop_test(tests, mistake_is_refused_with_its_remedy, 0, COUNT_OF(refused));
    tcase_add_test(tests, long_text_is_refused);
    tcase_add_test(tests, host_alone_has_no_port);
    tcase_add_test(tests, protocol_alone_is_kept);
    tcase_add_loop_test(tests, public_suffix_is_known, 0, COUNT_OF(suffixes));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
