/* SPDX-License-Identifier: MIT */
/* The control socket with clients as they should be, and as they should not. */
#include "control/server.h"

#include <check.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/request.h"

#define PATIENCE_MS 10000
#define REPLY_SIZE 8192
#define BIG_REPLY_SIZE (4 * 1024 * 1024)

static uv_loop_t loop;
static struct control_server *server;
static char folder[] = "/tmp/control-XXXXXX";
static char path[64];
static struct control_caller last_caller;
static unsigned requests, closed;

static struct json_object *on_request(void *context, const struct control_caller *caller,
                                      struct json_object *request)
{
    struct json_object *reply = reply_new();
    const char *text = request_text(request, "say");

    ck_assert_ptr_eq(context, &requests);
    requests++;
    last_caller = *caller;
    if (text && strcmp(text, "much") == 0) {
        char *much = calloc(BIG_REPLY_SIZE + 1, 1);

        memset(much, 'x', BIG_REPLY_SIZE);
        reply_add_text(reply, "said", much);
        free(much);
    } else {
        reply_add_text(reply, "said", text);
    }
    return reply;
}

static void open_server(void)
{
    strcpy(folder + sizeof(folder) - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/control.sock", folder);
    requests = closed = 0;
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    ck_assert_int_eq(control_server_open(&loop, path, on_request, &requests, &server), 0);
}

static void on_closed(void *context)
{
    ck_assert_ptr_eq(context, &closed);
    closed++;
}

static void close_server(void)
{
    control_server_close(server, on_closed, &closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_uint_eq(closed, 1);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    ck_assert_int_lt(access(path, F_OK), 0);
    rmdir(folder);
}

static int connect_client(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    uv_run(&loop, UV_RUN_NOWAIT);
    return fd;
}

static void say(int fd, const char *bytes, size_t size)
{
    ck_assert_int_eq(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* Runs the loop until a line or the end has come; returns how much, 0 for an end without a word. */
static size_t hear(int fd, char reply[static REPLY_SIZE])
{
    uint64_t deadline_ms = clock_now_ms() + PATIENCE_MS;
    size_t used = 0;

    while (clock_now_ms() < deadline_ms) {
        ssize_t size = recv(fd, reply + used, REPLY_SIZE - 1 - used, 0);

        if (size > 0)
            used += (size_t)size;
        if (size == 0 || (used > 0 && reply[used - 1] == '\n'))
            break;
        uv_run(&loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    reply[used] = '\0';
    return used;
}

static void expect_reply(int fd, const char *part)
{
    char reply[REPLY_SIZE];

    ck_assert_uint_gt(hear(fd, reply), 0);
    ck_assert_msg(strstr(reply, part), "'%s' is not in '%s'", part, reply);
}

static void expect_end(int fd)
{
    char reply[REPLY_SIZE];

    ck_assert_uint_eq(hear(fd, reply), 0);
    ck_assert_int_eq(recv(fd, reply, 1, 0), 0);
    close(fd);
}

START_TEST(socket_is_for_everybody)
{
    struct stat info;

    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0666);
}
END_TEST

START_TEST(caller_is_known_and_asks_often)
{
    int fd = connect_client();

    say(fd, "{\"say\":\"one\"}\n", 14);
    expect_reply(fd, "{\"ok\":true,\"said\":\"one\"}\n");
    ck_assert_uint_eq(last_caller.uid, geteuid());
    ck_assert_int_eq(last_caller.pid, getpid());
    say(fd, "{\"say\":\"two\"}\r\n", 15);
    expect_reply(fd, "two");
    ck_assert_uint_eq(requests, 2);
    close(fd);
}
END_TEST

START_TEST(pieces_and_bursts_are_lines)
{
    static const char burst[] = "{\"say\":\"a\"}\n{\"say\":\"b\"}\n";
    int fd = connect_client();

    for (const char *byte = "{\"say\":\"slowly\"}\n"; *byte; byte++) {
        say(fd, byte, 1);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    expect_reply(fd, "slowly");
    say(fd, burst, sizeof(burst) - 1);
    for (int i = 0; i < 50; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    expect_reply(fd, "{\"ok\":true,\"said\":\"a\"}\n{\"ok\":true,\"said\":\"b\"}\n");
    close(fd);
}
END_TEST

static const struct {
    const char *bytes;
    size_t size;
} malformed[] = {
    {"\n", 1},
    {"{\n", 2},
    {"[1]\n", 4},
    {"\"status\"\n", 9},
    {"null\n", 5},
    {"{} {}\n", 6},
    {"{}x\n", 4},
    {"{\"a\":[[[[[[1]]]]]]}\n", 20},
    {"{\"a\":\"\xff\"}\n", 10},
    {"{\"a\":1}\0{}\n", 11},
    {"/* */ {}\n", 9},
    {"{a:1}\n", 6},
    {"GET / HTTP/1.1\n", 15},
};

START_TEST(malformed_requests_end_the_client)
{
    int fd = connect_client();

    say(fd, malformed[_i].bytes, malformed[_i].size);
    expect_reply(fd, "\"ok\":false,\"code\":64");
    expect_end(fd);
    ck_assert_uint_eq(requests, 0);
}
END_TEST

START_TEST(long_request_ends_the_client)
{
    char line[CONTROL_LINE_MAX + 1];
    int fd = connect_client();

    memset(line, ' ', sizeof(line));
    say(fd, line, sizeof(line));
    expect_reply(fd, "too long");
    close(fd);
}
END_TEST

START_TEST(longest_request_is_heard)
{
    char line[CONTROL_LINE_MAX];
    int fd = connect_client();

    memset(line, ' ', sizeof(line));
    memcpy(line, "{\"say\":\"x\"}", 11);
    line[sizeof(line) - 1] = '\n';
    say(fd, line, sizeof(line));
    expect_reply(fd, "\"said\":\"x\"");
    close(fd);
}
END_TEST

START_TEST(silent_client_is_sent_away)
{
    int fd = connect_client();

    say(fd, "{\"say\":", 7);
    expect_reply(fd, "in time");
    expect_end(fd);
}
END_TEST

START_TEST(client_that_does_not_read_holds_nobody_up)
{
    int lazy[8], fd;

    for (size_t i = 0; i < 8; i++) {
        lazy[i] = connect_client();
        say(lazy[i], "{\"say\":\"much\"}\n", 15);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    fd = connect_client();
    say(fd, "{\"say\":\"hello\"}\n", 16);
    expect_reply(fd, "hello");
    close(fd);
    for (size_t i = 0; i < 8; i++)
        close(lazy[i]);
}
END_TEST

/* The test runs as root: then every place can be taken, and one more is sent away. */
START_TEST(too_many_clients_are_refused)
{
    int clients[CONTROL_CLIENTS_MAX + 1];
    size_t most = geteuid() == 0 ? CONTROL_CLIENTS_MAX : CONTROL_CLIENTS_MAX - 8;

    for (size_t i = 0; i <= most; i++)
        clients[i] = connect_client();
    expect_reply(clients[most], "too many");
    say(clients[0], "{\"say\":\"still\"}\n", 16);
    expect_reply(clients[0], "still");
    for (size_t i = 0; i <= most; i++)
        close(clients[i]);
    for (int i = 0; i < 50; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    clients[0] = connect_client();
    say(clients[0], "{\"say\":\"again\"}\n", 16);
    expect_reply(clients[0], "again");
    close(clients[0]);
}
END_TEST

/* However many ask, what else the loop has to do comes between two of them. */
START_TEST(one_request_is_answered_in_a_turn)
{
    int fds[8];

    for (size_t i = 0; i < 8; i++)
        fds[i] = connect_client();
    for (size_t i = 0; i < 8; i++)
        say(fds[i], "{\"say\":\"a\"}\n{\"say\":\"b\"}\n", 24);
    while (requests < 16) {
        unsigned before = requests;

        uv_run(&loop, UV_RUN_NOWAIT);
        ck_assert_uint_le(requests, before + 1);
    }
    for (size_t i = 0; i < 8; i++) {
        expect_reply(fds[i], "b");
        close(fds[i]);
    }
}
END_TEST

START_TEST(closing_with_clients_leaves_nothing)
{
    int fds[] = {connect_client(), connect_client(), connect_client(), connect_client()};

    say(fds[0], "{\"say\":\"much\"}\n", 15);
    while (requests == 0) /* its reply is being written */
        uv_run(&loop, UV_RUN_NOWAIT);
    say(fds[1], "{", 1);
    say(fds[2], "{\"say\":\"a\"}\n", 12);
    say(fds[3], "{\"say\":\"b\"}\n", 12);
    uv_run(&loop, UV_RUN_NOWAIT); /* one of these waits for its turn at least */
    ck_assert_uint_lt(requests, 3);
    close_server();
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        close(fds[i]);
    open_server(); /* for the fixture to close */
}
END_TEST

START_TEST(stale_socket_is_replaced)
{
    struct control_server *second;
    unsigned ended = 0;

    ck_assert_int_eq(control_server_open(&loop, path, on_request, &requests, &second), 0);
    control_server_close(second, NULL, NULL);
    while (uv_run(&loop, UV_RUN_NOWAIT) && ended++ < 10)
        ;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("control_server");
    TCase *tests = tcase_create("control_server");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_server, close_server);
    tcase_add_test(tests, socket_is_for_everybody);
    tcase_add_test(tests, caller_is_known_and_asks_often);
    tcase_add_test(tests, pieces_and_bursts_are_lines);
    tcase_add_loop_test(tests, malformed_requests_end_the_client, 0,
                        sizeof(malformed) / sizeof(malformed[0]));
    tcase_add_test(tests, long_request_ends_the_client);
    tcase_add_test(tests, longest_request_is_heard);
    tcase_add_test(tests, silent_client_is_sent_away);
    tcase_add_test(tests, client_that_does_not_read_holds_nobody_up);
    tcase_add_test(tests, too_many_clients_are_refused);
    tcase_add_test(tests, one_request_is_answered_in_a_turn);
    tcase_add_test(tests, closing_with_clients_leaves_nothing);
    tcase_add_test(tests, stale_socket_is_replaced);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
