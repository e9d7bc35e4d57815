/* SPDX-License-Identifier: MIT */
#include "dns/refresh.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/table.h"
#include "dns/random.h"
#include "dns/wire_name.h"

#define IN_FLIGHT_MAX 32
#define LEARNED_MAX 8192 /* names that clients brought; exact ones are bounded by the policy */
#define ACTIVE_MS 600000 /* for so long after a client asked, such a name is kept fresh */
#define BACKOFF_MAX_MS 300000
#define SLEEP_MAX_MS 60000 /* libuv's clock stands still in suspend, ours does not */
#define KEY_SIZE_MAX (1 + WIRE_NAME_TEXT_SIZE)
#define NOT_IN_HEAP SIZE_MAX

/* One name and family: in the heap, or being asked. */
struct item {
    struct refresh *refresh;
    struct resolver_waiter *waiter; /* NULL: not being asked */
    bool is_exact, is_wanted;
    uint64_t due_ms;
    uint64_t backoff_ms; /* 0: the last answer was good */
    size_t place;        /* in the heap */
    size_t key_size;
    char key[]; /* family, name */
};

struct refresh {
    uv_timer_t timer;
    struct resolver *resolver;
    struct counters *counters;
    uint64_t floor_ms;
    struct table *items;
    struct item **heap; /* by due_ms, the earliest first */
    size_t heap_count, heap_capacity;
    size_t learned_count, in_flight;
    bool is_pumping;
    void (*on_closed)(void *context);
    void *closed_context;
};

static const char *name_of(const struct item *item)
{
    return item->key + 1;
}

static enum address_family family_of(const struct item *item)
{
    return (enum address_family)item->key[0];
}

static size_t make_key(char key[static KEY_SIZE_MAX], const char *name, enum address_family family)
{
    size_t length = strnlen(name, WIRE_NAME_TEXT_SIZE - 1);

    key[0] = (char)family;
    memcpy(key + 1, name, length);
    return 1 + length;
}

static void put_at(struct refresh *refresh, size_t place, struct item *item)
{
    refresh->heap[place] = item;
    item->place = place;
}

/* Moves the item at place up or down to where it belongs. */
static void settle(struct refresh *refresh, size_t place)
{
    struct item *item = refresh->heap[place];

    while (place > 0 && item->due_ms < refresh->heap[(place - 1) / 2]->due_ms) {
        put_at(refresh, place, refresh->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * place + 1;

        if (child + 1 < refresh->heap_count &&
            refresh->heap[child + 1]->due_ms < refresh->heap[child]->due_ms)
            child++;
        if (child >= refresh->heap_count || refresh->heap[child]->due_ms >= item->due_ms)
            break;
        put_at(refresh, place, refresh->heap[child]);
        place = child;
    }
    put_at(refresh, place, item);
}

static void schedule(struct item *item, uint64_t due_ms)
{
    struct refresh *refresh = item->refresh;

    item->due_ms = due_ms;
    if (item->place == NOT_IN_HEAP) {
        if (refresh->heap_count == refresh->heap_capacity) {
            refresh->heap_capacity = refresh->heap_capacity ? 2 * refresh->heap_capacity : 64;
            refresh->heap =
                /* NOLINTNEXTLINE(bugprone-sizeof-expression): it holds pointers */
                xreallocarray(refresh->heap, refresh->heap_capacity, sizeof(refresh->heap[0]));
        }
        put_at(refresh, refresh->heap_count++, item);
    }
    settle(refresh, item->place);
}

static void unschedule(struct item *item)
{
    struct refresh *refresh = item->refresh;
    size_t place = item->place;

    if (place == NOT_IN_HEAP)
        return;
    item->place = NOT_IN_HEAP;
    if (place == --refresh->heap_count)
        return;
    put_at(refresh, place, refresh->heap[refresh->heap_count]);
    settle(refresh, place);
}

static struct item *find(const struct refresh *refresh, const char *name,
                         enum address_family family)
{
    char key[KEY_SIZE_MAX];

    return table_get(refresh->items, key, make_key(key, name, family));
}

static struct item *add(struct refresh *refresh, const char *name, enum address_family family,
                        bool is_exact)
{
    char key[KEY_SIZE_MAX];
    size_t size = make_key(key, name, family);
    struct item *item = xcalloc(1, sizeof(*item) + size + 1);

    memcpy(item->key, key, size);
    item->key_size = size;
    item->refresh = refresh;
    item->place = NOT_IN_HEAP;
    item->is_exact = is_exact;
    refresh->learned_count += !is_exact;
    table_put(refresh->items, item->key, size, item);
    return item;
}

/* The one way out of every item. */
static void drop(struct item *item)
{
    struct refresh *refresh = item->refresh;

    unschedule(item);
    if (item->waiter) {
        resolver_cancel(item->waiter);
        refresh->in_flight--;
    }
    refresh->learned_count -= !item->is_exact;
    table_remove(refresh->items, item->key, item->key_size);
    free(item);
}

/* A tenth less to a tenth more, so that names learned together part. */
static uint64_t jitter(uint64_t interval_ms)
{
    return interval_ms - interval_ms / 10 + interval_ms * random_u16() / UINT16_MAX / 5;
}

static uint64_t interval_of(const struct refresh *refresh, uint32_t ttl_s)
{
    uint64_t interval_ms = (uint64_t)ttl_s * 800; /* 0.8 of it */

    return jitter(interval_ms < refresh->floor_ms ? refresh->floor_ms : interval_ms);
}

static uint64_t back_off(struct item *item)
{
    item->backoff_ms = item->backoff_ms ? 2 * item->backoff_ms : item->refresh->floor_ms;
    if (item->backoff_ms > BACKOFF_MAX_MS)
        item->backoff_ms = BACKOFF_MAX_MS;
    return jitter(item->backoff_ms);
}

static void pump(struct refresh *refresh);

/* A name without addresses (of this family) is asked ever more rarely as well. */
static void on_answer(void *context, const struct resolver_answer *answer)
{
    struct item *item = context;
    struct refresh *refresh = item->refresh;
    bool is_good = answer->status == RESOLVER_OK && answer->count > 0 && !answer->stale;

    item->waiter = NULL;
    refresh->in_flight--;
    if (is_good)
        item->backoff_ms = 0;
    schedule(item,
             clock_now_ms() + (is_good ? interval_of(refresh, answer->ttl_s) : back_off(item)));
    pump(refresh);
}

static void ask(struct item *item)
{
    struct refresh *refresh = item->refresh;

    unschedule(item);
    if (!item->is_exact &&
        clock_now_ms() - resolver_asked_ms(refresh->resolver, name_of(item), family_of(item)) >
            ACTIVE_MS) {
        drop(item);
        return;
    }
    refresh->in_flight++;
    refresh->counters->refreshes++;
    item->waiter =
        resolver_refresh(refresh->resolver, name_of(item), family_of(item), on_answer, item);
}

static void on_timer(uv_timer_t *timer)
{
    pump(timer->data);
}

static uint64_t sleep_until(uint64_t due_ms, uint64_t now_ms)
{
    return due_ms - now_ms < SLEEP_MAX_MS ? due_ms - now_ms : SLEEP_MAX_MS;
}

/* Asks whatever is due, as far as there is room, and sets the timer for the rest. */
static void pump(struct refresh *refresh)
{
    uint64_t now_ms = clock_now_ms();

    if (refresh->is_pumping) /* an answer came at once */
        return;
    refresh->is_pumping = true;
    while (refresh->heap_count > 0 && refresh->in_flight < IN_FLIGHT_MAX &&
           /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): one that was dropped has left the heap */
           refresh->heap[0]->due_ms <= now_ms)
        ask(refresh->heap[0]);
    refresh->is_pumping = false;

    if (refresh->heap_count == 0 || refresh->in_flight == IN_FLIGHT_MAX)
        uv_timer_stop(&refresh->timer); /* the next answer pumps */
    else
        uv_timer_start(&refresh->timer, on_timer, sleep_until(refresh->heap[0]->due_ms, now_ms), 0);
}

