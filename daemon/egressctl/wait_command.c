/* SPDX-License-Identifier: MIT */
/* wait: returns when the policy is enforced. The Feature's hooks call it. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/clock.h"
#include "egressctl/ask.h"
#include "egressctl/change.h"
#include "egressctl/client.h"
#include "egressctl/command.h"
#include "egressctl/screen.h"

#define TIMEOUT_S 30
#define TIMEOUT_MAX_S 3600
#define REPLY_LEAST_MS 1000 /* "--timeout 0" too is a question that deserves its answer */
#define POLL_FIRST_MS 10
#define POLL_MOST_MS 200
#define ENTRIES_SIZE 96

/* "3 allow entries", "3 allow and 1 deny entries" */
static const char *entries_text(struct json_object *reply, char text[static ENTRIES_SIZE])
{
    long long allow = screen_number(reply, "allow"), deny = screen_number(reply, "deny");

    if (deny > 0)
        snprintf(text, ENTRIES_SIZE, "%lld allow and %lld deny entries", allow, deny);
    else
        snprintf(text, ENTRIES_SIZE, "%lld allow entr%s", allow, allow == 1 ? "y" : "ies");
    return text;
}

/* One line for the log of whatever starts the container. */
static void print_in_force(struct json_object *reply)
{
    char text[ENTRIES_SIZE];

    entries_text(reply, text);
    if (strcmp(screen_text(reply, "mode"), "audit") == 0)
        printf("egressd: audit mode, NOTHING IS REFUSED; 'egressctl log' shows what would be\n");
    else
        printf("egressd: enforcing %s; 'egressctl status' shows them\n", text);
    if (screen_member(reply, "added"))
        printf("egressd: this is not the policy that was in force here before:\n");
    print_change(reply);
}

/* Returns an exit code when the answer is final, else -EAGAIN. */
static int judge(struct json_object *reply)
{
    const char *state = screen_text(reply, "state");

    if (strcmp(state, "enforcing") == 0)
        return EXIT_SUCCESS;
    if (strcmp(state, "auditing") == 0) /* as it was asked for */
        return EXIT_SUCCESS;
    return strcmp(state, "invalid-policy") == 0 ? EX_CONFIG : -EAGAIN;
}

static void say(const struct call *call, int code, struct json_object *reply)
{
    bool is_quiet = call_option(call, "quiet") && strcmp(screen_text(reply, "mode"), "audit") != 0;

    if (code == EX_CONFIG)
        complain("%s", screen_text(reply, "message"));
    if (call->as_json || (code == EXIT_SUCCESS && !is_quiet))
        show(call, reply);
}

static int give_up(const struct call *call, uint32_t timeout_s, int error,
                   struct json_object *reply)
{
    if (error < 0) {
        complain_unreachable(call, error);
        return EX_UNAVAILABLE;
    }
    complain("not enforcing after %u s (%s): %s", timeout_s, screen_text(reply, "state"),
             screen_text(reply, "message"));
    return EXIT_FAILURE;
}

static void pause_ms(uint64_t duration_ms)
{
    struct timespec pause = {.tv_sec = (time_t)(duration_ms / 1000),
                             .tv_nsec = (long)(duration_ms % 1000) * 1000000};

    nanosleep(&pause, NULL);
}

static int wait_until_enforced(const struct call *call, uint32_t timeout_s)
{
    uint64_t deadline_ms = clock_now_ms() + (uint64_t)timeout_s * 1000;
    uint64_t interval_ms = POLL_FIRST_MS;

    for (;;) {
        struct json_object *reply = NULL;
        uint64_t now_ms = clock_now_ms();
        int left_ms = now_ms < deadline_ms ? (int)(deadline_ms - now_ms) : 0;
        int error = client_ask(call->runtime_dir, ask_request(call),
                               left_ms > REPLY_LEAST_MS ? left_ms : REPLY_LEAST_MS, &reply);
        int r = -EAGAIN;

        if (error == 0)
            r = judge(reply);
        if (r == EXIT_SUCCESS && ask_where(reply)) {
            complain("%s", ask_where(reply));
            r = EXIT_FAILURE;
        }
        if (r == -EAGAIN && clock_now_ms() + interval_ms >= deadline_ms)
            r = give_up(call, timeout_s, error, reply);
        if (r != -EAGAIN && error == 0)
            say(call, r, reply);
        json_object_put(reply);
        if (r != -EAGAIN)
            return r;
        pause_ms(interval_ms);
        interval_ms = interval_ms * 2 < POLL_MOST_MS ? interval_ms * 2 : POLL_MOST_MS;
    }
}

static int run_wait(const struct call *call)
{
    uint32_t timeout_s;

    if (call_number(call, "timeout", TIMEOUT_S, TIMEOUT_MAX_S, &timeout_s) < 0)
        return EX_USAGE;
    return wait_until_enforced(call, timeout_s);
}

const struct command wait_command = {
    .name = "wait",
    .summary = "returns when the policy is enforced",
    .description =
        "Returns when the policy is enforced, or says why it is not. The Feature's hooks\n"
        "begin with it, so that none of yours runs unprotected. In audit mode it returns\n"
        "too, and says that nothing is refused.\n",
    .exit_status = "0 enforcing, or auditing as the policy says; 1 not in time",
    .options = {{"timeout", 0, "SECONDS", "how long to wait (default: 30)"},
                {"quiet", 'q', NULL, "says nothing when it enforces"}},
    .print = print_in_force,
    .run = run_wait,
};
