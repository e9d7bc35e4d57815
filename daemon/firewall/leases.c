/* SPDX-License-Identifier: MIT */
#include "firewall/leases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "base/clock.h"
#include "base/memory.h"
#include "firewall/lease_state.h"

/* How long a look at the generation of nf_tables is good for. */
#define DISTURBANCE_CHECK_MS 50
/* The kernel's clock ticks; ours does not agree with it to the millisecond. */
#define CLOCK_DOUBT_MS 1000

struct leases *leases_new(struct firewall *firewall)
{
    struct leases *leases = xcalloc(1, sizeof(*leases));

    leases->firewall = firewall;
    leases->slept_ms = clock_slept_ms();
    lease_table_init(&leases->table);
    return leases;
}

void leases_free(struct leases *leases)
{
    if (!leases)
        return;
    lease_table_done(&leases->table);
    lease_writes_done(&leases->writes);
    free(leases->touched);
    free(leases->in_use);
    free(leases);
}

/* Before a write is left out because the kernel holds enough: somebody may have taken it away. */
static bool is_undisturbed(struct leases *leases, uint64_t now_ms)
{
    if (now_ms - leases->checked_ms < DISTURBANCE_CHECK_MS)
        return true;
    leases->checked_ms = now_ms;
    if (!firewall_was_disturbed(leases->firewall))
        return true;
    leases_doubt(leases);
    return false;
}

/* --- granting --------------------------------------------------------------------------------- */

static void reserve_touched(struct leases *leases, size_t count)
{
    if (count <= leases->touched_capacity)
        return;
    leases->touched = xreallocarray(leases->touched, count, sizeof(leases->touched[0]));
    leases->touched_capacity = count;
}

/* An answer may name an address twice; it is touched once. Returns how many are touched. */
static size_t touch_addresses(struct leases *leases, const struct lease_grant *grant,
                              struct lease_name *name)
{
    uint64_t known = service_list_all(&leases->firewall->services);
    size_t count = 0;

    leases->change++;
    reserve_touched(leases, grant->count);
    for (size_t i = 0; i < grant->count; i++) {
        struct lease_address *address = lease_table_address(&leases->table, &grant->addresses[i]);

        if (address->change != leases->change) {
            address->change = leases->change;
            address->wanted = 0;
            leases->touched[count++] =
                (struct lease_touch){address, lease_table_find(&leases->table, name, address)};
        }
        address->wanted |= grant->services[i] & known;
    }
    return count;
}

static int check_room(const struct leases *leases, const struct lease_name *name, size_t count)
{
    size_t added = 0;

    for (size_t i = 0; i < count; i++)
        added += leases->touched[i].lease == NULL;
    if (table_count(leases->table.leases) + added > LEASES_MAX ||
        name->lease_count + added > LEASE_ADDRESSES_PER_NAME_MAX)
        return -ENFILE;
    return 0;
}

static void collect_writes(struct leases *leases, size_t count, const char *name, uint64_t now_ms,
                           uint64_t deadline_ms, uint64_t learned_ms)
{
    leases->writes.count = 0;
    for (size_t i = 0; i < count; i++) {
        struct lease_address *address = leases->touched[i].address;

        for (uint64_t left = address->wanted; left; left &= left - 1) {
            uint8_t service = (uint8_t)__builtin_ctzll(left);
            const struct lease_element *known = lease_address_find_element(address, service);

            if (known && address->epoch == leases->epoch && known->deadline_ms >= deadline_ms &&
                is_undisturbed(leases, now_ms))
                continue;
            lease_writes_add(
                &leases->writes,
                &(struct lease_write){
                    .address = address,
                    .name = name,
                    .deadline_ms = deadline_ms,
                    .seen_ms = MAX(address->seen_ms, learned_ms),
                    .service = service,
                    .may_exist = leases->has_doubts ||
                                 (known && known->deadline_ms + CLOCK_DOUBT_MS > now_ms),
                });
        }
    }
}

static void remember_leases(struct leases *leases, size_t count, struct lease_name *name,
                            const char *via, uint64_t deadline_ms, uint64_t learned_ms)
{
    for (size_t i = 0; i < count; i++) {
        struct lease_address *address = leases->touched[i].address;
        struct lease *lease = leases->touched[i].lease;

        if (!lease)
            lease = lease_table_add(&leases->table, name, address);
        lease->services |= address->wanted;
        if (lease->deadline_ms < deadline_ms)
            lease->deadline_ms = deadline_ms;
        address->seen_ms = MAX(address->seen_ms, learned_ms);
        lease_name_set_via(name, address->address.family, via);
    }
}

int leases_grant(struct leases *leases, const struct lease_grant *grant)
{
    uint64_t now_ms = clock_now_ms();
    uint64_t deadline_ms = now_ms + (uint64_t)grant->lifetime_s * 1000;
    uint64_t age_ms = (uint64_t)grant->age_s * 1000;
    uint64_t learned_ms = age_ms < now_ms ? now_ms - age_ms : 0;
    struct lease_name *name;
    size_t count;
    int r;

    if (grant->count == 0)
        return 0;
    if (grant->lifetime_s == 0 || grant->count > LEASE_GRANT_MAX)
        return -EINVAL;
    leases_notice_sleep(leases);
    name = lease_table_name(&leases->table, grant->name);
    count = touch_addresses(leases, grant, name);
    r = check_room(leases, name, count);
    for (size_t i = 0; r == 0 && i < count; i++)
        if (leases->touched[i].address->wanted == 0)
            r = -EINVAL; /* nothing loaded has such a service */
    if (r == 0) {
        collect_writes(leases, count, name->text, now_ms, deadline_ms, learned_ms);
        r = leases_write_pending(leases, now_ms);
    }
    if (r == 0) {
        remember_leases(leases, count, name, grant->via, deadline_ms, learned_ms);
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        lease_table_drop_address(&leases->table, leases->touched[i].address);
    lease_table_drop_name(&leases->table, name);
    return r;
}

/* --- asking ----------------------------------------------------------------------------------- */

bool leases_cover(const struct leases *leases, const struct address *address, uint8_t protocol,
                  uint16_t port)
{
    const struct lease_address *found = lease_table_find_address(&leases->table, address);

    return found && (lease_address_services(found) &
                     service_list_at(&leases->firewall->services, protocol, port)) != 0;
}

void leases_each(const struct leases *leases,
                 void (*on_lease)(void *context, const struct lease_view *lease), void *context)
{
    uint64_t now_ms = clock_now_ms();
    size_t position = 0;
    const struct lease *lease;

    while ((lease = table_next(leases->table.leases, &position))) {
        uint64_t left_ms = lease->deadline_ms > now_ms ? lease->deadline_ms - now_ms : 0;
        struct lease_view view = {
            .name = lease->key.name->text,
            .address = lease->key.address->address,
            .services = lease->services,
            .left_s = (uint32_t)((left_ms + 999) / 1000),
        };

        on_lease(context, &view);
    }
}

size_t leases_count(const struct leases *leases)
{
    return table_count(leases->table.leases);
}
