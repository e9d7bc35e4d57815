/* SPDX-License-Identifier: MIT */
#include "dns/flight.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

#define FLIGHTS_MAX 1024
#define WAITERS_MAX 4096
#define TTL_MAX_S 3600
#define NEGATIVE_MAX_S 60
#define NEGATIVE_S 10  /* without an SOA */
#define STALE_TTL_S 30 /* RFC 8767 4 */
#define RETRY_MS 2000
/* A chain that comes in pieces is followed by so many further questions. */
#define PIECES_MAX 4

static bool has_address(const struct address *addresses, size_t count,
                        const struct address *address)
{
    for (size_t i = 0; i < count; i++)
        if (address_equal(&addresses[i], address))
            return true;
    return false;
}

/* The one way into the kernel. */
static int grant(struct resolver *resolver, const char *name, const struct address *addresses,
                 const uint64_t *services, size_t count, uint32_t ttl_s, uint64_t age_ms,
                 const char *via)
{
    const struct lease_grant request = {
        .name = name,
        .addresses = addresses,
        .services = services,
        .count = count,
        .lifetime_s = ttl_s + resolver->options.lease_grace_s,
        .age_s = (uint32_t)(age_ms / 1000),
        .via = via,
    };
    int r = leases_grant(resolver->leases, &request);

    if (r < 0)
        resolver->counters->grant_failures++;
    return r;
}

/* Leaves in resolver->kept what the policy lets be leased. Returns how many; *ret_why is the reason
 * for which some were left out, or NULL. */
static size_t keep_allowed(struct resolver *resolver, const struct verdict *verdict,
                           const struct address *addresses, size_t count, const char **ret_why)
{
    size_t kept = 0;

    *ret_why = NULL;
    for (size_t i = 0; i < count && kept < MESSAGE_ADDRESSES_MAX; i++) {
        const char *why;
        uint64_t services;

        if (has_address(resolver->kept, kept, &addresses[i]))
            continue;
        services = policy_judge_learned(resolver->policy, verdict, &addresses[i], &why);
        if (services == 0) {
            *ret_why = why;
            resolver->counters->addresses_refused++;
            continue;
        }
        resolver->kept[kept] = addresses[i];
        resolver->services[kept++] = services;
    }
    return kept;
}

/* In audit mode the rest is told too, without a lease. Returns how many are kept then. */
static size_t keep_rest(struct resolver *resolver, size_t kept, const struct address *addresses,
                        size_t count)
{
    for (size_t i = 0; i < count && kept < MESSAGE_ADDRESSES_MAX; i++) {
        if (has_address(resolver->kept, kept, &addresses[i]))
            continue;
        resolver->kept[kept] = addresses[i];
        resolver->services[kept++] = 0;
    }
    return kept;
}

/* Those that are leased come first. */
static size_t count_leased(const uint64_t *services, size_t count)
{
    size_t leased = 0;

    while (leased < count && services[leased] != 0)
        leased++;
    return leased;
}

/* Leaves in resolver->kept what the client is told, leased as far as the policy allows it,
 * acknowledged. Returns the count kept, or -errno; *ret_why as in keep_allowed. */
static int lease(struct resolver *resolver, const char *name, const struct verdict *verdict,
                 const struct address *addresses, size_t count, uint32_t ttl_s, uint64_t age_ms,
                 const char *via, const char **ret_why)
{
    size_t kept = keep_allowed(resolver, verdict, addresses, count, ret_why);
    int r;

    if (kept > 0) {
        r = grant(resolver, name, resolver->kept, resolver->services, kept, ttl_s, age_ms, via);
        if (r < 0)
            return r;
        resolver->counters->grants++;
    }
    if (resolver_is_audit(resolver))
        kept = keep_rest(resolver, kept, addresses, count);
    return (int)kept;
}

static enum resolver_status status_of(enum cache_result result)
{
    switch (result) {
    case CACHE_ANSWER:
        return RESOLVER_OK;
    case CACHE_NO_NAME:
        return RESOLVER_NO_NAME;
    case CACHE_REFUSED:
        return RESOLVER_REFUSED;
    case CACHE_NOTHING:
        break;
    }
    return RESOLVER_FAILED;
}

static const char *last_of(const char *via)
{
    const char *space = strrchr(via, ' ');

    return space ? space + 1 : via;
}

