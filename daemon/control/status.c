/* SPDX-License-Identifier: MIT */
#include "control/status.h"

#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/describe.h"
#include "control/protocol.h"
#include "control/request.h"
#include "control/view.h"
#include "dns/resolver.h"
#include "dns/servers.h"
#include "doctor/doctor.h"
#include "firewall/changes.h"
#include "firewall/leases.h"
#include "journal/counters.h"
#include "policy/policy.h"

/* A reply is for people: what is beyond is counted. */
#define NAMES_SHOWN_MAX 1000
#define ADDRESSES_SHOWN_MAX 64 /* of one name */

const char *view_state_text(enum view_state state)
{
    switch (state) {
    case VIEW_ENFORCING:
        return "enforcing";
    case VIEW_AUDITING:
        return "auditing";
    case VIEW_INVALID_POLICY:
        return "invalid-policy";
    case VIEW_FAILED:
        return "failed";
    case VIEW_STARTING:
        break;
    }
    return "starting";
}

static void add_since(struct json_object *reply, uint64_t since_ms)
{
    uint64_t ago_s = (clock_now_ms() - since_ms) / 1000;

    reply_add_time(reply, "since", ago_s);
    reply_add_number(reply, "since_s", ago_s);
}

/* --- policy ----------------------------------------------------------------------------------- */

static void add_once(struct json_object *files, const char *file)
{
    for (size_t i = json_object_array_length(files); i-- > 0;) {
        if (strcmp(json_object_get_string(json_object_array_get_idx(files, i)), file) == 0)
            return;
    }
    json_object_array_add(files, json_object_new_string(file));
}

static void add_entries(struct json_object *entries, struct json_object *files,
                        const struct view *view, enum policy_list list)
{
    size_t count;
    const struct entry *entry = policy_entries(view->policy, list, &count);

    for (; count > 0; count--, entry++) {
        struct json_object *object = json_object_new_object();

        describe_entry(object, list, entry);
        describe_budget(object, view->resolver, list, entry);
        json_object_array_add(entries, object);
        if (entry->source.file)
            add_once(files, entry->source.file);
    }
}

static void add_policy(struct json_object *reply, const struct view *view)
{
    struct json_object *policy = json_object_new_object();
    struct json_object *entries = json_object_new_array();
    struct json_object *files = json_object_new_array();
    const char *devcontainer = view->devcontainer_file;

    add_entries(entries, files, view, POLICY_ALLOW);
    add_entries(entries, files, view, POLICY_DENY);
    reply_add_text(policy, "workspace_policy", view->workspace_policy);
    reply_add_text(policy, "devcontainer", devcontainer && *devcontainer ? devcontainer : NULL);
    reply_add_text(policy, "how_found", view->devcontainer_why);
    json_object_object_add(policy, "pinned", json_object_new_boolean(view->pinned));
    json_object_object_add(policy, "pending", json_object_new_boolean(view->pending));
    json_object_object_add(policy, "files", files);
    json_object_object_add(reply, "policy", policy);
    json_object_object_add(reply, "entries", entries);
}

/* What 'egressctl apply' would change. */
static void add_pending(struct json_object *reply, const struct view *view)
{
    struct json_object *pending = NULL;

    if (view->pending) {
        pending = json_object_new_object();
        describe_change(pending, view->pending_added, view->pending_removed);
        reply_add_text(pending, "error", view->pending_error);
    }
    json_object_object_add(reply, "pending", pending);
}

/* --- names ------------------------------------------------------------------------------------ */

struct names {
    const struct policy *policy;
    struct json_object *by_name;
    size_t left_out, addresses_left_out;
};

/* The object of a name, made when it is seen first; NULL when enough are listed. */
static struct json_object *object_of(struct names *names, const char *name)
{
    struct json_object *object;

    if (json_object_object_get_ex(names->by_name, name, &object))
        return object;
    if (json_object_object_length(names->by_name) >= NAMES_SHOWN_MAX)
        return NULL;
    object = json_object_new_object();
    reply_add_text(object, "name", name);
    reply_add_text(object, "state", "");
    reply_add_number(object, "ttl_left_s", 0);
    reply_add_text(object, "last_error", NULL);
    json_object_object_add(object, "addresses", json_object_new_array());
    json_object_object_add(names->by_name, name, object);
    return object;
}

static void on_name(void *context, const struct resolver_name_view *name)
{
    struct names *names = context;
    struct json_object *object = object_of(names, name->name);

    if (!object) {
        names->left_out++;
        return;
    }
    reply_add_text(object, "state", name->state);
    reply_add_number(object, "ttl_left_s", name->ttl_left_s);
    reply_add_text(object, "last_error", name->last_error);
}

static void on_lease(void *context, const struct lease_view *lease)
{
    struct names *names = context;
    struct json_object *object = object_of(names, lease->name);
    struct json_object *addresses, *address;
    char text[ADDRESS_TEXT_SIZE];

    if (object)
        json_object_object_get_ex(object, "addresses", &addresses);
    if (!object || json_object_array_length(addresses) >= ADDRESSES_SHOWN_MAX) {
        names->addresses_left_out++;
        return;
    }
    address = json_object_new_object();
    reply_add_text(address, "address", address_format(&lease->address, text));
    json_object_object_add(address, "ports", describe_services(names->policy, lease->services));
    reply_add_number(address, "left_s", lease->left_s);
    json_object_array_add(addresses, address);
}

