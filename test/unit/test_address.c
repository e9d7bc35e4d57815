/* SPDX-License-Identifier: MIT */
#include "base/address.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (int)(sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *text, *printed; /* printed NULL: refused */
} texts[] = {
    {"192.0.2.1", "192.0.2.1"},
    {"2001:DB8:0:0:0:0:0:7", "2001:db8::7"},
    {"::", "::"},
    {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
    {"192.0.2", NULL},
    {"192.0.2.256", NULL},
    {"192.0.2.01", NULL},
    {"0x7f.0.0.1", NULL},
    {"[2001:db8::7]", NULL},
    {"fe80::1%eth0", NULL},
    {"", NULL},
    {" 192.0.2.1", NULL},
};

START_TEST(text_is_parsed_and_printed)
{
    struct address address;
    char printed[ADDRESS_TEXT_SIZE];
    int r = address_parse(texts[_i].text, &address);

    ck_assert_int_eq(r, texts[_i].printed ? 0 : -EINVAL);
    if (r == 0)
        ck_assert_str_eq(address_format(&address, printed), texts[_i].printed);
}
END_TEST

static const struct {
    const char *text;
    int result;
    const char *printed; /* of the prefix, or of the one that was meant */
} prefixes[] = {
    {"192.0.2.0/24", 0, "192.0.2.0/24"},
    {"192.0.2.1", 0, "192.0.2.1"},
    {"192.0.2.1/32", 0, "192.0.2.1"},
    {"0.0.0.0/0", 0, "0.0.0.0/0"},
    {"2001:db8::/32", 0, "2001:db8::/32"},
    {"2001:db8::8000/113", 0, "2001:db8::8000/113"},
    {"2001:db8::7/128", 0, "2001:db8::7"},
    {"::/0", 0, "::/0"},
    {"192.0.2.1/24", -EDOM, NULL},
    {"2001:db8::1/127", -EDOM, NULL},
    {"192.0.2.0/33", -EINVAL, NULL},
    {"192.0.2.0/", -EINVAL, NULL},
    {"192.0.2.0/-1", -EINVAL, NULL},
    {"192.0.2.0/024", -EINVAL, NULL},
    {"192.0.2.0/255.255.255.0", -EINVAL, NULL},
    {"2001:db8::/129", -EINVAL, NULL},
    {"/24", -EINVAL, NULL},
    {"00000000000000000000000000000000000000000000000000000000000/8", -EINVAL, NULL},
};

START_TEST(prefix_is_parsed_and_printed)
{
    struct prefix prefix;
    char printed[PREFIX_TEXT_SIZE];
    int r = prefix_parse(prefixes[_i].text, &prefix);

    ck_assert_int_eq(r, prefixes[_i].result);
    if (r == 0)
        ck_assert_str_eq(prefix_format(&prefix, printed), prefixes[_i].printed);
}
END_TEST

static const struct {
    const char *prefix, *first, *last, *before, *after;
} bounds[] = {
    {"192.0.2.64/26", "192.0.2.64", "192.0.2.127", "192.0.2.63", "192.0.2.128"},
    {"192.0.2.7/32", "192.0.2.7", "192.0.2.7", "192.0.2.6", "192.0.2.8"},
    {"2001:db8::/33", "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff",
     "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8:8000::"},
};

static struct address address_of(const char *text)
{
    struct address address;

    ck_assert_int_eq(address_parse(text, &address), 0);
    return address;
}

START_TEST(prefix_has_bounds)
{
    struct prefix prefix;
    struct address first, last;
    struct address before = address_of(bounds[_i].before), after = address_of(bounds[_i].after);
    char text[ADDRESS_TEXT_SIZE];

    ck_assert_int_eq(prefix_parse(bounds[_i].prefix, &prefix), 0);
    prefix_bounds(&prefix, &first, &last);
    ck_assert_str_eq(address_format(&first, text), bounds[_i].first);
    ck_assert_str_eq(address_format(&last, text), bounds[_i].last);
    ck_assert(prefix_contains(&prefix, &first));
    ck_assert(prefix_contains(&prefix, &last));
    ck_assert(!prefix_contains(&prefix, &before));
    ck_assert(!prefix_contains(&prefix, &after));
}
END_TEST

START_TEST(prefix_keeps_to_its_family)
{
    struct prefix prefix;
    struct address v4 = address_of("192.0.2.1"), v6 = address_of("2001:db8::1");

    ck_assert_int_eq(prefix_parse("0.0.0.0/0", &prefix), 0);
    ck_assert(prefix_contains(&prefix, &v4));
    ck_assert(!prefix_contains(&prefix, &v6));
}
END_TEST

static const struct {
    const char *address, *reason; /* reason NULL: ordinary */
} ranges[] = {
    {"192.0.2.1", NULL},
    {"198.51.100.255", NULL},
    {"203.0.113.9", NULL},
    {"2001:db8::1", NULL},
    {"3fff::1", NULL},
    {"8.8.8.8", NULL},
    {"2606:4700::1", NULL},
    {"0.0.0.0", "unspecified"},
    {"0.1.2.3", "unspecified"},
    {"10.255.255.255", "private"},
    {"100.64.0.1", "shared (RFC 6598)"},
    {"100.128.0.1", NULL},
    {"127.0.0.11", "loopback"},
    {"169.254.169.254", "metadata"},
    {"168.63.129.16", "metadata"},
    {"168.63.129.17", NULL},
    {"169.254.1.1", "link-local"},
    {"172.15.255.255", NULL},
    {"172.31.0.1", "private"},
    {"172.32.0.1", NULL},
    {"192.0.0.170", "reserved"},
    {"192.168.0.1", "private"},
    {"198.19.0.1", "benchmarking"},
    {"224.0.0.251", "multicast"},
    {"255.255.255.255", "reserved"},
    {"::", "unspecified"},
    {"::1", "loopback"},
    {"::10.0.0.1", "IPv4-compatible"},
    {"::ffff:192.0.2.1", "IPv4-mapped"},
    {"::ffff:0:192.0.2.1", "IPv4-translated"},
    {"64:ff9b::192.0.2.1", "NAT64"},
    {"64:ff9b:1::1", "NAT64"},
    {"2001::1", "Teredo"},
    {"2001:20::1", "reserved"},
    {"2001:200::1", NULL},
    {"2002:c000:201::1", "6to4"},
    {"fd00:ec2::254", "private"},
    {"fe80::1", "link-local"},
    {"fec0::1", "private"},
    {"ff02::fb", "multicast"},
    {"5f00::1", "reserved"},
    {"100::1", "reserved"},
    {"4000::1", "reserved"},
};

START_TEST(special_range_is_named)
{
    struct address address = address_of(ranges[_i].address);
    const char *reason = address_special_range(&address);

    ck_assert_msg((!reason && !ranges[_i].reason) ||
                      (reason && ranges[_i].reason && strcmp(reason, ranges[_i].reason) == 0),
                  "%s is %s", ranges[_i].address, reason ? reason : "ordinary");
}
END_TEST

START_TEST(socket_address_and_back)
{
    static const char *const addresses[] = {"192.0.2.1", "2001:db8::1"};

    for (size_t i = 0; i < 2; i++) {
        struct address address = address_of(addresses[i]), back;
        struct sockaddr_storage storage;
        uint16_t port;

        ck_assert_int_ne(address_to_sockaddr(&address, 5353, &storage), 0);
        ck_assert_int_eq(address_from_sockaddr((struct sockaddr *)&storage, &back, &port), 0);
        ck_assert(address_equal(&address, &back));
        ck_assert_uint_eq(port, 5353);
    }
    ck_assert_int_eq(
        address_from_sockaddr(&(struct sockaddr){.sa_family = AF_UNIX}, &(struct address){0}, NULL),
        -EAFNOSUPPORT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("address");
    TCase *tests = tcase_create("address");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, text_is_parsed_and_printed, 0, COUNT_OF(texts));
    tcase_add_loop_test(tests, prefix_is_parsed_and_printed, 0, COUNT_OF(prefixes));
    tcase_add_loop_test(tests, prefix_has_bounds, 0, COUNT_OF(bounds));
    tcase_add_test(tests, prefix_keeps_to_its_family);
    tcase_add_loop_test(tests, special_range_is_named, 0, COUNT_OF(ranges));
    tcase_add_test(tests, socket_address_and_back);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
