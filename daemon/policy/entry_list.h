/* SPDX-License-Identifier: MIT */
/* Entries with all they point to: what a policy and its builder are made of. */
#ifndef EGRESSD_POLICY_ENTRY_LIST_H
#define EGRESSD_POLICY_ENTRY_LIST_H

#include "policy/entry.h"

/* Texts that entries share, such as the name of their file; equal ones come one after another. */
struct shared_texts {
    char **texts;
    size_t count;
};

/* Its own copy of text, which may be NULL. */
const char *shared_texts_keep(struct shared_texts *shared, const char *text);
/* Frees what is in it. */
void shared_texts_done(struct shared_texts *shared);

struct entry_list {
    struct entry *entries;
    size_t count, capacity;
    struct shared_texts files, groups;
};

/* Copies the entry, and the texts that it borrows. */
void entry_list_append(struct entry_list *list, const struct entry *entry);
/* Frees what is in it. */
void entry_list_done(struct entry_list *list);

#endif