static int compare_names(const void *a, const void *b)
{
    struct json_object *first, *second;

    json_object_object_get_ex(*(struct json_object *const *)a, "name", &first);
    json_object_object_get_ex(*(struct json_object *const *)b, "name", &second);
    return strcmp(json_object_get_string(first), json_object_get_string(second));
}

static void add_names(struct json_object *reply, const struct view *view)
{
    struct names names = {.policy = view->policy, .by_name = json_object_new_object()};
    struct json_object *list = json_object_new_array();

    if (view->resolver)
        resolver_each_name(view->resolver, on_name, &names);
    if (view->leases)
        leases_each(view->leases, on_lease, &names);
    json_object_object_foreach(names.by_name, name, object)
    {
        (void)name;
        json_object_array_add(list, json_object_get(object));
    }
    json_object_put(names.by_name);
    json_object_array_sort(list, compare_names);
    json_object_object_add(reply, "names", list);
    reply_add_number(reply, "names_left_out", names.left_out);
    reply_add_number(reply, "addresses_left_out", names.addresses_left_out);
    reply_add_number(reply, "leases", view->leases ? leases_count(view->leases) : 0);
}

/* --- the rest --------------------------------------------------------------------------------- */

static struct json_object *describe_endpoint(const struct firewall_endpoint *endpoint)
{
    struct json_object *object = json_object_new_object();
    char text[ADDRESS_TEXT_SIZE];

    reply_add_text(object, "address", address_format(&endpoint->address, text));
    reply_add_number(object, "port", endpoint->port);
    return object;
}

static void add_servers(struct json_object *reply, const struct servers *servers)
{
    struct json_object *upstreams = json_object_new_array();
    struct json_object *embedded = NULL;

    for (size_t i = 0; i < servers->ordinary_count; i++)
        json_object_array_add(upstreams, describe_endpoint(&servers->ordinary[i]));
    if (servers->embedded.address.family != ADDRESS_NONE)
        embedded = describe_endpoint(&servers->embedded);
    json_object_object_add(reply, "upstreams", upstreams);
    json_object_object_add(reply, "embedded_resolver", embedded);
}

static void add_counters(struct json_object *reply, const struct counters *counters)
{
    struct json_object *object = json_object_new_object();
    struct counter counter;

    for (size_t i = 0; counters_read(counters, i, &counter); i++)
        reply_add_number(object, counter.name, counter.value);
    json_object_object_add(reply, "counters", object);
}

static struct json_object *describe_tampering(const struct view *view)
{
    struct json_object *object;

    if (view->restored == 0)
        return NULL;
    object = json_object_new_object();
    reply_add_number(object, "ago_s", (clock_now_ms() - view->restored_ms) / 1000);
    reply_add_text(object, "what", view->restored_from->what);
    reply_add_text(object, "process", view->restored_from->process);
    reply_add_number(object, "host_pid", view->restored_from->pid);
    return object;
}

static void add_kernel(struct json_object *reply, const struct view *view)
{
    struct json_object *kernel = json_object_new_object();
    struct json_object *weaknesses = json_object_new_array();

    reply_add_number(kernel, "verified_s", (clock_now_ms() - view->verified_ms) / 1000);
    json_object_object_add(kernel, "owned", json_object_new_boolean(view->owns_table));
    reply_add_number(kernel, "restored", view->restored);
    json_object_object_add(kernel, "tampering", describe_tampering(view));
    for (size_t i = 0; i < view->weakness_count; i++)
        json_object_array_add(weaknesses, json_object_new_string(view->weaknesses[i]));
    for (size_t i = 0; i < view->finding_count; i++) {
        char text[DOCTOR_TEXT_SIZE];

        json_object_array_add(weaknesses,
                              json_object_new_string(doctor_format(&view->findings[i], text)));
    }
    json_object_object_add(reply, "kernel", kernel);
    json_object_object_add(reply, "weaknesses", weaknesses);
}

static void add_findings(struct json_object *reply, const struct view *view)
{
    struct json_object *findings = json_object_new_array();

    for (size_t i = 0; i < view->finding_count; i++)
        json_object_array_add(findings, describe_finding(&view->findings[i]));
    json_object_object_add(reply, "findings", findings);
}

struct json_object *status_describe(const struct view *view)
{
    struct json_object *reply = reply_new();

    reply_add_text(reply, "version", EGRESSD_VERSION);
    reply_add_number(reply, "pid", (unsigned long long)getpid());
    reply_add_number(reply, "network", control_network());
    reply_add_text(reply, "state", view_state_text(view->state));
    reply_add_text(reply, "reason", view->reason);
    reply_add_text(reply, "reload_error", view->reload_error);
    reply_add_text(reply, "mode", policy_mode_text(view->policy));
    add_since(reply, view->since_ms);
    add_policy(reply, view);
    add_pending(reply, view);
    add_names(reply, view);
    add_servers(reply, view->servers);
    add_counters(reply, view->counters);
    add_kernel(reply, view);
    add_findings(reply, view);
    return reply;
}
