/* SPDX-License-Identifier: MIT */
/* How long leases_grant takes, kernel included: what a first answer waits for. Prints a line for
 * each case with the median and the 99th percentile in nanoseconds. Makes a network namespace of
 * its own; needs root.
 *
 * grant [RUNS] */
#include <err.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "firewall/firewall.h"
#include "firewall/leases.h"
#include "firewall/state.h"
#include "policy/policy.h"

#define SKIP 77
#define RUNS 10000
#define ADDRESSES_MAX 16

static struct policy *policy;
static struct firewall *firewall;
static struct leases *leases;

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void report(const char *name, int64_t *times, unsigned runs)
{
    qsort(times, runs, sizeof(times[0]), compare);
    printf("%-44s p50 %6lld  p99 %6lld ns\n", name, (long long)times[runs / 2],
           (long long)times[(uint64_t)runs * 99 / 100]);
}

/* One port each, so that an address is an element. */
static struct policy *make_policy(void)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error;
    struct policy *built;
    struct entry entry;

    if (entry_parse("*.bench.test:443", &entry, &error) < 0 ||
        policy_builder_add(builder, POLICY_ALLOW, &entry, &error) < 0 ||
        policy_build(builder, &built, &error) < 0)
        errx(1, "%s", error.message);
    policy_builder_free(builder);
    return built;
}

static void load(void)
{
    const struct firewall_plan plan = {.policy = policy, .gate_port = 4053, .lease_idle_s = 600};
    struct text_error error;

    if (firewall_load(firewall, &plan, leases, &error) < 0)
        errx(1, "%s", error.message);
}

enum kind { NEW, RENEWED, HELD };

static void run(const char *name, enum kind kind, unsigned count, unsigned runs, int64_t *times)
{
    static uint32_t next, longer = 1000;
    struct address addresses[ADDRESSES_MAX];
    uint64_t services[ADDRESSES_MAX];
    char host[64];

    for (unsigned i = 0; i < runs; i++) {
        /* A thousand names take turns when leases are renewed. */
        uint32_t first = kind == NEW ? next : i % 1000 * count;
        uint32_t lifetime_s = kind == RENEWED ? ++longer : 300;
        int64_t start;

        for (unsigned k = 0; k < count; k++) {
            uint32_t n = first + k;

            addresses[k] = (struct address){
                ADDRESS_V4, {11, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
            services[k] = 1;
        }
        next += kind == NEW ? count : 0;
        snprintf(host, sizeof(host), "n%u.bench.test", first / count);
        start = now_ns();
        if (leases_grant(leases, &(struct lease_grant){host, addresses, services, count, lifetime_s,
                                                       0, NULL}) < 0)
            errx(1, "a grant failed");
        times[i] = now_ns() - start;
    }
    report(name, times, runs);
}

static void run_all(unsigned count, unsigned runs, int64_t *times)
{
    char name[64];

    leases_free(leases);
    leases = leases_new(firewall);
    load();
    snprintf(name, sizeof(name), "%u new", count);
    run(name, NEW, count, runs / count, times);
    if (firewall->updates_in_place) {
        snprintf(name, sizeof(name), "%u renewed in place", count);
        run(name, RENEWED, count, runs / count, times);
    }
    firewall->updates_in_place = false; /* as on a kernel that keeps the old timeout */
    snprintf(name, sizeof(name), "%u renewed by add, delete, add", count);
    run(name, RENEWED, count, runs / count, times);
    snprintf(name, sizeof(name), "%u that the kernel holds long enough", count);
    run(name, HELD, count, runs / count, times);
}

int main(int argc, char **argv)
{
    unsigned runs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : RUNS;
    int64_t *times = calloc(runs, sizeof(times[0]));
    struct text_error error;

    if (!times || runs < 1000 || runs > LEASE_ADDRESSES_PER_NAME_MAX)
        errx(64, "usage: grant [RUNS], 1000 to %d", LEASE_ADDRESSES_PER_NAME_MAX);
    if (unshare(CLONE_NEWNET) < 0) {
        warn("a network namespace of its own");
        return SKIP;
    }
    policy = make_policy();
    if (firewall_open(-1, &firewall, &error) < 0)
        errx(1, "%s", error.message);
    printf("leases_grant of one name, addresses per grant:\n");
    run_all(1, runs, times);
    run_all(4, runs, times);
    leases_free(leases);
    firewall_close(firewall);
    policy_free(policy);
    free(times);
    return 0;
}
