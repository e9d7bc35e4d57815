/* SPDX-License-Identifier: MIT */
#include "control/commands.h"

#include <check.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/target.h"
#include "dns/servers.h"
#include "journal/counters.h"
#include "make_policy.h"

#define WORKSPACE_FILE "/w/.devcontainer/devcontainer.json"

static const char *const allow[] = {
    "api.example.com",      "*.cdn.example.com:443", "db:5432",        "192.0.2.0/24:22",
    "time.example:123/udp", "gist.example.com",      "wide.example:*", NULL,
};
static const char *const deny[] = {"gist.example.com", "192.0.2.66", "wide.example:25", NULL};

static struct policy *policy;
static struct servers servers;
static struct counters counters;
static struct view view;
static unsigned reloads;
static enum commands_reload last_reload;
static int reload_code;

static void fill_view(void *context, struct view *ret_view)
{
    (void)context;
    *ret_view = view;
}

static int reload(void *context, enum commands_reload how, struct commands_change *ret_change)
{
    (void)context;
    reloads++;
    last_reload = how;
    snprintf(ret_change->message, COMMANDS_MESSAGE_SIZE, "%s",
             reload_code ? "f:1:2: wrong" : "done");
    return reload_code;
}

static struct commands commands = {.view = fill_view, .reload = reload};

static void set_up(void)
{
    policy = make_policy(allow, deny);
    servers_parse_resolv_conf("nameserver 192.0.2.53\n", 22, &servers);
    reloads = 0;
    reload_code = 0;
    view = (struct view){
        .state = VIEW_ENFORCING,
        .policy = policy,
        .workspace_policy = "pin",
        .devcontainer_file = WORKSPACE_FILE,
        .devcontainer_why = "the only one",
        .servers = &servers,
        .counters = &counters,
        .weaknesses = {"a weakness"},
        .weakness_count = 1,
    };
}

static void tear_down(void)
{
    policy_free(policy);
}

