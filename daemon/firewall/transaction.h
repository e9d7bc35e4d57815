/* SPDX-License-Identifier: MIT */
/* Changes to nf_tables that the kernel makes all at once or not at all. */
#ifndef EGRESSD_FIREWALL_TRANSACTION_H
#define EGRESSD_FIREWALL_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firewall/netlink.h"

struct nlmsghdr;
struct transaction;

/* One message may hold this much: an attribute's length has 16 bits. */
#define TRANSACTION_MESSAGE_MAX 65000

/* netlink is borrowed and must outlive the transaction. */
struct transaction *transaction_new(struct netlink *netlink);
void transaction_free(struct transaction *transaction); /* NULL-safe */

/* By which the kernel tells who owns what the transaction makes. */
uint32_t transaction_port(const struct transaction *transaction);

/* Forgets what was built and starts anew. */
void transaction_begin(struct transaction *transaction);

/* Starts a message of type NFT_MSG_* about family inet; the caller appends attributes
 * (mnl_attr_put, or a libnftnl payload builder) and then calls transaction_put. Valid until the
 * next start. */
struct nlmsghdr *transaction_start(struct transaction *transaction, uint16_t type, uint16_t flags);
/* The same about another family, NFPROTO_*. */
struct nlmsghdr *transaction_start_for(struct transaction *transaction, uint16_t family,
                                       uint16_t type, uint16_t flags);
void transaction_put(struct transaction *transaction, const struct nlmsghdr *message);

/* Nothing was put: there is nothing to commit. */
bool transaction_is_empty(const struct transaction *transaction);

/* Returns when the kernel has done all of it (0) or refused it all (-errno); -ETIMEDOUT: not known.
 */
int transaction_commit(struct transaction *transaction);

uint8_t message_family(const struct nlmsghdr *message); /* NFPROTO_* */

/* After a failed commit: the message that the kernel refused, borrowed until the next begin; NULL:
 * the batch as a whole. */
const struct nlmsghdr *transaction_refused_message(const struct transaction *transaction,
                                                   struct netlink_refusal *ret_refusal);

#endif
