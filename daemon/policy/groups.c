/* SPDX-License-Identifier: MIT */
#include "policy/groups.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/plain_text.h"
#include "base/spelling.h"
#include "policy/group_line.h"

#define GROUPS_MAX (GROUPS_OWN_MAX + 64)

extern const struct group shipped_groups[]; /* generated; the last has no name */

struct groups {
    struct group own[GROUPS_OWN_MAX]; /* their texts are owned */
    size_t count;
};

struct groups *groups_new(void)
{
    return xcalloc(1, sizeof(struct groups));
}

void groups_free(struct groups *groups)
{
    if (!groups)
        return;
    for (size_t i = 0; i < groups->count; i++) {
        free((char *)groups->own[i].name);
        free((char *)groups->own[i].file);
        free((char *)groups->own[i].text);
    }
    free(groups);
}

/* --- adding ----------------------------------------------------------------------------------- */

static int check_name(const struct groups *groups, const char *name, struct text_error *reterr)
{
    const struct group *other = group_find(groups, name);

    if (!entry_is_group_name(name))
        return text_error_set(reterr, 0, 0,
                              "a group is called after its file, in small letters, digits and '-', "
                              "at most %d: rename the file",
                              ENTRY_GROUP_NAME_SIZE - 1);
    if (other && other->file)
        return text_error_set(reterr, 0, 0, "'@%s' is already in %s", name, other->file);
    if (other)
        return text_error_set(reterr, 0, 0,
                              "egressd ships a group '@%s', which cannot be redefined: call yours "
                              "something else, such as 'acme-%s.group'",
                              name, name);
    return 0;
}

static int check_text(const char *text, size_t size, struct text_error *reterr)
{
    struct cursor c = cursor_over(text, size);
    struct entry entry;
    bool has_entry;

    for (unsigned line = 1; cursor_left(&c) > 0; line++)
        if (group_line_read(&c, &entry, &has_entry, reterr) < 0) {
            reterr->line = line;
            return -EINVAL;
        }
    return 0;
}

int groups_add(struct groups *groups, const char *name, const char *file, const char *text,
               size_t size, struct text_error *reterr)
{
    if (groups->count == GROUPS_OWN_MAX)
        return text_error_set(reterr, 0, 0, "is one group too many: %d are the most",
                              GROUPS_OWN_MAX);
    if (check_name(groups, name, reterr) < 0 || check_text(text, size, reterr) < 0)
        return -EINVAL;
    groups->own[groups->count++] = (struct group){xstrdup(name), xstrdup(file), xstrdup(text)};
    return 0;
}

/* --- finding ---------------------------------------------------------------------------------- */

const struct group *group_next(const struct groups *groups, size_t *position)
{
    size_t shipped = 0;

    while (shipped_groups[shipped].name) {
        if (shipped == *position)
            return &shipped_groups[(*position)++];
        shipped++;
    }
    if (!groups || *position - shipped >= groups->count)
        return NULL;
    return &groups->own[(*position)++ - shipped];
}

const struct group *group_find(const struct groups *groups, const char *name)
{
    const struct group *group;
    size_t position = 0;

    while ((group = group_next(groups, &position)))
        if (strcmp(group->name, name) == 0)
            return group;
    return NULL;
}

const char *group_find_near(const struct groups *groups, const char *name)
{
    const char *names[GROUPS_MAX];
    const struct group *group;
    size_t count = 0, position = 0;

    while (count < GROUPS_MAX && (group = group_next(groups, &position)))
        names[count++] = group->name;
    return spelling_find_near(name, names, count);
}

/* --- what is in one --------------------------------------------------------------------------- */

bool group_next_entry(const struct group *group, size_t *position, struct entry *ret_entry)
{
    const char *rest = group->text + *position;
    struct cursor c = cursor_over(rest, strlen(rest));
    struct text_error ignored; /* own ones were read when they were added; tests read the others */
    bool has_entry = false;

    while (!has_entry && cursor_left(&c) > 0)
        if (group_line_read(&c, ret_entry, &has_entry, &ignored) < 0)
            return false;
    *position += strlen(rest) - cursor_left(&c);
    return has_entry;
}

const char *group_fact(const struct group *group, enum group_fact fact,
                       char text[static GROUP_FACT_SIZE])
{
    static const char *const marks[] = {"# title: ", "# source: ", "# date: "};
    const size_t mark = strlen(marks[fact]);
    struct cursor c = cursor_over(group->text, strlen(group->text));
    size_t size;

    text[0] = '\0';
    while (!text[0] && cursor_left(&c) > 0) {
        const char *line = group_line_take(&c, &size);

        if (size > mark && memcmp(line, marks[fact], mark) == 0)
            snprintf(text, GROUP_FACT_SIZE, "%.*s", (int)(size - mark), line + mark);
    }
    plain_text_clean(text, "");
    return text;
}
