/* SPDX-License-Identifier: MIT */
/* A policy from entries as texts; both lists end with NULL, deny may be NULL. */
#ifndef EGRESSD_TEST_MAKE_POLICY_H
#define EGRESSD_TEST_MAKE_POLICY_H

#include <stdlib.h>

#include "policy/policy.h"

static inline void add_entries(struct policy_builder *builder, enum policy_list list,
                               const char *const *texts)
{
    struct text_error error;
    struct entry entry;

    for (; texts && *texts; texts++)
        if (entry_parse(*texts, &entry, &error) < 0 ||
            policy_builder_add(builder, list, &entry, &error) < 0)
            abort();
}

static inline struct policy *make_policy_of_mode(enum policy_mode mode, const char *const *allow,
                                                 const char *const *deny)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error;
    struct policy *policy;

    policy_builder_set_mode(builder, mode, NULL);
    add_entries(builder, POLICY_ALLOW, allow);
    add_entries(builder, POLICY_DENY, deny);
    if (policy_build(builder, &policy, &error) < 0)
        abort();
    policy_builder_free(builder);
    return policy;
}

static inline struct policy *make_policy(const char *const *allow, const char *const *deny)
{
    return make_policy_of_mode(POLICY_ENFORCE, allow, deny);
}

#endif
