/* SPDX-License-Identifier: MIT */
/* How often something is done for people that others can ask for without end. */
#ifndef EGRESSD_RUN_PACE_H
#define EGRESSD_RUN_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
    uint64_t interval_ms; /* once in */
    uint64_t burst_ms;    /* that much of it at once, after a rest */
    uint64_t paid_ms;     /* up to this time; 0: never */
};

/* Whether it may be done now; if so, it is paid for. */
bool pace_may_go_on(struct pace *pace, uint64_t now_ms);

/* It took so long: however long that is, it is at most about a tenth of our time. */
void pace_took(struct pace *pace, uint64_t took_ms);

#endif
