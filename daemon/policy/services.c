/* SPDX-License-Identifier: MIT */
#include "policy/services.h"

#include <errno.h>

static bool is_within(const struct port_range *inner, const struct port_range *outer)
{
    return inner->protocol == outer->protocol && outer->from <= inner->from &&
           inner->to <= outer->to;
}

int services_add(struct services *services, const struct port_range *range)
{
    for (size_t i = 0; i < services->count; i++)
        if (is_within(range, &services->ranges[i]) && is_within(&services->ranges[i], range))
            return 0;
    if (services->count == POLICY_SERVICES_MAX)
        return -ENOSPC;
    services->ranges[services->count++] = *range;
    return 0;
}

/* Splits every range of the protocol that goes over the border between first - 1 and first. What a
 * range is cut into may be there already: then a cut makes one less. */
static int cut_before(struct services *services, uint8_t protocol, unsigned first)
{
    for (size_t i = 0; i < services->count; i++) {
        struct port_range *range = &services->ranges[i];
        struct port_range upper = {protocol, (uint16_t)first, range->to};

        if (range->protocol != protocol || range->from >= first || range->to < first)
            continue;
        range->to = (uint16_t)(first - 1);
        if (services_add(services, &upper) < 0)
            return -ENOSPC;
    }
    return 0;
}

static void remove_duplicates(struct services *services)
{
    struct services unique = {.count = 0};

    for (size_t i = 0; i < services->count; i++)
        services_add(&unique, &services->ranges[i]);
    *services = unique;
}

int services_cut(struct services *services, const struct port_range *range)
{
    if (cut_before(services, range->protocol, range->from) < 0 ||
        cut_before(services, range->protocol, (unsigned)range->to + 1) < 0)
        return -ENOSPC;
    remove_duplicates(services);
    return 0;
}

uint64_t services_within(const struct services *services, const struct port_range *range)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < services->count; i++)
        if (is_within(&services->ranges[i], range))
            mask |= UINT64_C(1) << i;
    return mask;
}

uint64_t services_covering(const struct services *services, const struct port_range *range)
{
    const uint64_t within = services_within(services, range);
    uint64_t mask = within;

    for (size_t i = 0; i < services->count; i++)
        for (size_t k = 0; k < services->count; k++)
            if (k != i && within >> k & 1 && is_within(&services->ranges[i], &services->ranges[k]))
                mask &= ~(UINT64_C(1) << i);
    return mask;
}

static bool do_meet(const struct port_range *one, const struct port_range *other)
{
    return one->protocol == other->protocol && one->from <= other->to && other->from <= one->to;
}

uint64_t services_meeting(const struct services *services, uint64_t mask, uint64_t others)
{
    uint64_t meeting = 0;

    for (size_t i = 0; i < services->count; i++)
        for (size_t k = 0; k < services->count; k++)
            if (mask >> i & 1 && others >> k & 1 &&
                do_meet(&services->ranges[i], &services->ranges[k]))
                meeting |= UINT64_C(1) << i;
    return meeting;
}

uint64_t services_at(const struct services *services, uint8_t protocol, uint16_t port)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < services->count; i++)
        if (port_range_contains(&services->ranges[i], protocol, port))
            mask |= UINT64_C(1) << i;
    return mask;
}
