/* SPDX-License-Identifier: MIT */
/* What the files of this folder share of a firewall. Not for other folders. */
#ifndef EGRESSD_FIREWALL_STATE_H
#define EGRESSD_FIREWALL_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "firewall/backstop.h"
#include "firewall/elements.h"
#include "firewall/features.h"
#include "firewall/firewall.h"
#include "firewall/netlink.h"
#include "firewall/ruleset.h"
#include "firewall/snapshot.h"
#include "firewall/transaction.h"

/* The services of a policy, copied: bit i of a mask is ranges[i]. */
struct service_list {
    struct port_range ranges[POLICY_SERVICES_MAX];
    size_t count;
};

struct firewall {
    struct netlink *netlink;
    struct transaction *transaction;
    struct features features;
    struct backstop *backstop;
    struct expectation expectation; /* of the table inet egressd */
    struct service_list services;   /* of the policy that was loaded */
    uint32_t lease_idle_s;
    uint16_t gate_port, dockerd_gate_port; /* of the plan that was loaded */
    bool updates_in_place; /* an element that is there takes a new timeout: a probe showed it */
    uint32_t generation;   /* of nf_tables in this namespace, as our own commits count it */
};

struct service_list service_list_of(const struct policy *policy); /* NULL: none */
/* The mask of those that have this port. */
uint64_t service_list_at(const struct service_list *services, uint8_t protocol, uint16_t port);
/* The mask of all. */
uint64_t service_list_all(const struct service_list *services);

/* Commits the transaction and keeps count of the generation. */
int firewall_commit(struct firewall *firewall);

/* Whether somebody else may have changed the table since we last looked; then what we think the
 * kernel holds may be wrong. */
bool firewall_was_disturbed(struct firewall *firewall);

/* Lists the elements of a set. on_restart as in netlink.h. -ENOENT: there is no such set. */
struct element_listener {
    int (*on_element)(void *context, const struct element_read *element);
    void (*on_restart)(void *context);
    void *context;
};
int firewall_dump_elements(struct firewall *firewall, const struct set *set,
                           const struct element_listener *listener);

#endif
