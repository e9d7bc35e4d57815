/* SPDX-License-Identifier: MIT */
#include "policy/builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "policy/groups.h"

struct policy_builder *policy_builder_new(void)
{
    return xcalloc(1, sizeof(struct policy_builder));
}

void policy_builder_free(struct policy_builder *builder)
{
    if (!builder)
        return;
    for (size_t i = 0; i < POLICY_LISTS; i++)
        entry_list_done(&builder->lists[i]);
    shared_texts_done(&builder->mode_files);
    groups_free(builder->groups);
    free(builder);
}

struct groups *policy_builder_groups(struct policy_builder *builder)
{
    if (!builder->groups)
        builder->groups = groups_new();
    return builder->groups;
}

/* --- entries ---------------------------------------------------------------------------------- */

static int add_rule(struct policy_builder *builder, enum policy_list list,
                    const struct entry *entry, struct text_error *reterr)
{
    if (builder->lists[POLICY_ALLOW].count + builder->lists[POLICY_DENY].count >=
        POLICY_ENTRIES_MAX)
        return text_error_set(reterr, entry->source.line, entry->source.column,
                              "more than %d entries: use wildcards or prefixes",
                              POLICY_ENTRIES_MAX);
    entry_list_append(&builder->lists[list], entry);
    return 0;
}

/* Who denies a group means its hosts, by whichever port they can be reached. */
static void deny_every_port(struct entry *entry)
{
    char host[ENTRY_TEXT_SIZE];

    snprintf(entry->text, sizeof(entry->text), "%s", entry_format_host(entry, host));
    entry->port_count = 0;
    entry->protocol = 0;
    entry->names_max = 0;
}

static bool is_repeated(const struct entry_list *list, const struct entry *entry)
{
    const struct entry *last = list->count ? &list->entries[list->count - 1] : NULL;

    return last && last->group && strcmp(last->group, entry->group) == 0 &&
           strcmp(last->text, entry->text) == 0;
}

static int refuse_group(const struct policy_builder *builder, const struct entry *entry,
                        struct text_error *reterr)
{
    const char *near = group_find_near(builder->groups, entry->name);
    const struct entry_source *source = &entry->source;

    if (near)
        return text_error_set(reterr, source->line, source->column,
                              "there is no group '%s': did you mean '@%s'? 'egressd groups' lists "
                              "them all",
                              entry->text, near);
    return text_error_set(reterr, source->line, source->column,
                          "there is no group '%s': 'egressd groups' lists them; one of your own is "
                          "a file /etc/egressd/groups.d/%s.group",
                          entry->text, entry->name);
}

/* What the group holds, as if it stood where the group was written. */
static int add_group(struct policy_builder *builder, enum policy_list list,
                     const struct entry *written, struct text_error *reterr)
{
    const struct group *group = group_find(builder->groups, written->name);
    struct entry entry;
    size_t position = 0;

    if (!group)
        return refuse_group(builder, written, reterr);
    while (group_next_entry(group, &position, &entry)) {
        entry.source = written->source;
        entry.group = group->name;
        if (list == POLICY_DENY)
            deny_every_port(&entry);
        if (list == POLICY_DENY && is_repeated(&builder->lists[list], &entry))
            continue;
        if (add_rule(builder, list, &entry, reterr) < 0)
            return -EINVAL;
    }
    return 0;
}

int policy_builder_add(struct policy_builder *builder, enum policy_list list,
                       const struct entry *entry, struct text_error *reterr)
{
    return entry->kind == ENTRY_GROUP ? add_group(builder, list, entry, reterr)
                                      : add_rule(builder, list, entry, reterr);
}

/* --- the rest --------------------------------------------------------------------------------- */

void policy_builder_set_mode(struct policy_builder *builder, enum policy_mode mode,
                             const struct entry_source *source)
{
    struct mode_request *request = &builder->modes[mode];

    if (request->is_made)
        return;
    *request = (struct mode_request){.is_made = true};
    if (!source)
        return;
    request->source = *source;
    request->source.file = shared_texts_keep(&builder->mode_files, source->file);
}

void policy_builder_set_refusal_answer(struct policy_builder *builder,
                                       enum policy_refusal_answer answer)
{
    builder->refusal_answer = answer;
}

int policy_builder_add_upstream(struct policy_builder *builder, const struct address *address,
                                uint16_t port, struct text_error *reterr)
{
    for (size_t i = 0; i < builder->upstream_count; i++)
        if (address_equal(&builder->upstreams[i].address, address) &&
            builder->upstreams[i].port == port)
            return 0;
    if (builder->upstream_count == POLICY_UPSTREAMS_MAX)
        return text_error_set(reterr, 0, 0, "more than %d upstreams", POLICY_UPSTREAMS_MAX);
    builder->upstreams[builder->upstream_count++] = (struct policy_upstream){*address, port};
    return 0;
}
