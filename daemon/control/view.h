/* SPDX-License-Identifier: MIT */
/* What the commands show of the daemon. Filled anew for each request; everything is borrowed for
 * it. */
#ifndef EGRESSD_CONTROL_VIEW_H
#define EGRESSD_CONTROL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct change;
struct counters;
struct doctor_finding;
struct journal;
struct leases;
struct policy;
struct resolver;
struct servers;

#define VIEW_WEAKNESSES_MAX 16

enum view_state {
    VIEW_STARTING,
    VIEW_ENFORCING,
    VIEW_AUDITING,       /* nothing is refused, what would be is recorded */
    VIEW_INVALID_POLICY, /* none was ever valid: everything is denied */
    VIEW_FAILED,         /* the kernel's table is not what it should be */
};

/* "starting", "enforcing", "auditing", "invalid-policy", "failed" */
const char *view_state_text(enum view_state state);

struct view {
    enum view_state state;
    const char *reason;       /* why it does not enforce, and what to do; NULL: it does */
    const char *reload_error; /* why the last reload failed (the older policy stands), or NULL */
    uint64_t since_ms;        /* clock_now_ms() when the state began */

    const struct policy *policy;                                 /* what is enforced; never NULL */
    const char *workspace_policy;                                /* "pin", "follow", "ignore" */
    const char *devcontainer_file;                               /* "": none */
    const char *devcontainer_why;                                /* how it was found */
    bool pinned, pending;                                        /* as in struct configuration */
    const char *pending_added, *pending_removed, *pending_error; /* NULL: there is none */
    const char *changed_added, *changed_removed; /* by the last start, as of pending; or NULL */
    const char *const *policy_files; /* of the command line, instead of the baked ones */
    size_t policy_file_count;

    const struct servers *servers;
    struct resolver *resolver;   /* NULL: no names to show */
    const struct leases *leases; /* NULL: none to show */
    const struct counters *counters;

    const struct journal *journal; /* NULL: none to show */
    bool tells_packets;            /* the kernel tells which packets it refuses */
    uint64_t untold;               /* ... but not of so many */

    uint64_t verified_ms; /* clock_now_ms() when the kernel's table was last found right */
    bool owns_table;      /* nobody else can change it */
    unsigned restored;    /* how often it was not, and was put back */
    uint64_t restored_ms; /* clock_now_ms() when last */
    const struct change *restored_from; /* what was done to it last */
    const char *weaknesses[VIEW_WEAKNESSES_MAX];
    size_t weakness_count;
    const struct doctor_finding *findings; /* of the surroundings, by the daemon */
    size_t finding_count;
};

#endif
