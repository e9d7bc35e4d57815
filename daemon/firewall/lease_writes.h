/* SPDX-License-Identifier: MIT */
/* Elements of the lease sets that wait to be written, and how they are written. */
#ifndef EGRESSD_FIREWALL_LEASE_WRITES_H
#define EGRESSD_FIREWALL_LEASE_WRITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firewall/lease_table.h"
#include "firewall/state.h"

struct lease_write {
    struct lease_address *address;
    const char *name;
    uint64_t deadline_ms; /* later than now */
    uint64_t seen_ms;     /* not later than now: goes into the kernel, for the next daemon */
    uint8_t service;
    bool may_exist; /* the kernel may already have the element */
};

/* Memory is kept between uses. {0} is empty. */
struct lease_writes {
    struct lease_write *items;
    size_t count, capacity;
};

void lease_writes_add(struct lease_writes *writes, const struct lease_write *write);
void lease_writes_done(struct lease_writes *writes);

/* Whether elements that may be there take a new timeout by being added again. */
enum lease_renewal { RENEW_BY_REPLACING, RENEW_IN_PLACE };

/* Puts all of them. No element may be among them twice. */
void lease_writes_put(const struct lease_writes *writes, uint64_t now_ms,
                      const struct service_list *services, enum lease_renewal renewal,
                      struct transaction *transaction);

#endif
