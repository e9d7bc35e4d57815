/* SPDX-License-Identifier: MIT */
/* Leases and the whole table: taking over an earlier egressd's, a new policy, loading. */
#include "firewall/lease_state.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "base/clock.h"
#include "base/memory.h"
#include "firewall/rules.h"

/* --- an earlier egressd's elements ------------------------------------------------------------ */

struct restore {
    struct leases *leases;
    const struct policy *policy;
    uint64_t now_ms;
};

/* The comment came from the kernel, where anybody with CAP_NET_ADMIN can write: it counts as far as
 * the policy allows the name, and the address for it. */
static int restore_element(void *context, const struct element_read *element)
{
    const struct restore *restore = context;
    struct leases *leases = restore->leases;
    uint64_t deadline_ms = restore->now_ms + element->expires_ms;
    uint64_t seen_ms = restore->now_ms - MIN(element->age_ms, restore->now_ms);
    char canonical[ENTRY_NAME_SIZE];
    struct text_error error;
    struct verdict verdict;
    struct lease_name *name;
    struct lease_address *address;
    struct lease *lease;

    if (element->expires_ms == 0 || element->expires_ms > (uint64_t)LEASE_UNSEEN_MAX_S * 1000 ||
        element->age_ms > (uint64_t)LEASE_UNSEEN_MAX_S * 1000 ||
        name_canonicalise(element->comment, canonical, &error) < 0 ||
        strcmp(canonical, element->comment) != 0)
        return 0;
    verdict = policy_judge_name(restore->policy, canonical);
    if (!policy_judge_learned(restore->policy, &verdict, &element->address, NULL) ||
        table_count(leases->table.leases) >= LEASES_MAX)
        return 0;

    name = lease_table_name(&leases->table, canonical);
    address = lease_table_address(&leases->table, &element->address);
    lease = lease_table_find(&leases->table, name, address);
    if (!lease)
        lease = lease_table_add(&leases->table, name, address);
    if (lease->deadline_ms < deadline_ms)
        lease->deadline_ms = deadline_ms;
    address->seen_ms = MAX(address->seen_ms, seen_ms);
    return 0;
}

static int restore_set(struct restore *restore, const struct set *set)
{
    const struct element_listener listener = {restore_element, NULL, restore};
    int r = firewall_dump_elements(restore->leases->firewall, set, &listener);

    return r == -ENOENT ? 0 : r;
}

#define RANGE_SETS_MAX (POLICY_SERVICES_MAX * FAMILIES)

/* The sets of port ranges that the table has; another policy than ours may have made them. */
struct range_sets {
    struct set *sets;
    size_t count;
};

static int on_set(void *context, const struct nlmsghdr *message)
{
    struct range_sets *found = context;
    struct nftnl_set *set = nftnl_set_alloc();
    const char *table, *name;

    if (!set)
        abort();
    if (nftnl_set_nlmsg_parse(message, set) >= 0 && found->count < RANGE_SETS_MAX &&
        (table = nftnl_set_get_str(set, NFTNL_SET_TABLE)) && strcmp(table, FIREWALL_TABLE) == 0 &&
        (name = nftnl_set_get_str(set, NFTNL_SET_NAME)) && strncmp(name, "range", 5) == 0 &&
        (name[5] == '4' || name[5] == '6') && strlen(name) < SET_NAME_SIZE) {
        struct set *added = &found->sets[found->count++];

        *added = (struct set){.family = name[5] == '4' ? ADDRESS_V4 : ADDRESS_V6,
                              .key = SET_KEY_ADDRESS,
                              .lifetime = SET_WITH_TIMEOUTS};
        memcpy(added->name, name, strlen(name) + 1);
    }
    nftnl_set_free(set);
    return 0;
}

static void on_set_restart(void *context)
{
    ((struct range_sets *)context)->count = 0;
}

static int find_range_sets(struct firewall *firewall, struct range_sets *found)
{
    const struct netlink_listener listener = {on_set, on_set_restart, found};
    char buffer[256] = {0};
    struct nlmsghdr *message = netlink_start(firewall->netlink, buffer, NFNL_SUBSYS_NFTABLES,
                                             NFT_MSG_GETSET, NFPROTO_INET, NLM_F_DUMP);
    int r;

    mnl_attr_put_strz(message, NFTA_SET_TABLE, FIREWALL_TABLE);
    r = netlink_dump(firewall->netlink, message, &listener);
    return r == -ENOENT ? 0 : r;
}

int leases_restore(struct leases *leases, const struct policy *policy)
{
    struct restore restore = {leases, policy, clock_now_ms()};
    struct range_sets ranges = {.sets = xcalloc(RANGE_SETS_MAX, sizeof(struct set))};
    int r = find_range_sets(leases->firewall, &ranges);

    for (size_t i = 0; r == 0 && i < FAMILIES; i++) {
        struct set set = set_of_leases(ruleset_families[i]);

        r = restore_set(&restore, &set);
    }
    for (size_t i = 0; r == 0 && i < ranges.count; i++)
        r = restore_set(&restore, &ranges.sets[i]);
    free(ranges.sets);
    return r;
}

/* --- a new policy ----------------------------------------------------------------------------- */

static void judge_lease(struct lease *lease, const struct policy *policy)
{
    const struct address *address = &lease->key.address->address;
    const struct lease_name *name = lease->key.name;
    struct verdict verdict =
        policy_judge_name_via(policy, name->text, lease_name_via(name, address->family));

    lease->next_services = policy_judge_learned(policy, &verdict, address, NULL);
}

