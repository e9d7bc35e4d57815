/* SPDX-License-Identifier: MIT */
#include "journal/counters.h"

#include <string.h>

#define COUNTER(name) #name, offsetof(struct counters, name)

static const struct {
    const char *name;
    size_t offset;
    const char *help;
} table[] = {
    {COUNTER(questions), "questions about names that clients asked"},
    {COUNTER(questions_refused), "questions about names that the policy does not allow"},
    {COUNTER(questions_over_budget),
     "questions refused because their wildcard led to enough names"},
    {COUNTER(questions_failed), "questions about allowed names without an answer"},
    {COUNTER(cache_hits), "questions answered from memory"},
    {COUNTER(stale_answers), "answers older than their time, as no server answered"},
    {COUNTER(upstream_questions), "questions that egressd asked servers"},
    {COUNTER(upstream_timeouts), "questions that no server answered in time"},
    {COUNTER(upstream_mismatches), "answers that were not for a question of egressd"},
    {COUNTER(addresses_refused), "addresses in answers that were not let out"},
    {COUNTER(grants), "answers whose addresses were opened"},
    {COUNTER(grant_failures), "answers whose addresses the kernel did not take"},
    {COUNTER(refreshes), "names asked again before their leases ended"},
    {COUNTER(reloads), "times the policy was read again"},
};

bool counters_read(const struct counters *counters, size_t index, struct counter *ret_counter)
{
    if (index >= sizeof(table) / sizeof(table[0]))
        return false;
    ret_counter->name = table[index].name;
    ret_counter->help = table[index].help;
    memcpy(&ret_counter->value, (const char *)counters + table[index].offset,
           sizeof(ret_counter->value));
    return true;
}
