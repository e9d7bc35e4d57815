/* SPDX-License-Identifier: MIT */
#include "egressctl/egressctl.h"

#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/clock.h"
#include "control/protocol.h"
#include "egressctl/client.h"
#include "egressctl/doctor_command.h"
#include "egressctl/print.h"
#include "egressctl/screen.h"

#define ASK_TIMEOUT_MS 10000
#define WAIT_TIMEOUT_S 30
#define WAIT_TIMEOUT_MAX_S 3600
#define REPLY_LEAST_MS 1000 /* "--timeout 0" too is a question that deserves its answer */
#define POLL_FIRST_MS 10
#define POLL_MOST_MS 200

struct request {
    const char *runtime_dir;
    const char *target; /* of explain */
    uint32_t timeout_s; /* of wait */
    bool as_json;
    const struct position *caller; /* of doctor */
};

static const char help[] =
    "Usage: egressctl [--runtime-dir DIR] COMMAND\n"
    "\n"
    "  status [--json]                  what is enforced, where each entry came from, the\n"
    "                                   names with their addresses, and weaknesses found\n"
    "  explain HOST[:PORT[/udp]] [--json]\n"
    "                                   which entry decides, and what would allow it\n"
    "  wait [--timeout SECONDS]         returns when the policy is enforced (default: 30)\n"
    "  doctor [--json]                  what could undo the protection here, and what to do:\n"
    "                                   sudo, capabilities, engine sockets, shared namespaces\n"
    "  apply                            adopts the workspace's devcontainer.json as it is\n"
    "                                   now, and prints what that changes (root); before,\n"
    "                                   status shows it as pending\n"
    "  reload                           reads the policy files again (root)\n"
    "\n"
    "  --runtime-dir DIR                where the daemon's socket is (default: /run/egressd)\n"
    "  --json                           prints one line of JSON: the daemon's reply, or what\n"
    "                                   doctor has found\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 yes (enforcing, allowed, done, nothing found), 1 no (not enforcing,\n"
    "refused, something found), 64 usage, 69 the daemon cannot be reached, 77 not permitted,\n"
    "78 the configuration is wrong.\n";

static void complain(const char *text)
{
    struct json_object *clean = json_object_new_string(text);

    screen_clean(clean);
    fprintf(stderr, "egressctl: %s\n", json_object_get_string(clean));
    json_object_put(clean);
}

/* --- asking ----------------------------------------------------------------------------------- */

static void complain_unreachable(const struct request *request, int error)
{
    char text[512];

    if (error == -ENOENT || error == -ECONNREFUSED)
        snprintf(text, sizeof(text),
                 "egressd is not running: nobody answers on %s/" CONTROL_SOCKET_NAME,
                 request->runtime_dir);
    else
        snprintf(text, sizeof(text), "egressd cannot be reached on %s/" CONTROL_SOCKET_NAME ": %s",
                 request->runtime_dir, strerror(-error));
    complain(text);
    complain("the container's log says why, in lines that begin with 'egressd:' (docker logs "
             "CONTAINER; in VS Code: Dev Containers: Show Container Log)");
}

static bool is_ok(struct json_object *reply)
{
    return json_object_get_boolean(screen_member(reply, "ok"));
}

/* An error reply is said, and gives the exit code. */
static int code_of_error(struct json_object *reply)
{
    int64_t code = screen_number(reply, "code");

    complain(*screen_text(reply, "error") ? screen_text(reply, "error") : "the daemon refused");
    return code > 0 && code < 128 ? (int)code : EXIT_FAILURE;
}

/* Returns 0 with a reply that is ok and, unless it is for a program, clean; or an exit code. */
static int ask(const struct request *request, const char *command, struct json_object **ret_reply)
{
    struct json_object *reply;
    int r = client_ask(request->runtime_dir, command, request->target, ASK_TIMEOUT_MS, &reply);

    if (r < 0) {
        complain_unreachable(request, r);
        return EX_UNAVAILABLE;
    }
    if (request->as_json)
        screen_print_json(reply);
    screen_clean(reply);
    if (!is_ok(reply)) {
        r = code_of_error(reply);
        json_object_put(reply);
        return r;
    }
    *ret_reply = reply;
    return 0;
}

/* --- commands --------------------------------------------------------------------------------- */

static int run_status(const struct request *request)
{
    struct json_object *reply;
    int r = ask(request, "status", &reply);

    if (r != 0)
        return r;
    if (!request->as_json)
        print_status(reply);
    r = strcmp(screen_text(reply, "state"), "enforcing") == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    json_object_put(reply);
    return r;
}

static int run_explain(const struct request *request)
{
    struct json_object *reply;
    int r;

    if (!request->target) {
        complain("explain what? egressctl explain HOST[:PORT[/udp]]");
        return EX_USAGE;
    }
    r = ask(request, "explain", &reply);
    if (r != 0)
        return r;
    if (!request->as_json)
        print_explanation(reply);
    r = json_object_get_boolean(screen_member(reply, "allowed")) ? EXIT_SUCCESS : EXIT_FAILURE;
    json_object_put(reply);
    return r;
}

static int run_change(const struct request *request, const char *command)
{
    struct json_object *reply;
    int r = ask(request, command, &reply);

    if (r != 0)
        return r;
    if (!request->as_json) {
        print_change(reply);
        printf("%s\n", screen_text(reply, "message"));
    }
    json_object_put(reply);
    return EXIT_SUCCESS;
}

