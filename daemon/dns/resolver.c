/* SPDX-License-Identifier: MIT */
#include "dns/resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "dns/flight.h"

/* A name that came through a wildcard is shown so long after it was last asked. */
#define SHOWN_MS 600000
#define RETRY_MS 2000

struct verdict resolver_judge(const struct resolver *resolver, const char *name)
{
    if (!resolver->policy)
        return (struct verdict){.reason = VERDICT_NOT_LISTED};
    return policy_judge_name(resolver->policy, name);
}

struct verdict resolver_judge_chain(const struct resolver *resolver, const char *name,
                                    uint64_t denied)
{
    struct verdict verdict = resolver_judge(resolver, name);

    verdict_take(&verdict, denied);
    return verdict;
}

bool resolver_is_audit(const struct resolver *resolver)
{
    return resolver->policy && policy_mode(resolver->policy) == POLICY_AUDIT;
}

bool resolver_answers(const struct resolver *resolver, const struct verdict *verdict)
{
    return verdict->allowed || resolver_is_audit(resolver);
}

static bool is_exact(const struct verdict *verdict)
{
    return verdict->allowed && verdict->entry->kind == ENTRY_NAME;
}

static struct cache_record *find_or_add(struct resolver *resolver, const char *name,
                                        enum address_family family, enum resolver_route route,
                                        const struct verdict *verdict)
{
    struct cache_record *record = cache_find(resolver->cache, name, family, route);

    if (record) {
        cache_touch(resolver->cache, record);
        return record;
    }
    record = cache_add(resolver->cache, name, family, route);
    record->is_exact = is_exact(verdict);
    cache_pin(resolver->cache, record);
    return record;
}

enum asker { ASKER_CLIENT, ASKER_TIMER };

/* Whose budget a question of this verdict is paid from; NULL: nobody's, nothing allows it. */
static const struct entry *payer_of(const struct verdict *verdict)
{
    return verdict->allowed ? verdict->entry : NULL;
}

static bool may_repeat(struct resolver *resolver, const struct entry *payer, const char *name,
                       uint64_t now_ms)
{
    return resolver_is_audit(resolver) ||
           budgets_judge(resolver->budgets, payer, name, now_ms) != BUDGET_KNOWN ||
           budgets_take_repetition(resolver->budgets, payer, now_ms);
}

/* In audit mode names are asked beyond what can be paid. */
static void pay(struct resolver *resolver, const struct entry *payer, const char *name,
                uint64_t now_ms)
{
    if (payer && !budget_refuses(budgets_judge(resolver->budgets, payer, name, now_ms)))
        budgets_spend(resolver->budgets, payer, name, now_ms);
}

/* Every name begins to be asked here, and so is paid for here. What the timers ask again is what
 * clients have paid for, and when, nobody outside has a say in. 0 or -errno, with nothing asked. */
static int start_flight(struct resolver *resolver, struct cache_record *record,
                        const struct entry *payer, enum asker asker)
{
    uint64_t now_ms = clock_now_ms();
    int r;

    if (asker == ASKER_CLIENT && !may_repeat(resolver, payer, record->name, now_ms))
        return -EDQUOT;
    r = flight_start(resolver, record, payer);
    if (r == 0)
        pay(resolver, payer, record->name, now_ms);
    return r;
}

/* What can be said without waiting. */
static bool answer_at_once(struct resolver *resolver, struct cache_record *record,
                           const struct entry *payer, struct resolver_answer *ret_answer)
{
    uint64_t now_ms = clock_now_ms();

    record->asked_ms = now_ms;
    if (now_ms < record->fresh_until_ms) {
        resolver->counters->cache_hits++;
        *ret_answer = resolver_read_fresh(resolver, record, now_ms);
        return true;
    }
    if (!record->is_failing)
        return false;
    if (resolver_read_stale(resolver, record, ret_answer)) {
        /* The next one may be better off. */
        if (!record->flight && now_ms >= record->retry_ms &&
            start_flight(resolver, record, payer, ASKER_CLIENT) < 0)
            record->retry_ms = now_ms + RETRY_MS;
        return true;
    }
    if (record->flight || now_ms >= record->retry_ms)
        return false;
    *ret_answer = resolver_no_answer(record->name, RESOLVER_FAILED, record->error,
                                     MESSAGE_EXTENDED_CACHED_ERROR); /* RFC 9520 */
    return true;
}

