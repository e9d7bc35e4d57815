/* SPDX-License-Identifier: MIT */
/* The port ranges of a policy, each a bit of a mask; see policy.h. Values; no allocation. */
#ifndef EGRESSD_POLICY_SERVICES_H
#define EGRESSD_POLICY_SERVICES_H

#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

struct services {
    struct port_range ranges[POLICY_SERVICES_MAX];
    size_t count;
};

/* Adds a range of an allow entry, once. First all of these, then the cuts. -ENOSPC. */
int services_add(struct services *services, const struct port_range *range);
/* Cuts what a deny entry's range covers in part, so that it covers each part wholly or not.
 * -ENOSPC. */
int services_cut(struct services *services, const struct port_range *range);

/* The mask of those that lie wholly within the range. */
uint64_t services_within(const struct services *services, const struct port_range *range);
/* The same without those that lie within another of them: the fewest that make up the range. */
uint64_t services_covering(const struct services *services, const struct port_range *range);
/* Those of mask that have a port in common with one of others. */
uint64_t services_meeting(const struct services *services, uint64_t mask, uint64_t others);
/* The mask of those that have this port. */
uint64_t services_at(const struct services *services, uint8_t protocol, uint16_t port);

#endif