static int run_apply(const struct request *request)
{
    return run_change(request, "apply");
}

static int run_reload(const struct request *request)
{
    return run_change(request, "reload");
}

/* Returns an exit code when the answer is final, else -EAGAIN; says why it is not what one waits
 * for. */
static int judge_wait(struct json_object *reply)
{
    const char *state = screen_text(reply, "state");

    if (strcmp(state, "enforcing") == 0)
        return EXIT_SUCCESS;
    if (strcmp(state, "invalid-policy") != 0)
        return -EAGAIN;
    complain(screen_text(reply, "message"));
    return EX_CONFIG;
}

static int give_up(const struct request *request, int error, struct json_object *reply)
{
    char text[1024];

    if (error < 0) {
        complain_unreachable(request, error);
        return EX_UNAVAILABLE;
    }
    snprintf(text, sizeof(text), "not enforcing after %u s (%s): %s", request->timeout_s,
             screen_text(reply, "state"), screen_text(reply, "message"));
    complain(text);
    return EXIT_FAILURE;
}

static void pause_ms(uint64_t duration_ms)
{
    struct timespec pause = {.tv_sec = (time_t)(duration_ms / 1000),
                             .tv_nsec = (long)(duration_ms % 1000) * 1000000};

    nanosleep(&pause, NULL);
}

static int run_wait(const struct request *request)
{
    uint64_t deadline_ms = clock_now_ms() + (uint64_t)request->timeout_s * 1000;
    uint64_t interval_ms = POLL_FIRST_MS;

    for (;;) {
        struct json_object *reply = NULL;
        uint64_t now_ms = clock_now_ms();
        int left_ms = now_ms < deadline_ms ? (int)(deadline_ms - now_ms) : 0;
        int error = client_ask(request->runtime_dir, "wait", NULL,
                               left_ms > REPLY_LEAST_MS ? left_ms : REPLY_LEAST_MS, &reply);
        int r = -EAGAIN;

        if (error == 0) {
            screen_clean(reply);
            r = judge_wait(reply);
        }
        if (r == -EAGAIN && clock_now_ms() + interval_ms >= deadline_ms)
            r = give_up(request, error, reply);
        json_object_put(reply);
        if (r != -EAGAIN)
            return r;
        pause_ms(interval_ms);
        interval_ms = interval_ms * 2 < POLL_MOST_MS ? interval_ms * 2 : POLL_MOST_MS;
    }
}

static int run_doctor(const struct request *request)
{
    return doctor_command(request->runtime_dir, request->as_json, request->caller);
}

static const struct {
    const char *name;
    int (*run)(const struct request *request);
} commands[] = {
    {"status", run_status}, {"explain", run_explain}, {"wait", run_wait},
    {"apply", run_apply},   {"reload", run_reload},   {"doctor", run_doctor},
};

/* --- command line ----------------------------------------------------------------------------- */

enum option_id { OPTION_RUNTIME_DIR = 256, OPTION_JSON, OPTION_TIMEOUT, OPTION_VERSION };

static const struct option long_options[] = {
    {"runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR},
    {"json", no_argument, NULL, OPTION_JSON},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static int parse_timeout(const char *text, uint32_t *ret_timeout_s)
{
    unsigned long seconds = strtoul(text, NULL, 10);

    if (*text == '\0' || strspn(text, "0123456789") != strlen(text) || seconds > WAIT_TIMEOUT_MAX_S)
        return -EINVAL;
    *ret_timeout_s = (uint32_t)seconds;
    return 0;
}

/* Returns 0 to go on, or -ECANCELED with the exit code when all is said. */
static int parse_options(int argc, char **argv, struct request *request, int *ret_code)
{
    int id;

    opterr = 0;
    optind = 0;
    while ((id = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (id == OPTION_RUNTIME_DIR) {
            request->runtime_dir = optarg;
        } else if (id == OPTION_JSON) {
            request->as_json = true;
        } else if (id == OPTION_TIMEOUT && parse_timeout(optarg, &request->timeout_s) < 0) {
            complain("--timeout takes a number of seconds, at most 3600");
            *ret_code = EX_USAGE;
            return -ECANCELED;
        } else if (id == 'h') {
            fputs(help, stdout);
            *ret_code = EXIT_SUCCESS;
            return -ECANCELED;
        } else if (id == OPTION_VERSION) {
            printf("egressctl %s\n", EGRESSD_VERSION);
            *ret_code = EXIT_SUCCESS;
            return -ECANCELED;
        } else if (id == '?') {
            complain("an option is not understood or lacks its value: see egressctl --help");
            *ret_code = EX_USAGE;
            return -ECANCELED;
        }
    }
    return 0;
}

int egressctl_main(int argc, char **argv, const struct position *caller)
{
    struct request request = {
        .runtime_dir = CONTROL_RUNTIME_DIR, .timeout_s = WAIT_TIMEOUT_S, .caller = caller};
    const char *name;
    int code = EX_USAGE;

    screen_open();
    if (parse_options(argc, argv, &request, &code) < 0)
        return code;
    name = optind < argc ? argv[optind++] : NULL;
    request.target = optind < argc ? argv[optind++] : NULL;
    if (!name) {
        fputs(help, stderr);
        return EX_USAGE;
    }
    if (optind < argc || (request.target && strcmp(name, "explain") != 0)) {
        complain("too many arguments: see egressctl --help");
        return EX_USAGE;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(&request);
    }
    complain("there is no such command: see egressctl --help");
    return EX_USAGE;
}