struct resolver_answer resolver_answer_of(const struct cache_record *record, uint32_t ttl_s)
{
    return (struct resolver_answer){
        .status = status_of(record->result),
        .ttl_s = ttl_s,
        .final_name = record->via ? last_of(record->via) : record->name,
        .addresses = record->addresses,
        .count = record->count,
        .why = record->result == CACHE_REFUSED ? record->error : NULL,
        .extended_error =
            record->result == CACHE_REFUSED ? MESSAGE_EXTENDED_BLOCKED : MESSAGE_EXTENDED_NONE,
    };
}

struct resolver_answer resolver_no_answer(const char *name, enum resolver_status status,
                                          const char *why, int extended_error)
{
    return (struct resolver_answer){
        .status = status,
        .final_name = name,
        .why = why,
        .extended_error = extended_error,
    };
}

static const struct {
    int status;
    const char *why;
    int extended_error;
} failures[] = {
    {-ETIMEDOUT, "no DNS server answered in time", MESSAGE_EXTENDED_NETWORK},
    {-EREMOTEIO, "the DNS servers say that they cannot answer", MESSAGE_EXTENDED_NO_AUTHORITY},
    {-EBADMSG, "the DNS servers answer nonsense", MESSAGE_EXTENDED_NO_AUTHORITY},
    {-ELOOP, "its chain of CNAMEs loops or is too long", MESSAGE_EXTENDED_NO_AUTHORITY},
    {-ECONNREFUSED, "nobody listens at the DNS servers", MESSAGE_EXTENDED_NETWORK},
    {-ENETUNREACH, "the DNS servers are out of reach", MESSAGE_EXTENDED_NETWORK},
    {-EPERM, "the firewall lets no question out to the DNS servers", MESSAGE_EXTENDED_NETWORK},
    {-EDESTADDRREQ, "no DNS server is known", MESSAGE_EXTENDED_NETWORK},
    {-EBUSY, "too many names are being asked", MESSAGE_EXTENDED_OTHER},
    {-EDQUOT, "too many questions are asked below its wildcard", MESSAGE_EXTENDED_OTHER},
    {-ENFILE, "the kernel's set of leases is full", MESSAGE_EXTENDED_OTHER},
    {0, "the network failed", MESSAGE_EXTENDED_NETWORK},
};

static struct resolver_answer failure_of(const char *name, int status)
{
    size_t i = 0;

    while (failures[i].status && failures[i].status != status)
        i++;
    return resolver_no_answer(name, RESOLVER_FAILED, failures[i].why, failures[i].extended_error);
}

static struct resolver_answer ungranted(const struct cache_record *record, int status)
{
    struct resolver_answer answer = failure_of(record->name, status);

    answer.extended_error = MESSAGE_EXTENDED_OTHER;
    if (status != -ENFILE)
        answer.why = "the kernel did not take the addresses";
    return answer;
}

struct resolver_answer resolver_read_fresh(struct resolver *resolver, struct cache_record *record,
                                           uint64_t now_ms)
{
    uint32_t ttl_s = (uint32_t)((record->fresh_until_ms - now_ms) / 1000);
    size_t leased = count_leased(record->services, record->count);
    int r = 0;

    if (leased > 0)
        r = grant(resolver, record->name, record->addresses, record->services, leased, ttl_s,
                  now_ms - record->learned_ms, record->via);
    return r < 0 ? ungranted(record, r) : resolver_answer_of(record, ttl_s);
}

static uint64_t age_ms_of(const struct cache_record *record)
{
    return clock_now_ms() - record->learned_ms;
}

/* The lease that comes with it must have ended in time, too. */
static bool has_stale(const struct resolver *resolver, const struct cache_record *record)
{
    uint64_t then_s = age_ms_of(record) / 1000 + STALE_TTL_S + resolver->options.lease_grace_s;

    return (record->result == CACHE_ANSWER || record->result == CACHE_NO_NAME) &&
           then_s < resolver->options.stale_max_s;
}

bool resolver_read_stale(struct resolver *resolver, struct cache_record *record,
                         struct resolver_answer *ret_answer)
{
    struct verdict verdict = resolver_judge_chain(resolver, record->name, record->denied);

