/* SPDX-License-Identifier: MIT */
/* Hears at once of what others do to our tables. A socket of its own: it owns nothing, so nothing
 * is lost with it. What egressd does itself is not told: the kernel sorts it out by the port of the
 * firewall's socket. */
#ifndef EGRESSD_FIREWALL_MONITOR_H
#define EGRESSD_FIREWALL_MONITOR_H

#include <stdbool.h>

#include "firewall/changes.h"

struct firewall;
struct monitor;

/* firewall is borrowed for the call. Open it before the first load: what happens after that is
 * told. */
int monitor_open(const struct firewall *firewall, struct monitor **ret_monitor);
void monitor_close(struct monitor *monitor); /* NULL-safe */

/* Becomes readable when there is something to hear. */
int monitor_fd(const struct monitor *monitor);

struct monitor_news {
    unsigned commits;    /* of others, that touched our tables */
    struct change first; /* of these */
    bool has_others;     /* rules of other tables changed */
    bool has_gaps;       /* more happened than could be told: what, is not known */
};

/* Reads what there is, never waits. Bounded: the descriptor may still be readable afterwards. */
void monitor_read(struct monitor *monitor, struct monitor_news *ret_news);

#endif