static void answer_spent(struct resolver *resolver, const char *name, const struct entry *entry,
                         enum budget_standing standing, resolver_on_answer *on_answer,
                         void *context)
{
    char why[BUDGET_TEXT_SIZE];
    struct resolver_answer answer = resolver_no_answer(
        name, RESOLVER_SPENT, budgets_explain(entry, standing, why), MESSAGE_EXTENDED_BLOCKED);

    resolver->counters->questions_over_budget++;
    if (budgets_note_refusal(resolver->budgets, entry, clock_now_ms()) && resolver->on_spent)
        resolver->on_spent(resolver->spent_observer, entry, why);
    on_answer(context, &answer);
}

static struct resolver_waiter *ask(struct resolver *resolver, const char *name,
                                   enum address_family family, enum resolver_route route,
                                   enum asker asker, resolver_on_answer *on_answer, void *context)
{
    struct verdict verdict = resolver_judge(resolver, name);
    const struct entry *payer = payer_of(&verdict);
    enum budget_standing standing;
    struct resolver_waiter *waiter = NULL;
    struct resolver_answer answer;
    struct cache_record *record;
    int r = 0;

    if (!resolver_answers(resolver, &verdict)) {
        answer = resolver_no_answer(name, RESOLVER_REFUSED, NULL, MESSAGE_EXTENDED_BLOCKED);
        on_answer(context, &answer);
        return NULL;
    }
    standing =
        resolver_is_audit(resolver) ? BUDGET_NONE : resolver_budget_standing(resolver, payer, name);
    if (budget_refuses(standing)) { /* leaves no record either */
        answer_spent(resolver, name, payer, standing, on_answer, context);
        return NULL;
    }
    record = find_or_add(resolver, name, family, route, &verdict);
    if (asker == ASKER_CLIENT && answer_at_once(resolver, record, payer, &answer)) {
        on_answer(context, &answer);
        return NULL;
    }
    if (!record->flight)
        r = start_flight(resolver, record, payer, asker);
    if (r == 0) {
        record->flight->for_client |= asker == ASKER_CLIENT && route == RESOLVER_ROUTE_NORMAL;
        waiter = flight_join(record->flight, on_answer, context);
    }
    if (!waiter) {
        answer = resolver_answer_failure(resolver, record, r < 0 ? r : -EBUSY);
        on_answer(context, &answer);
        cache_trim(resolver->cache);
    }
    return waiter;
}

struct resolver_waiter *resolver_ask(struct resolver *resolver, const char *name,
                                     enum address_family family, enum resolver_route route,
                                     resolver_on_answer *on_answer, void *context)
{
    return ask(resolver, name, family, route, ASKER_CLIENT, on_answer, context);
}

struct resolver_waiter *resolver_refresh(struct resolver *resolver, const char *name,
                                         enum address_family family, resolver_on_answer *on_answer,
                                         void *context)
{
    return ask(resolver, name, family, RESOLVER_ROUTE_NORMAL, ASKER_TIMER, on_answer, context);
}

void resolver_cancel(struct resolver_waiter *waiter)
{
    flight_leave(waiter);
}

uint64_t resolver_asked_ms(const struct resolver *resolver, const char *name,
                           enum address_family family)
{
    const struct cache_record *record =
        cache_find(resolver->cache, name, family, RESOLVER_ROUTE_NORMAL);

    return record ? record->asked_ms : 0;
}

void resolver_observe(struct resolver *resolver,
                      void (*on_learned)(void *context, const char *name,
                                         enum address_family family, uint32_t ttl_s),
                      void *context)
{
    resolver->on_learned = on_learned;
    resolver->observer = context;
}

void resolver_observe_addresses(struct resolver *resolver,
                                void (*on_addresses)(void *context, const char *name,
                                                     const struct address *addresses, size_t count),
                                void *context)
{
    resolver->on_addresses = on_addresses;
    resolver->addresses_observer = context;
}

