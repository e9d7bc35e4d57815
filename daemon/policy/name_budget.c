/* SPDX-License-Identifier: MIT */
#include "policy/name_budget.h"

#include <string.h>

#define AT_ONCE_MIN 100 /* of a small budget a quarter would be in the way of honest work */

uint32_t name_budget_of(const struct entry *wildcard)
{
    return wildcard->names_max ? wildcard->names_max : NAME_BUDGET_DEFAULT;
}

uint32_t name_budget_at_once(const struct entry *wildcard)
{
    uint32_t names = name_budget_of(wildcard), quarter = names / 4;

    if (quarter >= AT_ONCE_MIN)
        return quarter;
    return names < AT_ONCE_MIN ? names : AT_ONCE_MIN;
}

uint32_t name_budget_cost(const struct entry *wildcard, const char *name)
{
    size_t below = strlen(name) - strlen(wildcard->name) - 1; /* 1: the dot between */

    return (uint32_t)((below + NAME_BUDGET_UNIT - 1) / NAME_BUDGET_UNIT);
}
