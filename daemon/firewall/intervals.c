/* SPDX-License-Identifier: MIT */
#include "firewall/intervals.h"

#include <stdbool.h>
#include <stdlib.h>

static int compare_firsts(const void *a, const void *b)
{
    return address_compare(&((const struct interval *)a)->first,
                           &((const struct interval *)b)->first);
}

/* Whether b starts within a or right behind it. */
static bool reaches(const struct interval *a, const struct interval *b)
{
    struct address before = b->first;

    if (a->last.family != b->first.family)
        return false;
    if (address_compare(&b->first, &a->last) <= 0)
        return true;
    for (size_t i = address_size(&before); i-- > 0;)
        if (before.bytes[i]-- != 0)
            break;
    return address_equal(&before, &a->last);
}

size_t intervals_merge(struct interval *intervals, size_t count)
{
    size_t kept = 0;

    if (count == 0)
        return 0;
    qsort(intervals, count, sizeof(intervals[0]), compare_firsts);
    for (size_t i = 1; i < count; i++) {
        struct interval *top = &intervals[kept];

        if (!reaches(top, &intervals[i]))
            intervals[++kept] = intervals[i];
        else if (address_compare(&intervals[i].last, &top->last) > 0)
            top->last = intervals[i].last;
    }
    return kept + 1;
}