    if (!has_stale(resolver, record) || !resolver_answers(resolver, &verdict))
        return false;
    if (record->count > 0) {
        const char *why;
        int count = lease(resolver, record->name, &verdict, record->addresses, record->count,
                          STALE_TTL_S, age_ms_of(record), record->via, &why);

        if (count <= 0)
            return false;
        if ((size_t)count < record->count)
            cache_store(resolver->cache, record, resolver->kept, resolver->services, (size_t)count,
                        record->via);
    }
    *ret_answer = resolver_answer_of(record, STALE_TTL_S);
    ret_answer->stale = true;
    ret_answer->extended_error = MESSAGE_EXTENDED_STALE;
    resolver->counters->stale_answers++;
    return true;
}

static void note_failure(struct cache_record *record, const char *why)
{
    record->is_failing = true;
    record->retry_ms = clock_now_ms() + RETRY_MS;
    snprintf(record->error, sizeof(record->error), "%s", why);
}

struct resolver_answer resolver_answer_failure(struct resolver *resolver,
                                               struct cache_record *record, int status)
{
    struct resolver_answer failure = failure_of(record->name, status), answer;

    if (status != -EBUSY && status != -EDQUOT) /* our own trouble, over in a moment */
        note_failure(record, failure.why);
    return resolver_read_stale(resolver, record, &answer) ? answer : failure;
}

/* As many may wait for the names of one entry as could still wait for others: names that nobody
 * answers, asked over and over, never take the last place. */
static bool is_full(const struct flight *flight)
{
    const struct resolver *resolver = flight->resolver;
    size_t left = WAITERS_MAX - resolver->waiter_count, count = 0;

    if (left > WAITERS_MAX / 2)
        return false;
    for (const struct flight *other = resolver->flights; other; other = other->next)
        if (other->entry == flight->entry)
            count += other->waiter_count;
    return count >= left;
}

struct resolver_waiter *flight_join(struct flight *flight, resolver_on_answer *on_answer,
                                    void *context)
{
    struct resolver_waiter *waiter;

    if (is_full(flight))
        return NULL;
    waiter = xcalloc(1, sizeof(*waiter));
    waiter->flight = flight;
    waiter->on_answer = on_answer;
    waiter->context = context;
    waiter->next = flight->waiters;
    if (waiter->next)
        waiter->next->previous = waiter;
    flight->waiters = waiter;
    flight->waiter_count++;
    flight->resolver->waiter_count++;
    return waiter;
}

void flight_leave(struct resolver_waiter *waiter)
{
    if (waiter->previous)
        waiter->previous->next = waiter->next;
    else
        waiter->flight->waiters = waiter->next;
    if (waiter->next)
        waiter->next->previous = waiter->previous;
    waiter->flight->waiter_count--;
    waiter->flight->resolver->waiter_count--;
    free(waiter);
}

/* Leaves the record behind. */
static void free_flight(struct flight *flight)
{
    struct resolver *resolver = flight->resolver;

    if (flight->previous)
        flight->previous->next = flight->next;
    else
        resolver->flights = flight->next;
    if (flight->next)
        flight->next->previous = flight->previous;
    resolver->flight_count--;
    flight->record->flight = NULL;
    free(flight->via);
    free(flight);
}

/* The one way out of every flight. The record stays pinned while the waiters hear of it. */
static void land(struct flight *flight, const struct resolver_answer *answer)
{
    struct resolver *resolver = flight->resolver;
    struct cache_record *record = flight->record;

    while (flight->waiters) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the first has left the list */
        resolver_on_answer *on_answer = flight->waiters->on_answer;
        void *context = flight->waiters->context;

        flight_leave(flight->waiters);
        on_answer(context, answer);
    }
    free_flight(flight);
    if (record->result == CACHE_NOTHING && !record->is_failing)
        cache_remove(resolver->cache, record);
    else
        cache_pin(resolver->cache, record);
    cache_trim(resolver->cache);
}

void flight_abort(struct flight *flight)
{
    while (flight->waiters)
        flight_leave(flight->waiters); /* NOLINT(clang-analyzer-unix.Malloc): as above */
    if (flight->question)
        upstream_cancel(flight->question);
    free_flight(flight);
}

static upstream_on_answer on_upstream;