static void on_learned(void *context, const char *name, enum address_family family, uint32_t ttl_s)
{
    struct refresh *refresh = context;

    if (refresh->learned_count >= LEARNED_MAX || find(refresh, name, family))
        return;
    schedule(add(refresh, name, family, false), clock_now_ms() + interval_of(refresh, ttl_s));
    pump(refresh);
}

static void want(struct refresh *refresh, const char *name, enum address_family family)
{
    struct item *item = find(refresh, name, family);

    if (!item)
        item = add(refresh, name, family, true);
    refresh->learned_count -= !item->is_exact;
    item->is_exact = item->is_wanted = true;
    item->backoff_ms = 0;
    if (!item->waiter)
        schedule(item, clock_now_ms());
}

void refresh_set_policy(struct refresh *refresh, const struct policy *policy)
{
    size_t count, position = 0;
    const char *const *names = policy_exact_names(policy, &count);
    struct item *item;

    for (size_t i = 0; i < count; i++) {
        want(refresh, names[i], ADDRESS_V4);
        want(refresh, names[i], ADDRESS_V6);
    }
    while ((item = table_next(refresh->items, &position))) {
        bool stays =
            item->is_exact ? item->is_wanted : policy_judge_name(policy, name_of(item)).allowed;

        item->is_wanted = false;
        if (!stays)
            drop(item);
    }
    pump(refresh);
}

void refresh_retry_failed(struct refresh *refresh)
{
    size_t position = 0;
    struct item *item;

    while ((item = table_next(refresh->items, &position))) {
        if (item->backoff_ms == 0 || item->waiter)
            continue;
        item->backoff_ms = 0;
        schedule(item, clock_now_ms());
    }
    pump(refresh);
}

int refresh_new(uv_loop_t *loop, struct resolver *resolver, uint32_t min_interval_s,
                struct counters *counters, struct refresh **ret_refresh)
{
    struct refresh *refresh = xcalloc(1, sizeof(*refresh));

    uv_timer_init(loop, &refresh->timer);
    refresh->timer.data = refresh;
    refresh->resolver = resolver;
    refresh->counters = counters;
    refresh->floor_ms = min_interval_s > 0 ? (uint64_t)min_interval_s * 1000 : 1000;
    refresh->items = table_new();
    resolver_observe(resolver, on_learned, refresh);
    *ret_refresh = refresh;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct refresh *refresh = handle->data;

    if (refresh->on_closed)
        refresh->on_closed(refresh->closed_context);
    free(refresh);
}

void refresh_close(struct refresh *refresh, void (*on_closed)(void *context), void *context)
{
    size_t position = 0;
    struct item *item;

    refresh->on_closed = on_closed;
    refresh->closed_context = context;
    resolver_observe(refresh->resolver, NULL, NULL);
    while ((item = table_next(refresh->items, &position)))
        drop(item);
    table_free(refresh->items);
    free(refresh->heap);
    uv_close((uv_handle_t *)&refresh->timer, on_timer_closed);
}
