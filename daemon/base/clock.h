/* SPDX-License-Identifier: MIT */
/* Time that runs on through suspend and that nobody can set: CLOCK_BOOTTIME. What the wall clock
 * says matters nowhere but in what people read.
 *
 * The kernel's timeouts of elements count jiffies, which stand still in suspend, as CLOCK_MONOTONIC
 * does. So a lease may last longer than we think, by the time slept, and never shorter: what a
 * client was told (by a clock of its own, that slept or did not) is never outlived by it. The other
 * choice, a cache by CLOCK_MONOTONIC, would hand out answers of before the sleep as fresh. But that
 * an element has ended by our count does not mean that it is gone from the kernel: see
 * clock_slept_ms. */
#ifndef EGRESSD_BASE_CLOCK_H
#define EGRESSD_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since a week before boot: a time of yesterday is no special case. */
uint64_t clock_now_ms(void);

/* Milliseconds that the machine has spent suspended, give or take one. Grows when it wakes up. */
uint64_t clock_slept_ms(void);

#endif
