/* SPDX-License-Identifier: MIT */
/* What happened, as numbers since the daemon started. One plain struct, and their names. */
#ifndef EGRESSD_JOURNAL_COUNTERS_H
#define EGRESSD_JOURNAL_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct counters {
    uint64_t questions;             /* asked by clients */
    uint64_t questions_refused;     /* names the policy does not allow */
    uint64_t questions_over_budget; /* of those: new names of a wildcard that has led to enough */
    uint64_t questions_failed;      /* allowed, but no answer could be had */
    uint64_t cache_hits;
    uint64_t stale_answers;
    uint64_t upstream_questions; /* asked by us */
    uint64_t upstream_timeouts;
    uint64_t upstream_mismatches; /* answers that were not for our question */
    uint64_t addresses_refused;   /* in answers: special ranges, denied */
    uint64_t grants;
    uint64_t grant_failures;
    uint64_t refreshes;
    uint64_t reloads;
};

/* One of them as it is shown. */
struct counter {
    const char *name, *help;
    uint64_t value;
};
/* The one number index; false behind the last. */
bool counters_read(const struct counters *counters, size_t index, struct counter *ret_counter);

#endif
