/* SPDX-License-Identifier: MIT */
#include "firewall/lease_writes.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>

#include "base/memory.h"

void lease_writes_add(struct lease_writes *writes, const struct lease_write *write)
{
    if (writes->count == writes->capacity) {
        writes->capacity = writes->capacity ? writes->capacity * 2 : 64;
        writes->items = xreallocarray(writes->items, writes->capacity, sizeof(writes->items[0]));
    }
    writes->items[writes->count++] = *write;
}

void lease_writes_done(struct lease_writes *writes)
{
    free(writes->items);
    *writes = (struct lease_writes){0};
}

/* What is being put, and into which of the sets that leases live in: the common one of a family, or
 * that of a range of ports. */
struct put {
    const struct lease_writes *writes;
    const struct service_list *services;
    struct transaction *transaction;
    uint64_t now_ms;
    enum lease_renewal renewal;

    struct set set;
    int range; /* the service, or -1: all that are one port each */
};

static bool belongs(const struct put *put, const struct lease_write *write)
{
    if (write->address->address.family != put->set.family)
        return false;
    return put->range < 0 ? !ports_are_range(&put->services->ranges[write->service])
                          : write->service == put->range;
}

enum which { ALL, THOSE_THAT_MAY_EXIST };

static void put_some(const struct put *put, uint16_t type, enum which which)
{
    struct element_writer writer;

    elements_begin(&writer, put->transaction, &put->set, type);
    for (size_t i = 0; i < put->writes->count; i++) {
        const struct lease_write *write = &put->writes->items[i];
        const struct port_range *range = &put->services->ranges[write->service];

        if ((which == ALL || write->may_exist) && belongs(put, write))
            elements_put(&writer, &(struct element){.address = write->address->address,
                                                    .protocol = range->protocol,
                                                    .port = range->from,
                                                    .timeout_ms = write->deadline_ms - put->now_ms,
                                                    .comment = write->name,
                                                    .age_ms = put->now_ms - write->seen_ms});
    }
    elements_end(&writer);
}

static void put_set_elements(const struct put *put)
{
    /* Older kernels keep the old timeout when an element is added again, and refuse to delete one
     * that is not there. Add, delete, add is right on all of them. */
    if (put->renewal == RENEW_BY_REPLACING) {
        put_some(put, NFT_MSG_NEWSETELEM, THOSE_THAT_MAY_EXIST);
        put_some(put, NFT_MSG_DELSETELEM, THOSE_THAT_MAY_EXIST);
    }
    put_some(put, NFT_MSG_NEWSETELEM, ALL);
}

static void put_family(struct put *put, enum address_family family, uint64_t used)
{
    bool has_single = false;

    for (size_t i = 0; i < put->services->count; i++) {
        if (!(used >> i & 1))
            continue;
        if (!ports_are_range(&put->services->ranges[i])) {
            has_single = true;
            continue;
        }
        put->set = set_of_range(family, &put->services->ranges[i]);
        put->range = (int)i;
        put_set_elements(put);
    }
    if (has_single) {
        put->set = set_of_leases(family);
        put->range = -1;
        put_set_elements(put);
    }
}

void lease_writes_put(const struct lease_writes *writes, uint64_t now_ms,
                      const struct service_list *services, enum lease_renewal renewal,
                      struct transaction *transaction)
{
    struct put put = {.writes = writes,
                      .services = services,
                      .transaction = transaction,
                      .now_ms = now_ms,
                      .renewal = renewal};
    uint64_t used4 = 0, used6 = 0;

    for (size_t i = 0; i < writes->count; i++)
        *(writes->items[i].address->address.family == ADDRESS_V4 ? &used4 : &used6) |=
            UINT64_C(1) << writes->items[i].service;
    put_family(&put, ADDRESS_V4, used4);
    put_family(&put, ADDRESS_V6, used6);
}
