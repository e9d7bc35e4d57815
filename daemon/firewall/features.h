/* SPDX-License-Identifier: MIT */
/* What a kernel may lack without the promise becoming void. Nobody asks for its version: it is
 * tried, and what the kernel refuses is done without, and said.
 *
 * A new one is a line here, a line in each table of features.c, and a test that takes it away. */
#ifndef EGRESSD_FIREWALL_FEATURES_H
#define EGRESSD_FIREWALL_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

#include "firewall/transaction.h"

enum feature {
    FEATURE_LOG,    /* refusals can be told */
    FEATURE_COUNT,  /* it is known how many refusals there are, also those that are not told */
    FEATURE_REJECT, /* refusals are felt at once, not by timeout */
    FEATURE_OWNER,  /* the tables are ours: nobody else can change them, nor do they end with us */
    FEATURE_ROUTE,  /* containers within this one get answers about names */
    FEATURE_BACKSTOP, /* packets that go past the IP stack do not leave */
    FEATURES,
};

/* All zero: nothing is known to be missing. */
struct features {
    bool missing[FEATURES];
};

/* After transaction_commit failed with error: notes as missing what the kernel refused, so that the
 * next try does without. false: this cannot be done without. */
bool features_give_up(struct features *features, const struct transaction *transaction, int error);

/* What is weaker for want of a feature, as one line for people: the one number index of them, or
 * NULL behind the last. */
const char *features_weakness(const struct features *features, size_t index);

#endif