size_t leases_apply_policy(struct leases *leases, const struct policy *policy)
{
    size_t position = 0, ended = 0;
    struct lease *lease;

    while ((lease = table_next(leases->table.leases, &position))) {
        judge_lease(lease, policy);
        if (lease->next_services == 0) {
            lease_table_remove(&leases->table, lease);
            ended++;
        }
    }
    return ended;
}

/* --- loading ---------------------------------------------------------------------------------- */

struct read_in_use {
    struct leases *leases;
    size_t count_before;
};

static int add_in_use(void *context, const struct element_read *element)
{
    struct leases *leases = ((struct read_in_use *)context)->leases;

    if (leases->in_use_count == leases->in_use_capacity) {
        leases->in_use_capacity = leases->in_use_capacity ? leases->in_use_capacity * 2 : 64;
        leases->in_use =
            xreallocarray(leases->in_use, leases->in_use_capacity, sizeof(leases->in_use[0]));
    }
    leases->in_use[leases->in_use_count++] =
        (struct in_use){element->address, element->protocol, element->port, element->expires_ms};
    return 0;
}

static void forget_in_use(void *context)
{
    const struct read_in_use *reading = context;

    reading->leases->in_use_count = reading->count_before;
}

int leases_read_in_use(struct leases *leases)
{
    leases->in_use_count = 0;
    for (size_t i = 0; i < FAMILIES; i++) {
        struct set set = set_in_use(ruleset_families[i]);
        struct read_in_use reading = {leases, leases->in_use_count};
        const struct element_listener listener = {add_in_use, forget_in_use, &reading};
        int r = firewall_dump_elements(leases->firewall, &set, &listener);

        if (r < 0 && r != -ENOENT)
            return r;
    }
    return 0;
}

/* The elements that the leases ask for, in the services of the new policy. */
static void collect_elements(struct leases *leases)
{
    struct lease_address *address;
    struct lease *lease;
    size_t position = 0;

    while ((address = table_next(leases->table.addresses, &position)))
        address->element_count = 0;
    position = 0;
    while ((lease = table_next(leases->table.leases, &position)))
        for (uint64_t left = lease->next_services; left; left &= left - 1) {
            struct lease_element *element =
                lease_address_element(lease->key.address, (uint8_t)__builtin_ctzll(left));

            if (element->name && element->deadline_ms >= lease->deadline_ms)
                continue;
            element->name = lease->key.name;
            element->deadline_ms = lease->deadline_ms;
        }
}

void leases_prepare_load(struct leases *leases, const struct policy *policy)
{
    struct lease *lease;
    size_t position = 0;

    if (leases_read_in_use(leases) < 0)
        leases->in_use_count = 0; /* narrower: what is in use lasts until its answer ends */
    while ((lease = table_next(leases->table.leases, &position))) {
        lease->next_services = 0;
        if (policy)
            judge_lease(lease, policy);
    }
    collect_elements(leases);
}

static void put_in_use(const struct leases *leases, const struct service_list *services,
                       enum address_family family, struct transaction *transaction)
{
    struct set set = set_in_use(family);
    struct element_writer writer;

    elements_begin(&writer, transaction, &set, NFT_MSG_NEWSETELEM);
    for (size_t i = 0; i < leases->in_use_count; i++) {
        const struct in_use *use = &leases->in_use[i];
        const struct lease_address *address =
            lease_table_find_address(&leases->table, &use->address);

        /* In use or not, a name that is allowed must have led to it. */
        if (use->address.family == family && use->left_ms > 0 && address &&
            (lease_address_services(address) & service_list_at(services, use->protocol, use->port)))
            elements_put(&writer, &(struct element){.address = use->address,
                                                    .protocol = use->protocol,
                                                    .port = use->port,
                                                    .timeout_ms = use->left_ms});
    }
    elements_end(&writer);
}

void leases_put_load(struct leases *leases, const struct service_list *services,
                     struct transaction *transaction)
{
    uint64_t now_ms = clock_now_ms();
    struct lease_address *address;
    size_t position = 0;

    leases->writes.count = 0;
    while ((address = table_next(leases->table.addresses, &position)))
        for (size_t i = 0; i < address->element_count; i++) {
            const struct lease_element *element = &address->elements[i];

            if (element->deadline_ms > now_ms)
                lease_writes_add(&leases->writes, &(struct lease_write){
                                                      .address = address,
                                                      .name = element->name->text,
                                                      .deadline_ms = element->deadline_ms,
                                                      .seen_ms = address->seen_ms,
                                                      .service = element->service,
                                                  });
        }
    lease_writes_put(&leases->writes, now_ms, services, RENEW_BY_REPLACING, transaction);
    for (size_t i = 0; i < FAMILIES; i++)
        put_in_use(leases, services, ruleset_families[i], transaction);
}

void leases_finish_load(struct leases *leases, enum load_result result)
{
    struct lease_address *address;
    struct lease *lease;
    size_t position = 0;

    leases_doubt(leases);
    if (result == LOAD_FAILED) {
        /* The old table stands, and the old masks; only what its elements are is not written down
         * any more. */
        while ((address = table_next(leases->table.addresses, &position)))
            address->element_count = 0;
        position = 0;
        while ((lease = table_next(leases->table.leases, &position)))
            for (uint64_t left = lease->services; left; left &= left - 1)
                lease_address_element(lease->key.address, (uint8_t)__builtin_ctzll(left));
        return;
    }
    leases->has_doubts = false;
    while ((address = table_next(leases->table.addresses, &position)))
        address->epoch = leases->epoch;
    position = 0;
    while ((lease = table_next(leases->table.leases, &position))) {
        lease->services = lease->next_services;
        if (lease->services == 0)
            lease_table_remove(&leases->table, lease);
    }
}
