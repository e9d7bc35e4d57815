/* SPDX-License-Identifier: MIT */
/* Whatever a group's file holds: it is refused with a place in it, or what comes out of it is what
 * went in, line by line, and makes a policy. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policy/groups.h"
#include "policy/name_budget.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entries(const struct group *group)
{
    size_t position = 0, before = 0;
    struct entry entry;

    while (group_next_entry(group, &position, &entry)) {
        assert(position > before && position <= strlen(group->text));
        assert(strstr(group->text + before, entry.text) < group->text + position);
        assert(entry.kind != ENTRY_GROUP && entry.port_count <= 1);
        assert(entry.names_max <= NAME_BUDGET_MAX);
        assert(entry.names_max == 0 || entry.kind == ENTRY_WILDCARD);
        before = position;
    }
    assert(strspn(group->text + position, " \t\r\n") + position == strlen(group->text) ||
           strchr(group->text + position, '#'));
}

static void check_facts(const struct group *group)
{
    char text[GROUP_FACT_SIZE];

    for (int fact = GROUP_TITLE; fact <= GROUP_DATE; fact++)
        assert(!strchr(group_fact(group, (enum group_fact)fact, text), '\n'));
}

static void add_to(struct policy_builder *builder, enum policy_list list)
{
    struct text_error error = {0};
    struct entry entry;

    if (entry_parse("@fuzz", &entry, &error) < 0)
        abort();
    if (policy_builder_add(builder, list, &entry, &error) < 0)
        assert(error.message[0]);
}

static void check_policy(struct policy_builder *builder)
{
    struct text_error error = {0};
    struct policy *policy;

    add_to(builder, POLICY_ALLOW);
    add_to(builder, POLICY_DENY);
    if (policy_build(builder, &policy, &error) < 0) {
        assert(error.message[0]);
        return;
    }
    /* Denied is all that the group stands for. */
    size_t count;

    policy_exact_names(policy, &count);
    assert(count == 0);
    policy_free(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_builder *builder = policy_builder_new();
    struct groups *groups = policy_builder_groups(builder);
    struct text_error error = {0};
    char *text = malloc(size + 1);

    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    if (groups_add(groups, "fuzz", "file", text, size, &error) < 0) {
        assert(error.message[0] && error.line >= 1 && error.column >= 1);
    } else {
        check_entries(group_find(groups, "fuzz"));
        check_facts(group_find(groups, "fuzz"));
        check_policy(builder);
    }
    free(text);
    policy_builder_free(builder);
    return 0;
}
