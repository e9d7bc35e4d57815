/* SPDX-License-Identifier: MIT */
#include "run/pace.h"

#define SHARE 10

bool pace_may_go_on(struct pace *pace, uint64_t now_ms)
{
    if (pace->paid_ms > now_ms)
        return false;
    if (pace->paid_ms + pace->burst_ms < now_ms)
        pace->paid_ms = now_ms > pace->burst_ms ? now_ms - pace->burst_ms : 0;
    pace->paid_ms += pace->interval_ms;
    return true;
}

void pace_took(struct pace *pace, uint64_t took_ms)
{
    if (took_ms * SHARE > pace->interval_ms)
        pace->paid_ms += took_ms * SHARE - pace->interval_ms;
}
