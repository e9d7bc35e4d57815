/* SPDX-License-Identifier: MIT */
/* Which name an address was the answer for, also after its lease has ended: so that a packet that
 * is refused gets its name. For people; decides nothing. Bounded: the address that was learned
 * longest ago goes first. Pure. */
#ifndef EGRESSD_JOURNAL_NAMES_H
#define EGRESSD_JOURNAL_NAMES_H

#include <stddef.h>

#include "base/address.h"

struct names;

struct names *names_new(void);
void names_free(struct names *names); /* NULL-safe */

/* A client was told that name leads to this address. */
void names_learn(struct names *names, const struct address *address, const char *name);

/* The last such name, or NULL. Borrowed until the next names_learn. ret_more: how many others there
 * were before (those that are remembered: a handful). */
const char *names_find(const struct names *names, const struct address *address,
                       unsigned *ret_more);

#endif
