/* SPDX-License-Identifier: MIT */
/* Asks names again by timer: every exact name of the policy from the start, every other name that
 * clients used, at 0.8 of its TTL, with a floor, jitter and back-off. Additive: addresses leave
 * when their leases end. Correctness never depends on it, as the gate opens what it answers. */
#ifndef EGRESSD_DNS_REFRESH_H
#define EGRESSD_DNS_REFRESH_H

#include <stdint.h>
#include <uv.h>

#include "dns/resolver.h"

struct refresh;

int refresh_new(uv_loop_t *loop, struct resolver *resolver, uint32_t min_interval_s,
                struct counters *counters, struct refresh **ret_refresh);
void refresh_close(struct refresh *refresh, void (*on_closed)(void *context), void *context);

/* Asks every exact name at once (the pre-warm); names that are gone are no longer asked. After
 * resolver_set_policy. The policy is borrowed for the call. */
void refresh_set_policy(struct refresh *refresh, const struct policy *policy);

/* Asks again at once what failed last time. After resolver_set_servers. */
void refresh_retry_failed(struct refresh *refresh);

#endif