/* The reply as text; kept until the next call. */
static const char *ask_from(pid_t pid, uid_t uid, const char *text)
{
    static char reply_text[65536];
    struct control_caller caller = {.uid = uid, .pid = pid};
    struct json_object *request = json_tokener_parse(text);
    struct json_object *reply = commands_answer(&commands, &caller, request);

    snprintf(reply_text, sizeof(reply_text), "%s",
             json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN |
                                                       JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(request);
    json_object_put(reply);
    return reply_text;
}

static const char *ask_as(uid_t uid, const char *text)
{
    return ask_from(1, uid, text);
}

static void expect(const char *reply, const char *part)
{
    ck_assert_msg(strstr(reply, part), "'%s' is not in '%s'", part, reply);
}

START_TEST(only_root_changes_anything)
{
    expect(ask_as(1000, "{\"command\":\"reload\"}"), "\"ok\":false,\"code\":77");
    expect(ask_as(65053, "{\"command\":\"apply\"}"), "\"ok\":false,\"code\":77");
    ck_assert_uint_eq(reloads, 0);
    expect(ask_as(0, "{\"command\":\"apply\"}"), "{\"ok\":true,\"message\":\"done\",");
    ck_assert_int_eq(last_reload, COMMANDS_APPLY);
    reload_code = 78;
    expect(ask_as(0, "{\"command\":\"reload\"}"), "\"code\":78,\"error\":\"f:1:2: wrong\"");
    ck_assert_int_eq(last_reload, COMMANDS_RELOAD);
}
END_TEST

/* leak: L31 */
START_TEST(root_of_another_container_changes_nothing)
{
    expect(ask_from(0, 0, "{\"command\":\"apply\"}"), "\"ok\":false,\"code\":77");
    expect(ask_from(0, 0, "{\"command\":\"reload\"}"), "another container");
    ck_assert_uint_eq(reloads, 0);
    expect(ask_from(0, 0, "{\"command\":\"wait\"}"), "\"ok\":true");
}
END_TEST

START_TEST(senseless_requests_are_usage_errors)
{
    static const char *const requests[] = {
        "{}",
        "{\"command\":1}",
        "{\"command\":\"nonsense\"}",
        "{\"command\":\"status\\u0000x\"}",
        "{\"command\":\"explain\"}",
        "{\"command\":\"explain\",\"target\":[]}",
        "{\"command\":\"explain\",\"target\":\"\"}",
        "{\"command\":\"explain\",\"target\":\"a b\"}",
    };

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        expect(ask_as(0, requests[i]), "\"ok\":false,\"code\":64");
}
END_TEST

START_TEST(wait_says_the_state)
{
    expect(ask_as(1000, "{\"command\":\"wait\"}"), "{\"ok\":true,\"state\":\"enforcing\",");
    expect(ask_as(1000, "{\"command\":\"wait\"}"), ",\"mode\":\"enforce\",\"allow\":");
    view.state = VIEW_INVALID_POLICY;
    view.reason = "f:1:2: wrong";
    expect(ask_as(1000, "{\"command\":\"wait\"}"), "\"state\":\"invalid-policy\",");
    expect(ask_as(1000, "{\"command\":\"wait\"}"), ",\"message\":\"f:1:2: wrong\"");
}
END_TEST

START_TEST(status_has_everything)
{
    const char *reply = ask_as(1000, "{\"command\":\"status\"}");

    expect(reply, "\"state\":\"enforcing\",\"reason\":null");
    expect(reply, "\"workspace_policy\":\"pin\",\"devcontainer\":\"" WORKSPACE_FILE "\"");
    expect(reply,
           "{\"list\":\"allow\",\"entry\":\"api.example.com\",\"host\":\"api.example.com\","
           "\"ports\":[\"80\",\"443\"],\"group\":null,\"file\":null,\"line\":0,\"names\":null}");
    expect(reply, "{\"list\":\"deny\",\"entry\":\"192.0.2.66\"");
    expect(reply, "\"names\":[]");
    expect(reply, "\"upstreams\":[{\"address\":\"192.0.2.53\",\"port\":53}]");
    expect(reply, "\"embedded_resolver\":null");
    expect(reply, "\"weaknesses\":[\"a weakness\"]");
}
END_TEST

static const struct {
    const char *target;
    const char *verdict;    /* part of the reply */
    const char *suggestion; /* part of the reply */
} explanations[] = {
    {"api.example.com", "\"allowed\":true", "\"suggestion\":null"},
    {"API.Example.com.", "\"allowed\":true", "\"ports\":[\"80\",\"443\"]"},
    {"api.example.com:443", "\"allowed\":true", "\"suggestion\":null"},
    {"https://api.example.com/v1?x=y", "\"allowed\":true", "\"port\":443"},
    {"https://user:secret@api.example.com:8443/", "\"allowed\":false",
     "\"entry\":\"api.example.com:8443\""},
    {"api.example.com:22", "\"allowed\":false", "\"entry\":\"api.example.com:22\""},
    {"api.example.com:443/udp", "\"allowed\":false", "\"entry\":\"api.example.com:443/udp\""},
    {"cdn.example.com:443", "covers the names below", "\"entry\":\"cdn.example.com\""},
    {"x.cdn.example.com:443", "\"allowed\":true", "\"suggestion\":null"},
    {"time.example:123/udp", "\"allowed\":true", "\"suggestion\":null"},
    {"other.example", "no entry of the policy matches",
     "\"list\":\"allow\",\"entry\":\"other.example\""},
    {"gist.example.com", "deny wins", "\"list\":\"deny\",\"entry\":null"},
    {"wide.example:25", "deny wins", "\"list\":\"deny\",\"entry\":null"},
    {"wide.example:26", "\"allowed\":true", "\"suggestion\":null"},
    {"192.0.2.7:22", "\"allowed\":true", "\"suggestion\":null"},
    {"192.0.2.66:22", "deny wins", "\"list\":\"deny\",\"entry\":null"},
    {"203.0.113.9:8080", "\"allowed\":false", "\"entry\":\"203.0.113.9:8080\""},
    {"[2001:db8::7]:8080", "\"allowed\":false", "\"entry\":\"[2001:db8::7]:8080\""},
    {"2001:db8::7", "\"allowed\":false", "\"entry\":\"[2001:db8::7]\""},
    {"10.1.2.3:22", "a private address: add it only if", "\"entry\":\"10.1.2.3:22\""},
    {"169.254.169.254", "leave it closed", "\"suggestion\":null"},
    {"pypi.org", "\\\"@pypi\\\" allows it too", "\"entry\":\"pypi.org\""},
    {"github.com:22", "\\\"@github\\\" allows it too", "\"entry\":\"github.com:22\""},
    {"pypi.org:22", "no entry of the policy matches pypi.org\",", "\"entry\":\"pypi.org:22\""},
};

START_TEST(explanations_fit)
{
    char request[256];
    const char *reply;

    snprintf(request, sizeof(request), "{\"command\":\"explain\",\"target\":\"%s\"}",
             explanations[_i].target);
    reply = ask_as(1000, request);
    expect(reply, "\"ok\":true");
    expect(reply, explanations[_i].verdict);
    expect(reply, explanations[_i].suggestion);
}
END_TEST

/* What is suggested, taken up, allows what was asked. */
START_TEST(suggestion_is_right)
{
    struct target target;
    struct text_error error;
    char text[TARGET_TEXT_SIZE];
    const char *entries[] = {text, NULL};
    struct verdict verdict;
    struct policy *wider;

    ck_assert_int_eq(target_parse(explanations[_i].target, &target, &error), 0);
    target_as_entry(&target, text);
    wider = make_policy(entries, NULL);
    verdict = target.is_address ? policy_judge_address(wider, &target.address)
                                : policy_judge_name(wider, target.host);
    ck_assert(verdict.allowed);
    if (target.has_port)
        ck_assert(verdict.services & policy_service_of(wider, target.protocol, target.port));
    policy_free(wider);
}
END_TEST

START_TEST(what_to_do_depends_on_where_it_comes_from)
{
    static const char *const files[] = {"/etc/p.json"};
    static const char request[] = "{\"command\":\"explain\",\"target\":\"other.example\"}";

    expect(ask_as(1000, request), "customizations.egressd in " WORKSPACE_FILE);
    expect(ask_as(1000, request), "egressctl apply");
    view.workspace_policy = "follow";
    expect(ask_as(1000, request), "within seconds");
    view.workspace_policy = "ignore";
    expect(ask_as(1000, request), "/etc/egressd/policy.d/local.json");
    view.policy_files = files;
    view.policy_file_count = 1;
    expect(ask_as(1000, request),
           "\"where\":\"/etc/p.json\",\"then\":\"as root, run: egressctl reload\"");
    view.state = VIEW_INVALID_POLICY;
    view.reason = "f:1:2: wrong";
    expect(ask_as(1000, request), "everything is denied: f:1:2: wrong");
}
END_TEST

int main(void)
{
    const int count = sizeof(explanations) / sizeof(explanations[0]);
    Suite *suite = suite_create("control_commands");
    TCase *tests = tcase_create("control_commands");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, only_root_changes_anything);
    tcase_add_test(tests, root_of_another_container_changes_nothing);
    tcase_add_test(tests, senseless_requests_are_usage_errors);
    tcase_add_test(tests, wait_says_the_state);
    tcase_add_test(tests, status_has_everything);
    tcase_add_loop_test(tests, explanations_fit, 0, count);
    tcase_add_loop_test(tests, suggestion_is_right, 0, count);
    tcase_add_test(tests, what_to_do_depends_on_where_it_comes_from);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
