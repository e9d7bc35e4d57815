/* SPDX-License-Identifier: MIT */
/* What resolver.c (who asks, what is known) and flight.c (asking and learning) share; nobody
 * else's. */
#ifndef EGRESSD_DNS_FLIGHT_H
#define EGRESSD_DNS_FLIGHT_H

#include "dns/cache.h"
#include "dns/message.h"
#include "dns/resolver.h"
#include "dns/upstream.h"

struct resolver_waiter {
    struct flight *flight;
    struct resolver_waiter *next, *previous;
    resolver_on_answer *on_answer;
    void *context;
};

/* A record being asked, for all who wait for it. */
struct flight {
    struct resolver *resolver;
    struct flight *next, *previous;
    struct cache_record *record;
    const struct entry *entry; /* what allowed it; NULL: nothing does (audit), or did */
    struct upstream_question *question;
    struct resolver_waiter *waiters;
    size_t waiter_count;
    bool for_client, is_outdated; /* asks servers that are no longer ours */
    uint64_t deadline_ms;         /* for all its questions together: a client waits */
    /* What the pieces of the chain so far came to. */
    unsigned pieces;
    size_t hops;
    uint32_t ttl_s;
    uint64_t denied; /* services that names of the chain take away */
    char *via;       /* these names, a space between two; NULL: none */
};

struct resolver {
    struct resolver_options options;
    struct leases *leases;
    struct counters *counters;
    const struct policy *policy;
    struct servers servers;
    struct upstream *upstream;
    struct cache *cache;
    struct budgets *budgets;
    struct flight *flights;
    size_t flight_count, waiter_count;
    void (*on_learned)(void *context, const char *name, enum address_family family, uint32_t ttl_s);
    void *observer;
    void (*on_addresses)(void *context, const char *name, const struct address *addresses,
                         size_t count);
    void *addresses_observer;
    void (*on_spent)(void *context, const struct entry *entry, const char *why);
    void *spent_observer;
    void (*on_closed)(void *context);
    void *closed_context;
    /* Of the grant being made. */
    struct address kept[MESSAGE_ADDRESSES_MAX];
    uint64_t services[MESSAGE_ADDRESSES_MAX];
};

struct verdict resolver_judge(const struct resolver *resolver, const char *name);
/* The same without what the chain from there takes away. */
struct verdict resolver_judge_chain(const struct resolver *resolver, const char *name,
                                    uint64_t denied);

bool resolver_is_audit(const struct resolver *resolver);
/* In audit mode every name is asked, and answered as it is; only what the policy allows is leased.
 */
bool resolver_answers(const struct resolver *resolver, const struct verdict *verdict);

struct resolver_answer resolver_answer_of(const struct cache_record *record, uint32_t ttl_s);
struct resolver_answer resolver_no_answer(const char *name, enum resolver_status status,
                                          const char *why, int extended_error);
/* A fresh answer once more. Its leases stand, unless somebody emptied the kernel's sets by hand:
 * they are asked for again, which costs nothing when nothing lacks. */
struct resolver_answer resolver_read_fresh(struct resolver *resolver, struct cache_record *record,
                                           uint64_t now_ms);
/* The last good answer once more (RFC 8767), judged and leased anew. False: it will not do. */
bool resolver_read_stale(struct resolver *resolver, struct cache_record *record,
                         struct resolver_answer *ret_answer);
/* Of an attempt that has just failed: noted in the record. The stale answer if there is one. */
struct resolver_answer resolver_answer_failure(struct resolver *resolver,
                                               struct cache_record *record, int status);

/* Asks for a record that is not in flight. 0 or -errno. */
int flight_start(struct resolver *resolver, struct cache_record *record, const struct entry *entry);
/* NULL: too many wait already. */
struct resolver_waiter *flight_join(struct flight *flight, resolver_on_answer *on_answer,
                                    void *context);
void flight_leave(struct resolver_waiter *waiter);
/* Asks anew, of the servers as they are now. */
void flight_restart(struct flight *flight);
/* Without a word to who waits. */
void flight_abort(struct flight *flight);

#endif
