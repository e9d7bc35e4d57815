/* SPDX-License-Identifier: MIT */
/* A table written down, chain by chain, set by set, rule by rule, so that what was asked for can
 * be compared with what the kernel has. Elements are not part of it: they come and go. */
#ifndef EGRESSD_FIREWALL_SNAPSHOT_H
#define EGRESSD_FIREWALL_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text_error.h"
#include "firewall/netlink.h"
#include "firewall/sets.h"

struct nftnl_chain;
struct nftnl_rule;
struct nftnl_set;
struct nftnl_table;
struct snapshot;

struct snapshot *snapshot_new(void);
void snapshot_free(struct snapshot *snapshot); /* NULL-safe */

void snapshot_add_table(struct snapshot *snapshot, const struct nftnl_table *table);
void snapshot_add_chain(struct snapshot *snapshot, const struct nftnl_chain *chain);
void snapshot_add_set(struct snapshot *snapshot, const struct nftnl_set *set);
void snapshot_add_rule(struct snapshot *snapshot, struct nftnl_rule *rule);

/* Adds what the kernel has of our table of this family (NFPROTO_*). -errno when it cannot be read;
 * a table that is not there is empty. */
int snapshot_read(struct snapshot *snapshot, struct netlink *netlink, uint8_t family);

/* Whether both have the same table, whoever owns it. */
bool snapshot_has_table_of(const struct snapshot *snapshot, const struct snapshot *other);
/* Whether both have that, and the same chains on the same hooks. */
bool snapshot_has_chains_of(const struct snapshot *snapshot, const struct snapshot *other);
/* Whether there is a chain just like the other's number index. */
bool snapshot_has_chain_of(const struct snapshot *snapshot, const struct snapshot *other,
                           size_t index);
/* Whether there is a chain just like this one. */
bool snapshot_has_chain(const struct snapshot *snapshot, const struct nftnl_chain *chain);
/* The name of the chain number index, or NULL behind the last; the caller frees. */
char *snapshot_chain_name(const struct snapshot *snapshot, size_t index);
/* The name of the set number index, or NULL behind the last. */
const char *snapshot_set_name(const struct snapshot *snapshot, size_t index,
                              char name[static SET_NAME_SIZE]);
/* Whether there is a set of this name, and whether it is made as this one is. */
bool snapshot_has_set(const struct snapshot *snapshot, const char *name);
bool snapshot_has_same_set(const struct snapshot *snapshot, const struct nftnl_set *set);

/* Word for word, or only which chains (with hooks and policies), sets and rules (by their comments)
 * there are, in which order: another kernel may put a rule in other words. */
enum snapshot_depth { SNAPSHOT_WORDS, SNAPSHOT_HEADS };

/* 0 when both say the same; else -ENOENT (something is gone) or -EBADMSG (something is other, or
 * too much), told in reterr. */
int snapshot_compare(const struct snapshot *expected, const struct snapshot *actual,
                     enum snapshot_depth depth, struct text_error *reterr);

/* What the kernel must say of a table from when we put it there. */
struct expectation {
    struct snapshot *snapshot; /* NULL: nothing was put there yet */
    bool is_confirmed;         /* the kernel has said it in these words */
};
/* Compares. Right after a load, what differs only in words is this kernel's way to put it; from
 * then on the words count. May take *actual and leave another in its place. */
int expectation_meet(struct expectation *expectation, struct snapshot **actual,
                     struct text_error *reterr);

#endif
