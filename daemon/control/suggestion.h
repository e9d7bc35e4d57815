/* SPDX-License-Identifier: MIT */
/* From what was refused, or would have been, to what to allow: the fewest entries that let just
 * that through, a group or a wildcard only where it is honest, and a word on what had better not be
 * allowed. Pure, and bounded by what is added: whoever is refused chooses that. */
#ifndef EGRESSD_CONTROL_SUGGESTION_H
#define EGRESSD_CONTROL_SUGGESTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

struct policy;

/* A wildcard takes the place of so many names directly below one parent, which must not be one
 * where anybody can have a name. */
#define SUGGESTION_WILDCARD_MIN 4
/* A shipped group takes the place of so many of its names; or of a single one, where it is of those
 * that need each other, and no larger than that. */
#define SUGGESTION_GROUP_MIN 2
#define SUGGESTION_GROUP_ENTRIES_MAX 16
#define SUGGESTION_GROUPS_MAX 64 /* that are shipped */

/* Something that wanted out. Text is borrowed for the call. */
struct suggestion_wish {
    const char *name;       /* NULL: by its address alone */
    struct address address; /* ADDRESS_NONE: a question about the name */
    int protocol;           /* IPPROTO_*; of a question: -1 */
    int port;               /* of a question, or of what has none: -1 */
    uint64_t count;
};

/* One line of "allow", or one of what is not suggested. */
struct suggestion_line {
    char *what; /* the entry, as it goes between quotes; or a host, with its port */
    char *why;  /* never NULL */
    uint64_t count;
};

struct suggestion_lines {
    struct suggestion_line *lines; /* in the end: the most used first */
    size_t count;
};

struct suggestion {
    struct suggestion_lines entries, others;
};

struct suggestion_maker;
struct group;
struct target;

/* policy: the one in force; what it allows by now is left out. Borrowed. */
struct suggestion_maker *suggestion_begin(const struct policy *policy);
void suggestion_add(struct suggestion_maker *maker, const struct suggestion_wish *wish);
/* What the caller knows had better not be allowed. */
void suggestion_add_other(struct suggestion_maker *maker, const char *what, const char *why,
                          uint64_t count);
/* Frees the maker. */
struct suggestion suggestion_end(struct suggestion_maker *maker);
void suggestion_done(struct suggestion *suggestion);

/* The shipped group that whoever wants this host most likely wants whole; NULL: none is. */
const struct group *suggestion_find_group(const struct target *target);

#endif
