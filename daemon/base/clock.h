/* SPDX-License-Identifier: MIT */
/* Time that runs on through suspend and that nobody can set: CLOCK_BOOTTIME. */
#ifndef EGRESSD_BASE_CLOCK_H
#define EGRESSD_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since boot. */
uint64_t clock_now_ms(void);

#endif
