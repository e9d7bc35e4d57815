/* SPDX-License-Identifier: MIT */
#include "control/describe.h"

#include <json-c/json.h>
#include <string.h>

#include "control/request.h"
#include "dns/resolver.h"
#include "doctor/doctor.h"

#define CHANGES_SHOWN_MAX 1000 /* a reply is for people: what is beyond is counted */

static void add_range(struct json_object *ports, const struct port_range *range)
{
    char text[PORT_RANGE_TEXT_SIZE];

    json_object_array_add(ports, json_object_new_string(port_range_format(range, text)));
}

struct json_object *describe_services(const struct policy *policy, uint64_t services)
{
    struct json_object *ports = json_object_new_array();
    size_t count;
    const struct port_range *ranges = policy_services(policy, &count);

    for (size_t i = 0; i < count; i++) {
        if (services & UINT64_C(1) << i)
            add_range(ports, &ranges[i]);
    }
    return ports;
}

static struct json_object *ports_of(enum policy_list list, const struct entry *entry)
{
    struct json_object *ports = json_object_new_array();
    struct port_range ranges[ENTRY_PORTS_MAX];
    size_t count = policy_entry_ports(list, entry, ranges);

    for (size_t i = 0; i < count; i++)
        add_range(ports, &ranges[i]);
    return ports;
}

void describe_entry(struct json_object *object, enum policy_list list, const struct entry *entry)
{
    char host[ENTRY_TEXT_SIZE];

    reply_add_text(object, "list", list == POLICY_ALLOW ? "allow" : "deny");
    reply_add_text(object, "entry", entry->text);
    reply_add_text(object, "host", entry_format_host(entry, host));
    json_object_object_add(object, "ports", ports_of(list, entry));
    reply_add_text(object, "group", entry->group);
    reply_add_text(object, "file", entry->source.file);
    reply_add_number(object, "line", entry->source.line);
}

static const char *standing_text(enum budget_standing standing)
{
    if (standing == BUDGET_SPENT)
        return "spent";
    return standing == BUDGET_RESTING ? "resting" : "ok";
}

void describe_budget(struct json_object *object, const struct resolver *resolver,
                     enum policy_list list, const struct entry *entry)
{
    struct json_object *names = NULL;

    if (resolver && list == POLICY_ALLOW && entry->kind == ENTRY_WILDCARD) {
        struct budget_view view = resolver_budget(resolver, entry);

        names = json_object_new_object();
        reply_add_number(names, "most", view.most);
        reply_add_number(names, "used", view.used);
        reply_add_number(names, "refused", view.refused);
        reply_add_text(names, "standing", standing_text(view.standing));
    }
    json_object_object_add(object, "names", names);
}

static size_t add_lines(struct json_object *object, const char *member, const char *lines)
{
    struct json_object *array = json_object_new_array();
    size_t left_out = 0;

    while (lines && *lines) {
        size_t length = strcspn(lines, "\n");

        if (json_object_array_length(array) < CHANGES_SHOWN_MAX)
            json_object_array_add(array, json_object_new_string_len(lines, (int)length));
        else
            left_out++;
        lines += length + (lines[length] == '\n');
    }
    json_object_object_add(object, member, array);
    return left_out;
}

void describe_change(struct json_object *object, const char *added, const char *removed)
{
    size_t left_out = add_lines(object, "added", added);

    left_out += add_lines(object, "removed", removed);
    reply_add_number(object, "left_out", left_out);
}

struct json_object *describe_finding(const struct doctor_finding *finding)
{
    struct json_object *object = json_object_new_object();

    reply_add_text(object, "id", finding->id);
    reply_add_text(object, "what", finding->what);
    reply_add_text(object, "detail", finding->detail[0] ? finding->detail : NULL);
    reply_add_text(object, "remedy", finding->remedy);
    return object;
}

enum policy_list describe_list_of(const struct policy *policy, const struct entry *entry)
{
    size_t count;
    const struct entry *entries = policy_entries(policy, POLICY_DENY, &count);

    for (size_t i = 0; i < count; i++) {
        if (&entries[i] == entry)
            return POLICY_DENY;
    }
    return POLICY_ALLOW;
}
