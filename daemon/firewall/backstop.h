/* SPDX-License-Identifier: MIT */
/* The table netdev egressd: nothing leaves by an uplink that did not come through the IP stack,
 * where the table inet egressd has judged it. A packet socket goes past that one.
 *
 * What tells the two apart is that the IP stack gives a packet a route. A mark would not do, for
 * whoever may open a packet socket may set marks. */
#ifndef EGRESSD_FIREWALL_BACKSTOP_H
#define EGRESSD_FIREWALL_BACKSTOP_H

#include <stdbool.h>

#include "base/text_error.h"
#include "firewall/features.h"
#include "firewall/links.h"
#include "firewall/snapshot.h"
#include "firewall/transaction.h"

struct backstop;

/* Everything is borrowed; features say whether this kernel can have one. */
struct backstop *backstop_new(struct netlink *netlink, struct transaction *transaction,
                              struct features *features);
void backstop_free(struct backstop *backstop); /* NULL-safe; the table stays */

/* Appends to the transaction: chains that stand stay where they are and get their rules anew. */
void backstop_put(struct backstop *backstop);
/* After the transaction was refused: whether the same again may do, for interfaces have changed. */
bool backstop_may_retry(struct backstop *backstop);
/* After the transaction was committed. */
void backstop_take_over(struct backstop *backstop);

/* Readable when interfaces came, went or changed; -1: this kernel has no backstop. */
int backstop_fd(const struct backstop *backstop);
/* 1: there are other uplinks than when it was last put; 0; or -errno. */
int backstop_look(struct backstop *backstop);
/* Like firewall_verify. */
int backstop_verify(struct backstop *backstop, struct text_error *reterr);

#endif
