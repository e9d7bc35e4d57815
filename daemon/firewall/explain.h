/* SPDX-License-Identifier: MIT */
/* From the kernel's refusal of a transaction to a sentence for people. */
#ifndef EGRESSD_FIREWALL_EXPLAIN_H
#define EGRESSD_FIREWALL_EXPLAIN_H

#include <stdbool.h>

#include "base/text_error.h"
#include "firewall/transaction.h"

/* After transaction_commit failed with error: says in reterr what the kernel refused, and what
 * would help. */
void explain_refusal(const struct transaction *transaction, int error, struct text_error *reterr);

/* The nft expression that the kernel does not know ("log"), or NULL if something else is to blame.
 * name has room for EXPLAIN_NAME_SIZE bytes. */
#define EXPLAIN_NAME_SIZE 32
const char *explain_expression(const struct transaction *transaction,
                               char name[static EXPLAIN_NAME_SIZE]);

/* Whether the kernel says with this error that it does not know what it was asked for. */
bool explain_is_missing(int error);

/* Why nf_tables cannot be spoken to at all. */
void explain_no_netlink(int error, struct text_error *reterr);

#endif
