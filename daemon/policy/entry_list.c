/* SPDX-License-Identifier: MIT */
#include "policy/entry_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

const char *shared_texts_keep(struct shared_texts *shared, const char *text)
{
    if (!text)
        return NULL;
    if (shared->count == 0 || strcmp(shared->texts[shared->count - 1], text) != 0) {
        shared->texts = xreallocarray(shared->texts, shared->count + 1, sizeof(*shared->texts));
        shared->texts[shared->count++] = xstrdup(text);
    }
    return shared->texts[shared->count - 1];
}

void shared_texts_done(struct shared_texts *shared)
{
    for (size_t i = 0; i < shared->count; i++)
        free(shared->texts[i]);
    free(shared->texts);
}

void entry_list_append(struct entry_list *list, const struct entry *entry)
{
    struct entry copy = *entry;

    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 16;
        list->entries = xreallocarray(list->entries, list->capacity, sizeof(list->entries[0]));
    }
    copy.source.file = shared_texts_keep(&list->files, entry->source.file);
    copy.group = shared_texts_keep(&list->groups, entry->group);
    list->entries[list->count++] = copy;
}

void entry_list_done(struct entry_list *list)
{
    free(list->entries);
    shared_texts_done(&list->files);
    shared_texts_done(&list->groups);
    *list = (struct entry_list){0};
}
