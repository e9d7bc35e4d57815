/* SPDX-License-Identifier: MIT */
#include "control/commands.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "control/describe.h"
#include "control/explain.h"
#include "control/log.h"
#include "control/metrics.h"
#include "control/protocol.h"
#include "control/request.h"
#include "control/status.h"
#include "control/suggest.h"
#include "policy/policy.h"

enum may_ask { ANYONE, ROOT_ONLY };

static struct json_object *answer_status(const struct commands *commands,
                                         struct json_object *request)
{
    struct view view = {0};

    (void)request;
    commands->view(commands->context, &view);
    return status_describe(&view);
}

static struct json_object *answer_explain(const struct commands *commands,
                                          struct json_object *request)
{
    const char *target = request_text(request, "target");
    struct view view = {0};

    if (!target)
        return reply_error(EX_USAGE, "\"target\" is missing: HOST[:PORT[/tcp|/udp]]");
    commands->view(commands->context, &view);
    return explain_describe(&view, target);
}

static void add_what_is_enforced(struct json_object *reply, const struct policy *policy)
{
    reply_add_text(reply, "mode", policy_mode_text(policy));
    reply_add_number(reply, "allow", policy_count_written(policy, POLICY_ALLOW));
    reply_add_number(reply, "deny", policy_count_written(policy, POLICY_DENY));
}

static struct json_object *answer_log(const struct commands *commands, struct json_object *request)
{
    struct view view = {0};

    commands->view(commands->context, &view);
    if (!view.journal)
        return reply_error(EX_UNAVAILABLE, "nothing is written down yet");
    return log_describe(&view, request_number(request, "after"));
}

static struct json_object *answer_suggest(const struct commands *commands,
                                          struct json_object *request)
{
    struct view view = {0};

    (void)request;
    commands->view(commands->context, &view);
    if (!view.journal)
        return reply_error(EX_UNAVAILABLE, "nothing is written down yet");
    return suggest_describe(&view);
}

static struct json_object *answer_metrics(const struct commands *commands,
                                          struct json_object *request)
{
    struct view view = {0};

    (void)request;
    commands->view(commands->context, &view);
    return metrics_describe(&view);
}

static struct json_object *answer_wait(const struct commands *commands, struct json_object *request)
{
    struct json_object *reply = reply_new();
    struct view view = {0};

    (void)request;
    commands->view(commands->context, &view);
    reply_add_text(reply, "state", view_state_text(view.state));
    reply_add_number(reply, "network", control_network());
    if (view.state == VIEW_ENFORCING || view.state == VIEW_AUDITING)
        add_what_is_enforced(reply, view.policy);
    if (view.changed_added)
        describe_change(reply, view.changed_added, view.changed_removed);
    if (view.reason)
        reply_add_text(reply, "message", view.reason);
    return reply;
}

void commands_change_done(struct commands_change *change)
{
    free(change->added);
    free(change->removed);
    *change = (struct commands_change){0};
}

static struct json_object *reload(const struct commands *commands, enum commands_reload how)
{
    struct commands_change change = {0};
    struct json_object *reply;
    int code = commands->reload(commands->context, how, &change);

    if (code != 0) {
        reply = reply_error(code, "%s", change.message);
    } else {
        reply = reply_new();
        reply_add_text(reply, "message", change.message);
        describe_change(reply, change.added, change.removed);
    }
    commands_change_done(&change);
    return reply;
}

static struct json_object *answer_reload(const struct commands *commands,
                                         struct json_object *request)
{
    (void)request;
    return reload(commands, COMMANDS_RELOAD);
}

static struct json_object *answer_apply(const struct commands *commands,
                                        struct json_object *request)
{
    (void)request;
    return reload(commands, COMMANDS_APPLY);
}

static const struct {
    const char *name;
    struct json_object *(*answer)(const struct commands *commands, struct json_object *request);
    enum may_ask who;
} table[] = {
    {"status", answer_status, ANYONE},   {"explain", answer_explain, ANYONE},
    {"log", answer_log, ANYONE},         {"suggest", answer_suggest, ANYONE},
    {"metrics", answer_metrics, ANYONE}, {"wait", answer_wait, ANYONE},
    {"apply", answer_apply, ROOT_ONLY},  {"reload", answer_reload, ROOT_ONLY},
};

static struct json_object *refuse_order(const struct control_caller *caller, const char *name)
{
    if (caller->uid == 0)
        return reply_error(EX_NOPERM,
                           "'%s' is for root where egressd runs, which is another container: who "
                           "is held by a policy must not change it. Outside: docker exec "
                           "CONTAINER egressctl %s, or docker compose exec SERVICE egressctl %s",
                           name, name, name);
    return reply_error(EX_NOPERM,
                       "'%s' is for root alone: who is held by a policy must not change "
                       "it. As root in the container: egressctl %s",
                       name, name);
}

struct json_object *commands_answer(void *context, const struct control_caller *caller,
                                    struct json_object *request)
{
    const char *name = request_text(request, "command");

    if (!name)
        return reply_error(EX_USAGE, "\"command\" is missing");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(table[i].name, name) != 0)
            continue;
        if (table[i].who == ROOT_ONLY && !control_caller_is_root(caller))
            return refuse_order(caller, name);
        return table[i].answer(context, request);
    }
    return reply_error(EX_USAGE, "there is no command '%.40s': egressctl --help lists them", name);
}
