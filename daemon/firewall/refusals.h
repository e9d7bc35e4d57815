/* SPDX-License-Identifier: MIT */
/* What the table refuses, as the kernel tells it, packet by packet: a socket of its own. Packets
 * are refused whether anybody listens or not. */
#ifndef EGRESSD_FIREWALL_REFUSALS_H
#define EGRESSD_FIREWALL_REFUSALS_H

#include <stdint.h>

#include "firewall/refusal.h"

struct refusals;

/* -EBUSY: another process of this network namespace is told instead (one of the kernel's groups has
 * one listener); -errno: this kernel does not tell (nfnetlink_log). */
int refusals_open(struct refusals **ret_refusals);
void refusals_close(struct refusals *refusals); /* NULL-safe */

/* Becomes readable when there is something to hear. */
int refusals_fd(const struct refusals *refusals);

/* Calls on_refusal for what there is, never waits. Bounded: the descriptor may still be readable
 * afterwards, so that a flood leaves time for everything else. */
void refusals_read(struct refusals *refusals,
                   void (*on_refusal)(void *context, const struct refusal *refusal), void *context);

/* How many it has been called for, and how many more the kernel wanted to tell and could not:
 * nobody listened fast enough. */
uint64_t refusals_heard(const struct refusals *refusals);
uint64_t refusals_lost(const struct refusals *refusals);

/* How many packets the table has refused since it was loaded, told or not: the kernel tells at most
 * 50 a second. -ENOENT: it does not count (then features.h says so); -errno. */
struct firewall;
int refusals_count(struct firewall *firewall, uint64_t *ret_packets);

#endif
