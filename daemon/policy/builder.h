/* SPDX-License-Identifier: MIT */
/* What policy_build reads; for everybody else the builder is closed, see policy.h. */
#ifndef EGRESSD_POLICY_BUILDER_H
#define EGRESSD_POLICY_BUILDER_H

#include "policy/entry_list.h"
#include "policy/policy.h"

#define POLICY_LISTS 2
#define POLICY_MODES 2
#define POLICY_UPSTREAMS_MAX 16

/* Who asks for a mode, first. */
struct mode_request {
    bool is_made;
    struct entry_source source;
};

struct policy_builder {
    struct entry_list lists[POLICY_LISTS];
    struct groups *groups; /* NULL: the shipped ones alone */
    struct mode_request modes[POLICY_MODES];
    struct shared_texts mode_files; /* that those are from */
    enum policy_refusal_answer refusal_answer;
    struct policy_upstream upstreams[POLICY_UPSTREAMS_MAX];
    size_t upstream_count;
};

#endif
