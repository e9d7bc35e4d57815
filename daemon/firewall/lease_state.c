/* SPDX-License-Identifier: MIT */
#include "firewall/lease_state.h"

#include <errno.h>

#include "base/clock.h"

/* Less than that is the time between two readings of clocks, or no matter. */
#define SLEEP_DOUBT_MS 500

void leases_doubt(struct leases *leases)
{
    leases->epoch++;
    leases->has_doubts = true;
}

void leases_notice_sleep(struct leases *leases)
{
    uint64_t slept_ms = clock_slept_ms();

    if (slept_ms - leases->slept_ms <= SLEEP_DOUBT_MS)
        return;
    leases->slept_ms = slept_ms;
    leases_doubt(leases);
}

static void remember_writes(struct leases *leases)
{
    for (size_t i = 0; i < leases->writes.count; i++) {
        const struct lease_write *write = &leases->writes.items[i];
        struct lease_address *address = write->address;

        if (address->epoch != leases->epoch) {
            for (size_t k = 0; k < address->element_count; k++)
                address->elements[k].deadline_ms = 0;
            address->epoch = leases->epoch;
        }
        lease_address_element(address, write->service)->deadline_ms = write->deadline_ms;
    }
}

int leases_write_pending(struct leases *leases, uint64_t now_ms)
{
    struct firewall *firewall = leases->firewall;
    int r;

    if (leases->writes.count == 0)
        return 0;
    transaction_begin(firewall->transaction);
    lease_writes_put(&leases->writes, now_ms, &firewall->services,
                     firewall->updates_in_place ? RENEW_IN_PLACE : RENEW_BY_REPLACING,
                     firewall->transaction);
    r = firewall_commit(firewall);
    if (r == 0)
        remember_writes(leases);
    else if (r != -ENFILE) /* a full set refuses all of it; else it may have been done */
        leases_doubt(leases);
    return r;
}
