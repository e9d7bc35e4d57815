/* SPDX-License-Identifier: MIT */
/* What the author of an allow entry may not have meant, or not have known: the notes of
 * `egressd check`. */
#ifndef EGRESSD_POLICY_REMARKS_H
#define EGRESSD_POLICY_REMARKS_H

#include <stdio.h>

#include "policy/policy.h"

struct remarks;

/* Both are borrowed. */
struct remarks *remarks_new(const struct policy *policy, FILE *out);
void remarks_free(struct remarks *remarks);

/* In the order in which the entries stand: later ones are compared with earlier ones. */
void remarks_on_entry(struct remarks *remarks, const struct entry *entry);
/* Once for all that a group stands for. */
void remarks_on_group(struct remarks *remarks, const struct entry *entries, size_t count);

#endif
