/* SPDX-License-Identifier: MIT */
/* Named bundles of entries: "@github". The shipped ones are the files of daemon/policy/groups,
 * compiled in; an organisation adds files of its own. A file is one entry a line:
 *
 *   # title: GitHub: repositories over https and ssh     what a reader wants to know first
 *   # source: https://...                                where the list is from
 *   # date: 2026-08-22                                   and when it was looked at
 *   github.com:443
 *   github.com:22            # a comment
 *   git.corp.example private # may lead to private addresses
 *   *.cdn.example names 20   # to how many names a wildcard may lead */
#ifndef EGRESSD_POLICY_GROUPS_H
#define EGRESSD_POLICY_GROUPS_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/entry.h"

#define GROUPS_OWN_MAX 64

struct group {
    const char *name; /* without '@' */
    const char *file; /* where an organisation's own was read; NULL: shipped */
    const char *text;
};

/* The groups in reach of one policy. Wherever one is taken, NULL stands for the shipped ones alone.
 */
struct groups;

struct groups *groups_new(void);
void groups_free(struct groups *groups); /* NULL-safe */

/* Reads an organisation's own, and keeps copies of all it is given. -EINVAL with reterr when a line
 * is not understood, or the name is no good or taken. */
int groups_add(struct groups *groups, const char *name, const char *file, const char *text,
               size_t size, struct text_error *reterr);

/* NULL: there is none of this name. */
const struct group *group_find(const struct groups *groups, const char *name);

/* One after another, the shipped ones first, each part in the order of names. Start with *position
 * == 0; NULL after the last. */
const struct group *group_next(const struct groups *groups, size_t *position);

/* "github" for "gihtub"; NULL: none is near. */
const char *group_find_near(const struct groups *groups, const char *name);

/* --- what is in one --------------------------------------------------------------------------- */

/* The entries, in the order of the file; their source is not set. Start with *position == 0. */
bool group_next_entry(const struct group *group, size_t *position, struct entry *ret_entry);

enum group_fact { GROUP_TITLE, GROUP_SOURCE, GROUP_DATE };
/* "" where the file does not say. */
#define GROUP_FACT_SIZE 256
const char *group_fact(const struct group *group, enum group_fact fact,
                       char text[static GROUP_FACT_SIZE]);

#endif
