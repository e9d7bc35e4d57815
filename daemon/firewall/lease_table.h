/* SPDX-License-Identifier: MIT */
/* Who leased what, in user space: names, addresses, and leases, each of which is a pair of them.
 * Knows nothing of the kernel but what it is told to remember. */
#ifndef EGRESSD_FIREWALL_LEASE_TABLE_H
#define EGRESSD_FIREWALL_LEASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/table.h"

struct lease_name {
    size_t lease_count;
    char *via[2]; /* the names it led through last, to addresses of IPv4 and of IPv6; NULL: none */
    size_t length;
    char text[];
};

/* What the kernel was told about an address and a service: open until then. */
struct lease_element {
    uint64_t deadline_ms;
    const struct lease_name *name; /* for a rewrite in progress only */
    uint8_t service;
};

struct lease_address {
    struct address address;
    size_t lease_count;
    struct lease_element *elements;
    size_t element_count, element_capacity;
    uint64_t seen_ms; /* when an answer last named it */
    uint32_t epoch;   /* of what is known of its elements: see leases.c */

    /* Of the change in progress. */
    uint64_t change, wanted;
    uint64_t used; /* services in use */
    uint64_t used_until_ms;
};

struct lease {
    struct lease_key {
        struct lease_name *name;
        struct lease_address *address;
    } key;
    uint64_t services;
    uint64_t next_services; /* by the policy that is about to be loaded */
    uint64_t deadline_ms;
};

struct lease_table {
    struct table *names, *addresses, *leases;
};

void lease_table_init(struct lease_table *table);
void lease_table_done(struct lease_table *table);

/* Finds or makes. What is made must get a lease, or be dropped. */
struct lease_name *lease_table_name(struct lease_table *table, const char *name);
struct lease_address *lease_table_address(struct lease_table *table, const struct address *address);
void lease_table_drop_name(struct lease_table *table, struct lease_name *name);
void lease_table_drop_address(struct lease_table *table, struct lease_address *address);

/* Replaces where the name leads; copies. NULL: to addresses at once. */
void lease_name_set_via(struct lease_name *name, enum address_family family, const char *via);
const char *lease_name_via(const struct lease_name *name, enum address_family family); /* or NULL */

struct lease_address *lease_table_find_address(const struct lease_table *table,
                                               const struct address *address); /* or NULL */
struct lease *lease_table_find(const struct lease_table *table, struct lease_name *name,
                               struct lease_address *address); /* or NULL */
struct lease *lease_table_add(struct lease_table *table, struct lease_name *name,
                              struct lease_address *address);
/* Frees the lease, and its name and address if it was their last. May be called for the lease that
 * table_next just returned. */
void lease_table_remove(struct lease_table *table, struct lease *lease);

struct lease_element *lease_address_find_element(const struct lease_address *address,
                                                 uint8_t service); /* or NULL */
/* Finds or makes, with deadline 0. */
struct lease_element *lease_address_element(struct lease_address *address, uint8_t service);
/* The services that have an element. */
uint64_t lease_address_services(const struct lease_address *address);

#endif
