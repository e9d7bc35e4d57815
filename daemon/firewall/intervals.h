/* SPDX-License-Identifier: MIT */
/* Prefixes as the kernel wants them: sorted intervals that neither overlap nor touch. Pure. */
#ifndef EGRESSD_FIREWALL_INTERVALS_H
#define EGRESSD_FIREWALL_INTERVALS_H

#include <stddef.h>

#include "base/address.h"

struct interval {
    struct address first, last; /* both within; of one family */
};

/* Sorts the intervals and joins those that overlap or touch, in place. Returns how many are left.
 */
size_t intervals_merge(struct interval *intervals, size_t count);

#endif
