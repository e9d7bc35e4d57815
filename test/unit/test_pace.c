/* SPDX-License-Identifier: MIT */
#include "run/pace.h"

#include <check.h>
#include <stdlib.h>

#define SECOND 1000
#define START (100 * SECOND)

/* Asked for each millisecond of so many; each time it takes so long. Returns how long in all. */
static uint64_t busy_ms(struct pace *pace, uint64_t for_ms, uint64_t takes_ms)
{
    uint64_t busy = 0;

    for (uint64_t now = START; now < START + for_ms; now++)
        if (pace_may_go_on(pace, now)) {
            pace_took(pace, takes_ms);
            busy += takes_ms;
            now += takes_ms;
        }
    return busy;
}

START_TEST(what_is_quick_is_done_at_once_and_then_at_intervals)
{
    struct pace pace = {.interval_ms = 50, .burst_ms = 1000};
    unsigned done = 0;

    while (pace_may_go_on(&pace, START))
        done++;
    ck_assert_uint_eq(done, 21);
    ck_assert(!pace_may_go_on(&pace, START + 49));
    ck_assert(pace_may_go_on(&pace, START + 50));
    ck_assert(!pace_may_go_on(&pace, START + 51));
}
END_TEST

/* Whoever opens many sockets decides how long a look takes. */
START_TEST(what_is_slow_leaves_us_our_time)
{
    static const uint64_t takes[] = {1, 5, 10, 40, 200, 1500};
    struct pace pace = {.interval_ms = 50, .burst_ms = 1000};

    ck_assert_uint_le(busy_ms(&pace, 60 * SECOND, takes[_i]),
                      6 * SECOND + SECOND / 10 + 2 * takes[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pace");
    TCase *tests = tcase_create("pace");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_test(tests, what_is_quick_is_done_at_once_and_then_at_intervals);
    tcase_add_loop_test(tests, what_is_slow_leaves_us_our_time, 0, 6);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
