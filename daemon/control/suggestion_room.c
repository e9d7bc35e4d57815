/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "control/suggestion_internal.h"
#include "policy/groups.h"
#include "policy/services.h"

/* Left free: while deny entries cut ranges, a policy needs more for a moment. */
#define SPARE_SERVICES 4

/* What a policy would hold, counted, not built: many lines come from outside. Every port of an
 * entry that is suggested is by itself, so that no entry of deny cuts it, and what is there already
 * stays as it is. */
struct room {
    struct services services;
    size_t entries;
};

/* With the ports of an entry that has none, which most have: many odd ports do not crowd out those.
 */
static struct room room_of(const struct policy *policy)
{
    const struct port_range defaults[] = {{IPPROTO_TCP, HTTP_PORT, HTTP_PORT},
                                          {IPPROTO_TCP, HTTPS_PORT, HTTPS_PORT}};
    struct room room = {.services.count = 0};
    const struct port_range *ranges = policy_services(policy, &room.services.count);
    size_t count;

    memcpy(room.services.ranges, ranges, room.services.count * sizeof(ranges[0]));
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
        services_add(&room.services, &defaults[i]);
    for (int list = POLICY_ALLOW; list <= POLICY_DENY; list++) {
        policy_entries(policy, (enum policy_list)list, &count);
        room.entries += count;
    }
    return room;
}

static bool take_entry(struct room *room, const struct entry *entry)
{
    struct port_range ranges[ENTRY_PORTS_MAX];
    size_t count = policy_entry_ports(POLICY_ALLOW, entry, ranges);
    size_t before = room->services.count;

    for (size_t i = 0; i < count; i++)
        if (services_add(&room->services, &ranges[i]) < 0)
            return false;
    return ++room->entries <= POLICY_ENTRIES_MAX &&
           (room->services.count == before ||
            room->services.count + SPARE_SERVICES <= POLICY_SERVICES_MAX);
}

static bool take_group(struct room *room, const struct group *group)
{
    struct entry entry;
    size_t position = 0;

    while (group_next_entry(group, &position, &entry))
        if (!take_entry(room, &entry))
            return false;
    return true;
}

static bool take_line(struct room *room, const char *what)
{
    struct room with = *room;
    struct text_error ignored = {0};
    struct entry entry;

    if (entry_parse(what, &entry, &ignored) < 0)
        return false;
    if (entry.kind == ENTRY_GROUP ? !take_group(&with, group_find(NULL, entry.name))
                                  : !take_entry(&with, &entry))
        return false;
    *room = with;
    return true;
}

void suggestion_leave_room(struct suggestion_maker *maker)
{
    struct room room = room_of(maker->policy);
    struct suggestion_lines *entries = &maker->entries;
    size_t kept = 0;

    for (size_t i = 0; i < entries->count; i++) {
        struct suggestion_line line = entries->lines[i];

        if (take_line(&room, line.what)) {
            entries->lines[kept++] = line;
            continue;
        }
        free(line.why);
        suggestion_put(&maker->others, line.what,
                       xstrdup("a policy has no room for so many different ports"), line.count);
    }
    entries->count = kept;
}