static int ask_upstream(struct flight *flight, const char *name)
{
    struct resolver *resolver = flight->resolver;
    const struct cache_record *record = flight->record;
    struct firewall_endpoint servers[SERVERS_MAX];
    size_t count;

    if (record->route == RESOLVER_ROUTE_NORMAL) {
        count = servers_for_name(&resolver->servers, name, servers);
    } else {
        count = 0;
        for (size_t i = 0; i < resolver->servers.ordinary_count; i++)
            if (!address_equal(&resolver->servers.ordinary[i].address,
                               &resolver->servers.embedded.address))
                servers[count++] = resolver->servers.ordinary[i];
    }
    return upstream_ask(resolver->upstream, name,
                        record->family == ADDRESS_V4 ? MESSAGE_A : MESSAGE_AAAA, servers, count,
                        flight->deadline_ms, on_upstream, flight, &flight->question);
}

/* One entry, a wildcard over names that somebody invents, must not keep all others waiting. */
static bool is_crowded(const struct resolver *resolver, const struct entry *entry)
{
    size_t count = 0;

    if (resolver->flight_count < FLIGHTS_MAX / 2)
        return false;
    for (const struct flight *flight = resolver->flights; flight; flight = flight->next)
        count += flight->entry == entry;
    return resolver->flight_count >= FLIGHTS_MAX || count >= FLIGHTS_MAX / 2;
}

int flight_start(struct resolver *resolver, struct cache_record *record, const struct entry *entry)
{
    struct flight *flight;
    int r;

    if (is_crowded(resolver, entry))
        return -EBUSY;
    flight = xcalloc(1, sizeof(*flight));
    flight->resolver = resolver;
    flight->record = record;
    flight->entry = entry;
    flight->ttl_s = TTL_MAX_S;
    flight->deadline_ms = upstream_deadline_ms(resolver->upstream);
    r = ask_upstream(flight, record->name);
    if (r < 0) {
        free(flight);
        return r;
    }
    flight->next = resolver->flights;
    if (flight->next)
        flight->next->previous = flight;
    resolver->flights = flight;
    resolver->flight_count++;
    record->flight = flight;
    cache_pin(resolver->cache, record);
    return 0;
}

static void land_failed(struct flight *flight, int status)
{
    struct resolver_answer answer =
        resolver_answer_failure(flight->resolver, flight->record, status);

    land(flight, &answer);
}

void flight_restart(struct flight *flight)
{
    const char *name = flight->pieces > 0 ? last_of(flight->via) : flight->record->name;
    int r;

    upstream_cancel(flight->question);
    flight->question = NULL;
    r = ask_upstream(flight, name);
    if (r < 0)
        land_failed(flight, r);
}

static void land_refused(struct flight *flight)
{
    struct cache_record *record = flight->record;
    struct resolver_answer answer =
        resolver_no_answer(record->name, RESOLVER_REFUSED, NULL, MESSAGE_EXTENDED_BLOCKED);

    record->result = CACHE_NOTHING;
    record->is_failing = false;
    land(flight, &answer);
}

/* Fresh from since_ms on, so that the cache never outlives a lease that was made later. */
static void remember(struct flight *flight, enum cache_result result, size_t kept,
                     uint64_t since_ms, uint32_t ttl_s)
{
    struct resolver *resolver = flight->resolver;
    struct cache_record *record = flight->record;

    cache_store(resolver->cache, record, resolver->kept, resolver->services, kept, flight->via);
    record->denied = flight->denied;
    record->result = result;
    record->error[0] = '\0';
    record->is_failing = false;
    record->learned_ms = since_ms;
    record->fresh_until_ms = since_ms + (uint64_t)ttl_s * 1000;
}

static uint32_t negative_ttl(const struct message_answer *answer)
{
    if (!answer->has_soa)
        return NEGATIVE_S;
    return answer->negative_ttl_s < NEGATIVE_MAX_S ? answer->negative_ttl_s : NEGATIVE_MAX_S;
}

static void land_ungranted(struct flight *flight, int status)
{
    struct resolver_answer answer = ungranted(flight->record, status);

    note_failure(flight->record, answer.why);
    land(flight, &answer);
}

