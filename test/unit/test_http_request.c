/* SPDX-License-Identifier: MIT */
#include "egressctl/http_request.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HOST "Host: localhost:5386\r\n"
#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const struct {
    const char *bytes;
    int result;
    bool is_get, is_for_loopback;
    const char *path, *query;
} cases[] = {
    {"GET / HTTP/1.1\r\n" HOST "\r\n", 0, true, true, "/", ""},
    {"GET /log.json?after=7 HTTP/1.1\r\n" HOST "Cookie: \xc3\xbc\r\n\r\n", 0, true, true,
     "/log.json", "after=7"},
    {"GET / HTTP/1.0\r\nhost:127.0.0.1\r\n\r\n", 0, true, true, "/", ""},
    {"GET / HTTP/1.1\r\nHost: \t[::1]:80 \r\n\r\n", 0, true, true, "/", ""},
    {"GET / HTTP/1.1\r\nHost: LocalHost\r\n\r\n", 0, true, true, "/", ""},
    {"POST / HTTP/1.1\r\n" HOST "\r\n", 0, false, true, "/", ""},
    {"get / HTTP/1.1\r\n" HOST "\r\n", 0, false, true, "/", ""},
    /* The names of others. */
    {"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n", 0, true, false, "/", ""},
    {"GET / HTTP/1.1\r\nHost: localhost.evil.test\r\n\r\n", 0, true, false, "/", ""},
    {"GET / HTTP/1.1\r\nHost: evil.test:localhost\r\n\r\n", 0, true, false, "/", ""},
    {"GET / HTTP/1.1\r\nHost: localhost:\r\n\r\n", 0, true, false, "/", ""},
    {"GET / HTTP/1.1\r\nHost: localhost:80:80\r\n\r\n", 0, true, false, "/", ""},
    {"GET / HTTP/1.1\r\nHost: localhost:123456\r\n\r\n", 0, true, false, "/", ""},
    {"GET / HTTP/1.1\r\nHost: 127.0.0.10\r\n\r\n", 0, true, false, "/", ""},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 0, true, false, "/", ""},
    /* Not yet whole. */
    {"", -EAGAIN, false, false, NULL, NULL},
    {"GET / HTTP/1.1\r", -EAGAIN, false, false, NULL, NULL},
    {"GET / HTTP/1.1\r\n" HOST, -EAGAIN, false, false, NULL, NULL},
    {"GET / HTTP/1.1\r\n" HOST "\r", -EAGAIN, false, false, NULL, NULL},
    /* Never. */
    {"GET / HTTP/1.1\r\n\r\n", -EBADMSG, false, false, NULL, NULL},
    {"GET / HTTP/1.1\r\n" HOST "Host: evil.test\r\n\r\n", -EBADMSG, false, false, NULL, NULL},
    {"GET / HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", -EBADMSG, false, false, NULL,
     NULL},
    {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", -EBADMSG, false, false, NULL,
     NULL},
    {"GET / HTTP/1.1\n" HOST "\r\n", -EBADMSG, false, false, NULL, NULL},
    {"GET / HTTP/1.1\r\r\n" HOST "\r\n", -EBADMSG, false, false, NULL, NULL},
    {"GET / HTTP/1.1\r\n" HOST " more\r\n\r\n", -EBADMSG, false, false, NULL, NULL},
    {"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", -EBADMSG, false, false, NULL, NULL},
    {"GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n", -EBADMSG, false, false, NULL, NULL},
    {"GET / HTTP/1.1\r\n" HOST "a: \x01\r\n\r\n", -EBADMSG, false, false, NULL, NULL},
    {"GET http://localhost/ HTTP/1.1\r\n" HOST "\r\n", -EBADMSG, false, false, NULL, NULL},
    {"GET /  HTTP/1.1\r\n" HOST "\r\n", -EBADMSG, false, false, NULL, NULL},
    {"GET / HTTP/2\r\n" HOST "\r\n", -EBADMSG, false, false, NULL, NULL},
    {"GET /\r\n" HOST "\r\n", -EBADMSG, false, false, NULL, NULL},
    {"\r\n", -EBADMSG, false, false, NULL, NULL},
};

START_TEST(a_request_is_read)
{
    struct http_request request;

    ck_assert_int_eq(http_request_read(cases[_i].bytes, strlen(cases[_i].bytes), &request),
                     cases[_i].result);
    if (cases[_i].result < 0)
        return;
    ck_assert_int_eq(request.is_get, cases[_i].is_get);
    ck_assert_int_eq(request.is_for_loopback, cases[_i].is_for_loopback);
    ck_assert_str_eq(request.path, cases[_i].path);
    ck_assert_str_eq(request.query, cases[_i].query);
}
END_TEST

/* However long somebody goes on, it ends. */
START_TEST(a_request_is_bounded)
{
    static const char start[] = "GET / HTTP/1.1\r\n" HOST "Cookie: ";
    char bytes[HTTP_REQUEST_MAX];
    struct http_request request;

    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes, start, sizeof(start) - 1);
    ck_assert_int_eq(http_request_read(bytes, sizeof(bytes) - 1, &request), -EAGAIN);
    ck_assert_int_eq(http_request_read(bytes, sizeof(bytes), &request), -EBADMSG);
    memcpy(bytes + sizeof(bytes) - 4, "\r\n\r\n", 4);
    ck_assert_int_eq(http_request_read(bytes, sizeof(bytes), &request), 0);
    memset(bytes + 5, 'x', HTTP_TARGET_SIZE);
    ck_assert_int_eq(http_request_read(bytes, sizeof(bytes), &request), -EBADMSG);
}
END_TEST

static const struct {
    const char *query;
    uint64_t number;
} numbers[] = {
    {"after=7", 7},
    {"after=999999999999999999", UINT64_C(999999999999999999)},
    {"after=1000000000000000000", 0},
    {"after=-1", 0},
    {"after= 1", 0},
    {"after=7&x", 0},
    {"after=", 0},
    {"after", 0},
    {"before=7", 0},
    {"", 0},
};

START_TEST(a_number_is_read)
{
    struct http_request request = {0};

    strcpy(request.query, numbers[_i].query);
    ck_assert_uint_eq(http_query_number(&request, "after"), numbers[_i].number);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_request");
    TCase *tests = tcase_create("http_request");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, a_request_is_read, 0, COUNT_OF(cases));
    tcase_add_test(tests, a_request_is_bounded);
    tcase_add_loop_test(tests, a_number_is_read, 0, COUNT_OF(numbers));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
