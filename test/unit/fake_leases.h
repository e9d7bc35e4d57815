/* SPDX-License-Identifier: MIT */
/* In place of firewall/leases.c: no kernel, but the grants are recorded and can be told to fail. */
#ifndef EGRESSD_TEST_FAKE_LEASES_H
#define EGRESSD_TEST_FAKE_LEASES_H

#include <string.h>

#include "firewall/leases.h"

struct leases {
    unsigned grants;
    int failure; /* what leases_grant returns, if not 0 */
    char name[256];
    uint32_t lifetime_s;
    size_t count;
    struct address addresses[LEASE_ADDRESSES_PER_NAME_MAX];
    uint64_t services[LEASE_ADDRESSES_PER_NAME_MAX];
};

int leases_grant(struct leases *leases, const struct lease_grant *grant)
{
    if (leases->failure)
        return leases->failure;
    leases->grants++;
    leases->lifetime_s = grant->lifetime_s;
    leases->count = grant->count;
    memcpy(leases->addresses, grant->addresses, grant->count * sizeof(grant->addresses[0]));
    memcpy(leases->services, grant->services, grant->count * sizeof(grant->services[0]));
    strncpy(leases->name, grant->name, sizeof(leases->name) - 1);
    return 0;
}

#endif
