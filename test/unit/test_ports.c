/* SPDX-License-Identifier: MIT */
#include "policy/ports.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

static const struct {
    const char *text, *printed; /* printed NULL: refused */
    uint8_t protocol;
    uint16_t from, to;
} cases[] = {
    {"443", "443", IPPROTO_TCP, 443, 443},
    {"443/tcp", "443", IPPROTO_TCP, 443, 443},
    {"123/UDP", "123/udp", IPPROTO_UDP, 123, 123},
    {"8000-8100", "8000-8100", IPPROTO_TCP, 8000, 8100},
    {"80-80", "80", IPPROTO_TCP, 80, 80},
    {"*", "*", IPPROTO_TCP, 1, 65535},
    {"*/udp", "*/udp", IPPROTO_UDP, 1, 65535},
    {"1-65535/udp", "*/udp", IPPROTO_UDP, 1, 65535},
    {"65535", "65535", IPPROTO_TCP, 65535, 65535},
    {"0443", "443", IPPROTO_TCP, 443, 443},
    {.text = ""},
    {.text = "0"},
    {.text = "65536"},
    {.text = "4294967739"}, /* 2^32 + 443 */
    {.text = "0-10"},
    {.text = "10-"},
    {.text = "-10"},
    {.text = "20-10"},
    {.text = "80,443"},
    {.text = "443 "},
    {.text = "443/sctp"},
    {.text = "443/"},
    {.text = "**"},
    {.text = "*-10"},
    {.text = "https"},
};

START_TEST(range_is_parsed_and_printed)
{
    struct port_range range;
    struct text_error error;
    char text[PORT_RANGE_TEXT_SIZE];
    int r = port_range_parse(cases[_i].text, &range, &error);

    ck_assert_msg(r == (cases[_i].printed ? 0 : -EINVAL), "%s", cases[_i].text);
    if (r < 0)
        return;
    ck_assert_uint_eq(range.protocol, cases[_i].protocol);
    ck_assert_uint_eq(range.from, cases[_i].from);
    ck_assert_uint_eq(range.to, cases[_i].to);
    ck_assert_str_eq(port_range_format(&range, text), cases[_i].printed);
    ck_assert(port_range_contains(&range, range.protocol, range.from));
    ck_assert(port_range_contains(&range, range.protocol, range.to));
    ck_assert(!port_range_contains(&range, range.protocol, (uint16_t)(range.from - 1)));
    ck_assert(!port_range_contains(&range, IPPROTO_ICMP, range.from));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ports");
    TCase *tests = tcase_create("ports");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, range_is_parsed_and_printed, 0,
                        (int)(sizeof(cases) / sizeof(cases[0])));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