static void land_addresses(struct flight *flight, const struct verdict *verdict,
                           const struct message_answer *answer)
{
    struct resolver *resolver = flight->resolver;
    struct cache_record *record = flight->record;
    uint64_t now_ms = clock_now_ms();
    uint32_t ttl_s = flight->ttl_s;
    const char *why;
    struct resolver_answer result;
    size_t leased;
    int kept = lease(resolver, record->name, verdict, answer->addresses, answer->count, ttl_s, 0,
                     flight->via, &why);

    if (kept < 0) {
        land_ungranted(flight, kept);
        return;
    }
    leased = count_leased(resolver->services, (size_t)kept);
    if (kept == 0 && ttl_s > NEGATIVE_MAX_S)
        ttl_s = NEGATIVE_MAX_S;
    remember(flight, kept > 0 ? CACHE_ANSWER : CACHE_REFUSED, (size_t)kept, now_ms, ttl_s);
    if (why)
        snprintf(record->error, sizeof(record->error), "%s not let out: %s",
                 leased > 0 ? "some of its addresses are" : "its addresses are", why);
    if (kept > 0 && resolver->on_addresses)
        resolver->on_addresses(resolver->addresses_observer, record->name, resolver->kept,
                               (size_t)kept);
    if (leased > 0 && flight->for_client && !record->is_exact && resolver->on_learned)
        resolver->on_learned(resolver->observer, record->name, record->family, ttl_s);
    result = resolver_answer_of(record, ttl_s);
    land(flight, &result);
}

static void land_negative(struct flight *flight, const struct message_answer *answer)
{
    bool exists = answer->rcode == MESSAGE_NOERROR;
    uint32_t ttl_s = negative_ttl(answer);
    struct resolver_answer result;

    remember(flight, exists ? CACHE_ANSWER : CACHE_NO_NAME, 0, clock_now_ms(), ttl_s);
    if (!exists)
        snprintf(flight->record->error, sizeof(flight->record->error), "there is no such name");
    result = resolver_answer_of(flight->record, ttl_s);
    land(flight, &result);
}

/* A deny entry wins over what an allowed name leads to. */
static void land_denied(struct flight *flight)
{
    struct resolver_answer result;

    remember(flight, CACHE_REFUSED, 0, clock_now_ms(), NEGATIVE_MAX_S);
    snprintf(flight->record->error, sizeof(flight->record->error),
             "its chain of CNAMEs leads to a denied name");
    result = resolver_answer_of(flight->record, NEGATIVE_MAX_S);
    land(flight, &result);
}

static void add_hop(struct flight *flight, const char *name)
{
    char *longer = flight->via ? xasprintf("%s %s", flight->via, name) : xstrdup(name);

    free(flight->via);
    flight->via = longer;
}

/* Takes note of the answer's piece of the chain. 0 or -ELOOP. */
static int follow_piece(struct flight *flight, const struct message_answer *answer)
{
    for (size_t i = 0; i < answer->chain_count; i++) {
        flight->denied |= policy_denied_services(flight->resolver->policy, answer->chain[i]);
        add_hop(flight, answer->chain[i]);
    }
    flight->hops += answer->chain_count;
    if (answer->ttl_s < flight->ttl_s)
        flight->ttl_s = answer->ttl_s;
    return flight->hops > MESSAGE_CHAIN_MAX ? -ELOOP : 0;
}

/* Without an SOA, which would say that there is nothing, the end is still to be asked for. */
static bool is_cut_short(const struct message_answer *answer)
{
    return answer->rcode == MESSAGE_NOERROR && answer->count == 0 && answer->chain_count > 0 &&
           !answer->has_soa;
}

static void on_upstream(void *context, int status, const struct message_answer *answer)
{
    struct flight *flight = context;
    struct resolver *resolver = flight->resolver;
    struct verdict verdict = resolver_judge(resolver, flight->record->name);
    bool answers;

    flight->question = NULL;
    if (!resolver_answers(resolver,
                          &verdict)) { /* the policy may have changed since the question left */
        land_refused(flight);
        return;
    }
    if (status == 0)
        status = follow_piece(flight, answer);
    verdict = resolver_judge_chain(resolver, flight->record->name, flight->denied);
    answers = resolver_answers(resolver, &verdict);
    if (status == 0 && answers && is_cut_short(answer)) {
        status =
            ++flight->pieces > PIECES_MAX ? -ELOOP : ask_upstream(flight, last_of(flight->via));
        if (status == 0)
            return;
    }
    if (!answers)
        land_denied(flight);
    else if (status < 0)
        land_failed(flight, status);
    else if (answer->count > 0)
        land_addresses(flight, &verdict, answer);
    else
        land_negative(flight, answer);
}