void resolver_observe_budgets(struct resolver *resolver,
                              void (*on_spent)(void *context, const struct entry *entry,
                                               const char *why),
                              void *context)
{
    resolver->on_spent = on_spent;
    resolver->spent_observer = context;
}

enum budget_standing resolver_budget_standing(const struct resolver *resolver,
                                              const struct entry *entry, const char *name)
{
    return budgets_judge(resolver->budgets, entry, name, clock_now_ms());
}

struct budget_view resolver_budget(const struct resolver *resolver, const struct entry *wildcard)
{
    return budgets_view(resolver->budgets, wildcard, clock_now_ms());
}

/* Other addresses may count by the new policy, so everything is asked anew; what is known stays for
 * serve-stale, which judges again. */
static void rejudge(struct resolver *resolver, struct cache_record *record)
{
    struct verdict verdict = resolver_judge(resolver, record->name);

    /* Services mean something only with their policy. */
    record->denied = resolver->policy ? policy_denied_via(resolver->policy, record->via) : 0;
    if (record->flight) {
        record->flight->entry = payer_of(&verdict);
        record->flight->denied =
            resolver->policy ? policy_denied_via(resolver->policy, record->flight->via) : 0;
    }
    if (!verdict.allowed && !record->flight) {
        cache_remove(resolver->cache, record);
        return;
    }
    if (!verdict.allowed || record->result == CACHE_REFUSED) {
        cache_store(resolver->cache, record, NULL, NULL, 0, NULL);
        record->result = CACHE_NOTHING;
    }
    record->fresh_until_ms = 0;
    record->is_failing = false;
    record->error[0] = '\0';
    record->is_exact = is_exact(&verdict);
    cache_pin(resolver->cache, record);
}

void resolver_set_policy(struct resolver *resolver, const struct policy *policy)
{
    struct cache_record *record;
    size_t position = 0;

    resolver->policy = policy;
    if (policy)
        budgets_set_policy(resolver->budgets, policy);
    while ((record = cache_next(resolver->cache, &position)))
        rejudge(resolver, record);
    cache_trim(resolver->cache);
}

/* Whoever hears of a flight's end may start others, so the list is searched from its head each
 * time. */
static void restart_flights(struct resolver *resolver)
{
    struct flight *flight;

    for (flight = resolver->flights; flight; flight = flight->next)
        flight->is_outdated = flight->question != NULL; /* else it is landing */
    for (flight = resolver->flights; flight;) {
        if (!flight->is_outdated) {
            flight = flight->next;
            continue;
        }
        flight->is_outdated = false;
        flight_restart(flight);
        flight = resolver->flights;
    }
}

void resolver_set_servers(struct resolver *resolver, const struct servers *servers)
{
    bool are_others = !servers_equal(servers, &resolver->servers);
    struct cache_record *record;
    size_t position = 0;

    resolver->servers = *servers;
    upstream_forget_silence(resolver->upstream);
    while ((record = cache_next(resolver->cache, &position)))
        record->retry_ms = 0;
    if (are_others)
        restart_flights(resolver);
}

int resolver_new(uv_loop_t *loop, const struct resolver_options *options, struct leases *leases,
                 struct counters *counters, struct resolver **ret_resolver)
{
    struct resolver *resolver = xcalloc(1, sizeof(*resolver));
    int r = upstream_new(loop, options->upstream ? options->upstream : &upstream_default_options,
                         counters, &resolver->upstream);

    if (r < 0) {
        free(resolver);
        return r;
    }
    resolver->options = *options;
    resolver->leases = leases;
    resolver->counters = counters;
    resolver->cache = cache_new();
    resolver->budgets = budgets_new();
    *ret_resolver = resolver;
    return 0;
}

static void on_upstream_closed(void *context)
{
    struct resolver *resolver = context;

    if (resolver->on_closed)
        resolver->on_closed(resolver->closed_context);
    free(resolver);
}

void resolver_close(struct resolver *resolver, void (*on_closed)(void *context), void *context)
{
    resolver->on_closed = on_closed;
    resolver->closed_context = context;
    while (resolver->flights)
        flight_abort(resolver->flights);
    cache_free(resolver->cache);
    budgets_free(resolver->budgets);
    upstream_close(resolver->upstream, on_upstream_closed, resolver);
}

