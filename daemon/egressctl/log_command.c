/* SPDX-License-Identifier: MIT */
/* log: what was refused, what was granted, and the line that would allow it. */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "egressctl/ask.h"
#include "egressctl/client.h"
#include "egressctl/command.h"
#include "egressctl/log_lines.h"
#include "egressctl/screen.h"

#define POLL_INTERVAL_MS 200

static volatile sig_atomic_t is_told_to_end;

static void on_end_signal(int number)
{
    (void)number;
    is_told_to_end = 1;
}

/* Not SA_RESTART: what waits, wakes up. */
static void end_on_signals(void)
{
    struct sigaction action = {.sa_handler = on_end_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static struct json_object *request_after(const struct call *call, int64_t after)
{
    struct json_object *request = ask_request(call);

    json_object_object_add(request, "after", json_object_new_int64(after));
    return request;
}

/* --- following -------------------------------------------------------------------------------- */

/* Returns false when nobody reads any more, or we are to end. */
static bool pause_between(void)
{
    struct pollfd reader = {.fd = STDOUT_FILENO, .events = 0};
    const struct timespec interval = {.tv_nsec = POLL_INTERVAL_MS * 1000000L};

    if (fflush(stdout) != 0 || is_told_to_end)
        return false;
    if (poll(&reader, 1, 0) > 0 && reader.revents & (POLLERR | POLLNVAL))
        return false;
    nanosleep(&interval, NULL);
    return !is_told_to_end;
}

/* Over one connection as long as it holds. 0, or -errno when the daemon is not there. */
static int poll_once(const struct call *call, struct client **client, int64_t after,
                     struct json_object **ret_reply)
{
    int r = *client ? 0 : client_open(call->runtime_dir, ASK_TIMEOUT_MS, client);

    if (r == 0)
        r = client_exchange(*client, request_after(call, after), ASK_TIMEOUT_MS, ret_reply);
    if (r == 0 && !json_object_get_boolean(screen_member(*ret_reply, "ok"))) {
        json_object_put(*ret_reply);
        r = -EBADMSG;
    }
    if (r < 0) {
        client_close(*client);
        *client = NULL;
    }
    return r;
}

static void show_changes(const struct call *call, struct json_object *reply, int64_t after)
{
    struct json_object *entries = screen_member(reply, "entries");

    for (size_t i = 0; i < screen_length(entries); i++) {
        struct json_object *entry = screen_item(entries, i);

        if (call->as_json) {
            screen_print_json(entry);
            continue;
        }
        screen_clean(entry);
        if (log_lines_is_news(entry, after))
            log_lines_print(entry);
    }
}

/* A daemon that starts again has other numbers, all of them greater. */
static int follow(const struct call *call)
{
    struct client *client = NULL;
    bool was_there = false, is_there = false;
    int64_t after = 0;

    end_on_signals();
    do {
        struct json_object *reply = NULL;
        int r = poll_once(call, &client, after, &reply);

        if (is_told_to_end) {
            if (r == 0)
                json_object_put(reply);
            break;
        }
        if (r < 0 && !was_there) {
            complain_unreachable(call, r);
            return EX_UNAVAILABLE;
        }
        if (r < 0 && is_there)
            complain("egressd has ended: waiting until it is there again");
        is_there = r == 0;
        if (r < 0)
            continue;
        if (!was_there && !call->as_json)
            log_lines_print_head();
        was_there = true;
        show_changes(call, reply, after);
        after = screen_number(reply, "next");
        json_object_put(reply);
    } while (pause_between());
    client_close(client);
    return EXIT_SUCCESS;
}

/* --- once ------------------------------------------------------------------------------------- */

static int run_log(const struct call *call)
{
    struct json_object *reply;
    int r;

    if (call_option(call, "follow"))
        return follow(call);
    r = ask_and_show(call, &reply);
    if (r == 0)
        json_object_put(reply);
    return r;
}

const struct command log_command = {
    .name = "log",
    .summary = "what was refused or granted, and what to add",
    .description =
        "Shows what was refused and what was granted since egressd started, the latest at\n"
        "the end: when, what, whose, how often, why, and the entry that would allow it.\n"
        "What repeats is one line with a count. With --json, -f prints one object a line.\n",
    .exit_status = "0 shown",
    .options = {{"follow", 'f', NULL, "goes on, and shows what happens as it happens"}},
    .print = log_lines_print_all,
    .run = run_log,
};
