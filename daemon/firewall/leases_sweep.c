/* SPDX-License-Identifier: MIT */
/* What becomes of leases that have ended: kept while their address is in use, then forgotten. */
#include "firewall/lease_state.h"

#include <linux/netfilter/nf_tables.h>
#include <sys/param.h>

#include "base/clock.h"
#include "firewall/conntrack.h"
#include "firewall/rules.h"

/* Beyond this many flows, listing them would keep the gate waiting; then no lease is forgotten but
 * for its age. */
#define FLOWS_MAX 16384
/* A lease in use is prolonged when less than this is left: more than the time between two sweeps.
 */
#define PROLONG_BELOW_MS 150000

struct sweep {
    struct leases *leases;
    uint64_t now_ms, idle_ms;
    bool knows_flows;
};

static bool is_unseen(const struct sweep *sweep, const struct lease_address *address)
{
    return sweep->now_ms - address->seen_ms > (uint64_t)LEASE_UNSEEN_MAX_S * 1000;
}

/* Notes the use if a lease justifies it. */
static bool note_use(const struct sweep *sweep, const struct address *destination, uint8_t protocol,
                     uint16_t port, uint64_t until_ms)
{
    const struct leases *leases = sweep->leases;
    struct lease_address *address = lease_table_find_address(&leases->table, destination);
    uint64_t services;

    if (!address || is_unseen(sweep, address))
        return false;
    services = lease_address_services(address) &
               service_list_at(&leases->firewall->services, protocol, port);
    address->used |= services;
    until_ms = MIN(until_ms, address->seen_ms + (uint64_t)LEASE_UNSEEN_MAX_S * 1000 + 1);
    if (services && address->used_until_ms < until_ms)
        address->used_until_ms = until_ms;
    return services != 0;
}

/* Elements that no lease justifies any more are taken out: added first, for they may end this very
 * moment, and to delete what is not there fails. */
static void go_through_elements(const struct sweep *sweep, enum address_family family)
{
    struct leases *leases = sweep->leases;
    struct transaction *transaction = leases->firewall->transaction;
    struct set set = set_in_use(family);
    struct in_use *unjustified = leases->in_use; /* moved to the front */
    size_t count = 0;

    for (size_t i = 0; i < leases->in_use_count; i++) {
        struct in_use use = leases->in_use[i];

        if (use.address.family == family &&
            !note_use(sweep, &use.address, use.protocol, use.port, sweep->now_ms + use.left_ms)) {
            leases->in_use[i] = unjustified[count];
            unjustified[count++] = use;
        }
    }
    for (int pass = 0; pass < 2; pass++) {
        struct element_writer writer;

        elements_begin(&writer, transaction, &set, pass ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM);
        for (size_t i = 0; i < count; i++)
            elements_put(&writer, &(struct element){.address = unjustified[i].address,
                                                    .protocol = unjustified[i].protocol,
                                                    .port = unjustified[i].port,
                                                    .timeout_ms = 1000});
        elements_end(&writer);
    }
}

/* An open connection keeps its address open for new ones: clients that pool connections reconnect
 * to what they know. */
static int on_flow(void *context, const struct flow *flow)
{
    const struct sweep *sweep = context;

    if (flow->is_live && !(flow->mark & (FLOW_MARK_CUT | FLOW_MARK_OWN)))
        note_use(sweep, &flow->destination, flow->protocol, flow->port,
                 sweep->now_ms + sweep->idle_ms);
    return 0;
}

static bool go_through_flows(struct sweep *sweep)
{
    struct netlink *netlink = sweep->leases->firewall->netlink;
    const struct flow_listener listener = {on_flow, NULL, sweep};
    int count = conntrack_count(netlink);

    return count >= 0 && count <= FLOWS_MAX && conntrack_each(netlink, &listener) == 0;
}

static bool is_over(const struct sweep *sweep, const struct lease *lease)
{
    if (is_unseen(sweep, lease->key.address))
        return true;
    return lease->deadline_ms <= sweep->now_ms && sweep->knows_flows &&
           !(lease->key.address->used & lease->services);
}

/* Forgets leases, and what only they asked for; the names that are left are written at the
 * elements. */
static void forget_leases(const struct sweep *sweep)
{
    struct lease_table *table = &sweep->leases->table;
    struct lease_address *address;
    struct lease *lease;
    size_t position = 0;

    while ((address = table_next(table->addresses, &position)))
        for (size_t i = 0; i < address->element_count; i++)
            address->elements[i].name = NULL;
    position = 0;
    while ((lease = table_next(table->leases, &position))) {
        if (is_over(sweep, lease)) {
            lease_table_remove(table, lease);
            continue;
        }
        address = lease->key.address;
        for (size_t i = 0; i < address->element_count; i++)
            if (lease->services >> address->elements[i].service & 1)
                address->elements[i].name = lease->key.name;
    }
    position = 0;
    while ((address = table_next(table->addresses, &position))) {
        size_t kept = 0;

        for (size_t i = 0; i < address->element_count; i++)
            if (address->elements[i].name)
                address->elements[kept++] = address->elements[i];
        address->element_count = kept;
    }
}

/* The kernel's elements carry the names: with them, a restart still knows why an address is open.
 */
static void prolong_used(const struct sweep *sweep)
{
    struct leases *leases = sweep->leases;
    struct lease_address *address;
    size_t position = 0;

    leases->writes.count = 0;
    while ((address = table_next(leases->table.addresses, &position)))
        for (size_t i = 0; i < address->element_count; i++) {
            const struct lease_element *element = &address->elements[i];

            if ((address->used >> element->service & 1) &&
                element->deadline_ms < address->used_until_ms &&
                element->deadline_ms < sweep->now_ms + PROLONG_BELOW_MS)
                lease_writes_add(&leases->writes, &(struct lease_write){
                                                      .address = address,
                                                      .name = element->name->text,
                                                      .deadline_ms = address->used_until_ms,
                                                      .seen_ms = address->seen_ms,
                                                      .service = element->service,
                                                      .may_exist = true,
                                                  });
        }
    leases_write_pending(leases, sweep->now_ms);
}

void leases_sweep(struct leases *leases)
{
    struct sweep sweep = {.leases = leases,
                          .now_ms = clock_now_ms(),
                          .idle_ms = (uint64_t)leases->firewall->lease_idle_s * 1000};
    struct lease_address *address;
    size_t position = 0;

    if (leases_read_in_use(leases) < 0)
        return; /* not known what is in use: next time */
    while ((address = table_next(leases->table.addresses, &position)))
        address->used = address->used_until_ms = 0;
    transaction_begin(leases->firewall->transaction);
    for (size_t i = 0; i < FAMILIES; i++)
        go_through_elements(&sweep, ruleset_families[i]);
    firewall_commit(leases->firewall);
    sweep.knows_flows = go_through_flows(&sweep);
    forget_leases(&sweep);
    prolong_used(&sweep);
}
