/* SPDX-License-Identifier: MIT */
/* What a trial showed and what the daemon says, put together: whose doing it was, and what to do.
 *
 * 'egressctl test --json' prints, in one line:
 *   "host", "port", "protocol"
 *   "reached"      whether any address was (UDP: whether a datagram left, and no error came back)
 *   "resolve_error"   "EAI_NONAME", ..., or null
 *   "attempts"     [{"address","result":"connected"|"answered"|"sent"|"failed","error": as
 *                  "ECONNREFUSED", or null,"took_ms"}]
 *   "cause"        whose doing it is that it was not reached: "policy", "name" (it leads nowhere),
 *                  "network", "server", "unknown" (the daemon cannot be asked); null: it was
 *   "what"         a sentence
 *   "next"         what to do about it, or null
 *   "explanation"  the daemon's reply to explain (control/explain.h), or null */
#ifndef EGRESSD_EGRESSCTL_DIAGNOSIS_H
#define EGRESSD_EGRESSCTL_DIAGNOSIS_H

#include <stdbool.h>

struct json_object;
struct target;
struct trial;

struct diagnosis {
    const struct target *target;
    const struct trial *trial;
    struct json_object *explanation; /* of host and port; NULL: the daemon could not be asked */
    /* Of the first address that failed, where the target is a name; NULL as above. */
    struct json_object *address_explanation;
    bool is_audit; /* nothing is refused */
};

bool diagnosis_is_reached(const struct diagnosis *about);

/* A new object: the report above. Holds a reference to the explanation. Pure. */
struct json_object *diagnosis_describe(const struct diagnosis *about);

#endif
