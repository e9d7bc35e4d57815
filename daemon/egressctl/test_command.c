/* SPDX-License-Identifier: MIT */
/* test: really tries it, from the caller's position. diagnosis.h documents --json. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "control/request.h"
#include "control/target.h"
#include "egressctl/ask.h"
#include "egressctl/client.h"
#include "egressctl/command.h"
#include "egressctl/diagnosis.h"
#include "egressctl/screen.h"
#include "egressctl/trial.h"

#define HTTPS_PORT 443
#define TIMEOUT_S 5
#define TIMEOUT_MAX_S 300
#define ADDRESS_WIDTH 40

/* --- for people ------------------------------------------------------------------------------- */

static void print_attempt(struct json_object *attempt)
{
    const char *error = screen_text(attempt, "error");

    printf("  ");
    screen_cell(screen_text(attempt, "address"), ADDRESS_WIDTH);
    printf("%s%s%s after %lld ms\n", screen_text(attempt, "result"), *error ? ": " : "", error,
           (long long)screen_number(attempt, "took_ms"));
}

static void print_test(struct json_object *reply)
{
    struct json_object *attempts = screen_member(reply, "attempts");
    bool reached = json_object_get_boolean(screen_member(reply, "reached"));
    const char *resolve_error = screen_text(reply, "resolve_error");
    const char *reason = screen_text(screen_member(reply, "explanation"), "reason");

    screen_print(reached ? SCREEN_GOOD : SCREEN_BAD, "%s", reached ? "reached" : "not reached");
    printf(": %s, %s port %lld\n", screen_text(reply, "host"), screen_text(reply, "protocol"),
           (long long)screen_number(reply, "port"));
    if (*resolve_error)
        printf("  the name does not resolve: %s\n", resolve_error);
    for (size_t i = 0; i < screen_length(attempts); i++)
        print_attempt(screen_item(attempts, i));
    printf("\n");
    screen_paragraph(0, screen_text(reply, "what"));
    if (*reason && !strstr(screen_text(reply, "what"), reason))
        screen_paragraph(0, reason);
    if (*screen_text(reply, "next")) {
        printf("\nnext: ");
        screen_paragraph(6, screen_text(reply, "next"));
    }
}

/* --- what the daemon says --------------------------------------------------------------------- */

/* NULL when there is none to say anything. */
static struct json_object *explain(const struct call *call, const char *host,
                                   const struct target *target)
{
    struct json_object *request = client_request("explain"), *reply;
    char port[PORT_RANGE_TEXT_SIZE], text[TARGET_TEXT_SIZE];

    snprintf(text, sizeof(text), strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
             target_port_text(target, port));
    json_object_object_add(request, "target", json_object_new_string(text));
    if (client_ask(call->runtime_dir, request, ASK_TIMEOUT_MS, &reply) < 0)
        return NULL;
    if (!json_object_get_boolean(screen_member(reply, "ok"))) {
        json_object_put(reply);
        return NULL;
    }
    return reply;
}

static struct json_object *explain_address(const struct call *call, const struct target *target,
                                           const struct trial *trial)
{
    char address[ADDRESS_TEXT_SIZE];

    if (target->is_address || trial->count == 0)
        return NULL;
    return explain(call, address_format(&trial->attempts[0].address, address), target);
}

static bool is_audit(const struct call *call)
{
    struct json_object *status;
    bool audit;

    if (client_ask(call->runtime_dir, client_request("status"), ASK_TIMEOUT_MS, &status) < 0)
        return false;
    audit = strcmp(screen_text(status, "mode"), "audit") == 0;
    json_object_put(status);
    return audit;
}

/* --- the command ------------------------------------------------------------------------------ */

/* The policy is asked after the trial, when it has led to what it leads to. */
static int test(const struct call *call, const struct target *target, unsigned timeout_ms)
{
    struct trial trial;
    struct diagnosis about = {.target = target, .trial = &trial};
    struct json_object *reply;
    int code;

    trial_run(target, timeout_ms, &trial);
    about.explanation = explain(call, target->host, target);
    about.address_explanation = explain_address(call, target, &trial);
    about.is_audit = is_audit(call);
    code = diagnosis_is_reached(&about) ? EXIT_SUCCESS : EXIT_FAILURE;
    reply = diagnosis_describe(&about);
    json_object_put(about.explanation);
    json_object_put(about.address_explanation);
    show(call, reply);
    json_object_put(reply);
    return code;
}

static int run_test(const struct call *call)
{
    struct text_error error;
    struct target target;
    uint32_t timeout_s;

    if (call_number(call, "timeout", TIMEOUT_S, TIMEOUT_MAX_S, &timeout_s) < 0)
        return EX_USAGE;
    if (target_parse(call->operand, &target, &error) < 0) {
        complain("'%.300s' cannot be tried: %s", call->operand, error.message);
        return EX_USAGE;
    }
    if (!target.has_port) {
        target.has_port = true;
        target.port = HTTPS_PORT;
    }
    return test(call, &target, timeout_s * 1000);
}

const struct command test_command = {
    .name = "test",
    .operand = "HOST[:PORT[/udp]]",
    .summary = "really tries it, and says whose doing it was",
    .description =
        "Tries to reach a host as any program would: resolves its name and connects, over\n"
        "IPv4 and IPv6. Says what happened, whose doing it was (the policy, the network,\n"
        "the server), and what to do. Without a port it is 443. By UDP one byte is sent.\n",
    .exit_status = "0 reached, 1 not reached",
    .options = {{"timeout", 0, "SECONDS", "how long to wait for a connection (default: 5)"}},
    .print = print_test,
    .run = run_test,
};
