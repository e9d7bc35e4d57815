/* SPDX-License-Identifier: MIT */
/* A line of the control socket, up to the reply: always an object that says whether it is ok, and
 * never a change for somebody who is not root. */
#include <assert.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>

#include "control/commands.h"
#include "control/request.h"
#include "dns/servers.h"
#include "journal/counters.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct policy *policy;
static struct servers servers;
static struct counters counters;

static void make_policy_once(void)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error;
    struct entry entry;

    if (entry_parse("*.example.com:1-1024", &entry, &error) == 0)
        policy_builder_add(builder, POLICY_ALLOW, &entry, &error);
    if (entry_parse("192.0.2.0/24", &entry, &error) == 0)
        policy_builder_add(builder, POLICY_DENY, &entry, &error);
    if (policy_build(builder, &policy, &error) < 0)
        abort();
    policy_builder_free(builder);
}

static void fill_view(void *context, struct view *ret_view)
{
    (void)context;
    *ret_view = (struct view){
        .state = VIEW_ENFORCING,
        .policy = policy,
        .workspace_policy = "pin",
        .devcontainer_file = "",
        .servers = &servers,
        .counters = &counters,
    };
}

static int reload(void *context, enum commands_reload how, struct commands_change *ret_change)
{
    (void)context;
    (void)how;
    (void)ret_change;
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct commands commands = {.view = fill_view, .reload = reload};
    struct control_caller nobody = {.uid = 65534, .pid = 1};
    struct json_object *request, *reply, *ok;
    const char *why = NULL;

    if (!policy)
        make_policy_once();
    if (request_parse((const char *)data, size, &request, &why) < 0) {
        assert(why);
        return 0;
    }
    reply = commands_answer(&commands, &nobody, request);
    assert(json_object_object_get_ex(reply, "ok", &ok));
    json_object_put(reply);
    json_object_put(request);
    return 0;
}
