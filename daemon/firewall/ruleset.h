/* SPDX-License-Identifier: MIT */
/* The whole table, put into one transaction. */
#ifndef EGRESSD_FIREWALL_RULESET_H
#define EGRESSD_FIREWALL_RULESET_H

#include <stdbool.h>

#include "firewall/features.h"
#include "firewall/firewall.h"
#include "firewall/snapshot.h"
#include "firewall/transaction.h"

/* Bits of the conntrack mark of a flow. Other bits are left to others. */
#define FLOW_MARK_CUT 0x40000000u  /* no longer allowed: its packets are denied */
#define FLOW_MARK_OWN 0x20000000u  /* a question that egressd itself asks an upstream */
#define FLOW_MARK_HERE 0x10000000u /* begun in this container: its answers do not leave it */

#define REFUSAL_LOG_GROUP 5
#define REFUSAL_LOG_SNAPLEN 96
/* Of what the policy does not allow, which audit mode lets through; and of what no policy allows,
 * which is refused in any mode. */
#define REFUSAL_LOG_PREFIX "egressd"
#define REFUSAL_LOG_PREFIX_FORBIDDEN "egressd forbids"

struct nftnl_table;
/* Our table of this family (NFPROTO_*); the caller frees. */
struct nftnl_table *ruleset_build_table(const struct transaction *transaction,
                                        const struct features *features, uint8_t family);
/* Appends that our table is there: one that an earlier daemon owned becomes ours, with all that is
 * in it. */
void ruleset_put_table(struct transaction *transaction, const struct features *features,
                       uint8_t family, uint16_t flags);
/* Appends that it is there and there is nothing in it; or that it has no rules. */
void ruleset_put_empty_table(struct transaction *transaction, const struct features *features,
                             uint8_t family);
void ruleset_put_rules_removal(struct transaction *transaction, uint8_t family);

/* Appends the table. If existing (what the kernel has; may be NULL) has the same chains they stay
 * where they are, and only what is in them is replaced; else the whole table is. Adds to expected
 * what a later snapshot of the kernel must show. Returns which it was. */
enum ruleset_way {
    RULESET_REPLACES_TABLE,
    RULESET_KEEPS_CHAINS,
};
enum ruleset_way ruleset_put(struct transaction *transaction, const struct firewall_plan *plan,
                             const struct features *features, const struct snapshot *existing,
                             struct snapshot *expected);

/* What is left of a policy's services when they are told apart by their sets: one port goes into
 * the common set allow4, a range of ports into a set of its own. */
static inline bool ports_are_range(const struct port_range *range)
{
    return range->from != range->to;
}

#endif
