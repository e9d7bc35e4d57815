/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <time.h>

#define START_MS UINT64_C(604800000)

static uint64_t read_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_now_ms(void)
{
    return START_MS + read_ms(CLOCK_BOOTTIME);
}

/* Read one after the other, they differ by a little more than the sleep. */
uint64_t clock_slept_ms(void)
{
    uint64_t awake_ms = read_ms(CLOCK_MONOTONIC);

    return read_ms(CLOCK_BOOTTIME) - awake_ms;
}
