/* SPDX-License-Identifier: MIT */
/* Addresses the kernel lets out because a name that the policy allows led to them. Each lease is
 * one (name, address) pair; the kernel's elements are the union over names, so an address that two
 * names share outlives the end of one. The kernel expires elements by itself: a dead daemon leaves
 * nothing open for longer than the leases run. */
#ifndef EGRESSD_FIREWALL_LEASES_H
#define EGRESSD_FIREWALL_LEASES_H

#include <stddef.h>
#include <stdint.h>

#include "firewall/firewall.h"

/* The most elements of a lease set, in the kernel and here; a full table refuses the grant. */
#define LEASES_MAX 65536
/* Of these, one name may take half: an allowed zone that answers with ever new addresses does not
 * shut out the rest. */
#define LEASE_ADDRESSES_PER_NAME_MAX (LEASES_MAX / 2)
/* No message of DNS holds more addresses. */
#define LEASE_GRANT_MAX 4096

struct leases *leases_new(struct firewall *firewall);
void leases_free(struct leases *leases); /* NULL-safe; the kernel's elements stay */

struct lease_grant {
    const char *name; /* the name that the policy allows (root of the CNAME chain); copied */
    const struct address *addresses;
    const uint64_t *services; /* one mask an address, of the loaded policy; not 0 */
    size_t count;
    uint32_t lifetime_s; /* from now; longer than the TTL that the client is told */
    uint32_t age_s;      /* so long ago an upstream said so; 0: just now */
    const char *via;     /* names of the chain behind it, a space between two; NULL: none; copied */
};

/* Returns when the kernel has every address, so the caller may tell the client. All in one
 * transaction; writes nothing where the kernel already holds enough. Never shortens a lease. On
 * failure none of it counts as granted: -ENFILE the set is full (or the name has its share),
 * -EINVAL no such service is loaded, or another -errno. */
int leases_grant(struct leases *leases, const struct lease_grant *grant);

/* Takes over what an earlier egressd left in the kernel (names from the elements' comments, when an
 * answer last named the address from their times), as far as policy still allows it. Before
 * firewall_load. */
int leases_restore(struct leases *leases, const struct policy *policy);

/* Judges every lease anew, by its name and by where that led; what is no longer allowed is
 * forgotten here, and firewall_load then loads the rest. Call before firewall_load with the same
 * policy. Returns how many leases ended. */
size_t leases_apply_policy(struct leases *leases, const struct policy *policy);

/* Whether a lease stands for the address at this port (by the loaded policy), in use counted. */
bool leases_cover(const struct leases *leases, const struct address *address, uint8_t protocol,
                  uint16_t port);

/* Forgets leases that have ended, and takes addresses out of the in-use set that no answer
 * has named for LEASE_UNSEEN_MAX_S. Call every minute or so. */
#define LEASE_UNSEEN_MAX_S 86400
void leases_sweep(struct leases *leases);

struct lease_view {
    const char *name;
    struct address address;
    uint64_t services;
    uint32_t left_s; /* 0: ended, perhaps still in use */
};

/* Calls on_lease for every lease; the view is borrowed for the call. */
void leases_each(const struct leases *leases,
                 void (*on_lease)(void *context, const struct lease_view *lease), void *context);
size_t leases_count(const struct leases *leases);

#endif