/* How well one record does, best first. */
enum standing {
    STANDS_OK,
    STANDS_STALE,
    STANDS_PENDING,
    STANDS_FAILED,
    STANDS_REFUSED,
    STANDS_NO_NAME,
    STANDS_EMPTY
};
static const char *const standing_texts[] = {
    [STANDS_OK] = "ok",         [STANDS_STALE] = "stale",     [STANDS_PENDING] = "pending",
    [STANDS_FAILED] = "failed", [STANDS_REFUSED] = "refused", [STANDS_NO_NAME] = "no-such-name",
    [STANDS_EMPTY] = "ok",
};

static enum standing standing_of(const struct cache_record *record, uint64_t now_ms)
{
    switch (record->result) {
    case CACHE_ANSWER:
        if (record->count == 0)
            return STANDS_EMPTY;
        return record->is_failing && now_ms >= record->fresh_until_ms ? STANDS_STALE : STANDS_OK;
    case CACHE_NO_NAME:
        return STANDS_NO_NAME;
    case CACHE_REFUSED:
        return STANDS_REFUSED;
    case CACHE_NOTHING:
        break;
    }
    return record->is_failing ? STANDS_FAILED : STANDS_PENDING;
}

static const char *error_of(const struct cache_record *record)
{
    return record->error[0] ? record->error : NULL;
}

static uint32_t ttl_left(const struct cache_record *record, uint64_t now_ms)
{
    return now_ms >= record->fresh_until_ms ? 0
                                            : (uint32_t)((record->fresh_until_ms - now_ms) / 1000);
}

/* Both records of a name as one: the better standing counts. other may be NULL. */
static void view_name(const struct cache_record *record, const struct cache_record *other,
                      uint64_t now_ms, struct address *addresses,
                      struct resolver_name_view *ret_view)
{
    size_t count = record->count;

    if (other && standing_of(other, now_ms) < standing_of(record, now_ms)) {
        const struct cache_record *better = other;

        other = record;
        record = better;
        count = record->count;
    }
    if (count > 0)
        memcpy(addresses, record->addresses, count * sizeof(addresses[0]));
    if (other && other->count > 0)
        memcpy(addresses + count, other->addresses, other->count * sizeof(addresses[0]));
    *ret_view = (struct resolver_name_view){
        .name = record->name,
        .state = standing_texts[standing_of(record, now_ms)],
        .ttl_left_s = ttl_left(record, now_ms),
        .last_error = record->error[0] || !other ? error_of(record) : error_of(other),
        .is_refused = record->result == CACHE_REFUSED || (other && other->result == CACHE_REFUSED),
        .addresses = addresses,
        .count = count + (other ? other->count : 0),
    };
    if (other && other->count > 0 && ttl_left(other, now_ms) < ret_view->ttl_left_s)
        ret_view->ttl_left_s = ttl_left(other, now_ms);
}

void resolver_each_name(struct resolver *resolver,
                        void (*on_name)(void *context, const struct resolver_name_view *name),
                        void *context)
{
    struct address *addresses = xcalloc(2 * MESSAGE_ADDRESSES_MAX, sizeof(addresses[0]));
    uint64_t now_ms = clock_now_ms();
    const struct cache_record *record;
    size_t position = 0;

    while ((record = cache_next(resolver->cache, &position))) {
        enum address_family other_family = record->family == ADDRESS_V4 ? ADDRESS_V6 : ADDRESS_V4;
        const struct cache_record *other =
            cache_find(resolver->cache, record->name, other_family, RESOLVER_ROUTE_NORMAL);
        struct resolver_name_view view;

        if (record->route != RESOLVER_ROUTE_NORMAL || (record->family == ADDRESS_V6 && other))
            continue;
        if (!record->is_exact && now_ms >= record->fresh_until_ms &&
            now_ms - record->asked_ms > SHOWN_MS)
            continue;
        if (!resolver_judge(resolver, record->name).allowed) /* audit mode */
            continue;
        view_name(record, other, now_ms, addresses, &view);
        on_name(context, &view);
    }
    free(addresses);
}
