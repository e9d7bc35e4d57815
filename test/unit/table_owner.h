/* SPDX-License-Identifier: MIT */
/* Whether this kernel knows owners of tables: to be asked in a world of one's own, which is left as
 * it was. */
#ifndef EGRESSD_TEST_TABLE_OWNER_H
#define EGRESSD_TEST_TABLE_OWNER_H

#include <stdio.h>

#include "firewall/firewall.h"
#include "kernel_world.h"

#define TABLE_OWNER_SKIP 77

static inline bool kernel_has_table_owners(void)
{
    const struct firewall_plan plan = {.lease_idle_s = 60};
    struct firewall *firewall;
    struct text_error error;
    bool result;

    if (firewall_open(-1, &firewall, &error) < 0)
        return false;
    result = firewall_load(firewall, &plan, NULL, &error) == 0 && firewall_owns_table(firewall);
    firewall_close(firewall);
    world_run("nft flush ruleset");
    if (!result)
        fprintf(stderr, "skipped: this kernel knows no owners of tables (Linux 6.9)\n");
    return result;
}

#endif
