/* SPDX-License-Identifier: MIT */
/* To how many names a wildcard may lead while the daemon lives. Whoever owns a zone below it reads
 * the names that are asked there, so each new one is a message that gets out. They are counted in
 * units: a name with more than NAME_BUDGET_UNIT bytes in place of the asterisk is several. A unit
 * carries 42 bytes (letters, digits, '-', '_' and '.': 5.3 bits each), so that by default 42 kB can
 * get out in all, 10 kB of them at once, then 10 kB an hour. */
#ifndef EGRESSD_POLICY_NAME_BUDGET_H
#define EGRESSD_POLICY_NAME_BUDGET_H

#include <stdint.h>

#include "policy/entry.h"

#define NAME_BUDGET_DEFAULT 1000
#define NAME_BUDGET_MAX 1000000
#define NAME_BUDGET_UNIT 64

/* In all. */
uint32_t name_budget_of(const struct entry *wildcard);
/* At once, and so many again come back in an hour. */
uint32_t name_budget_at_once(const struct entry *wildcard);

/* What this name, which the wildcard covers, costs of it. */
uint32_t name_budget_cost(const struct entry *wildcard, const char *name);

#endif
