/* SPDX-License-Identifier: MIT */
#include "dns/budgets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"
#include "policy/name_budget.h"
#include "policy/policy.h"

#define HOUR_MS 3600000
#define SAY_AGAIN_MS 60000
/* Of known names: A and AAAA of what may be new at once, and as much again; then two a second,
 * which carry 11 bits each where 1000 names are known: 10 kB an hour. When it is used up, clients
 * hear the last answer. */
#define REPETITIONS_PER_NAME 4
#define REPETITIONS_MIN 400
#define REPETITIONS_HOURLY 7200
/* Of all wildcards together, whatever the policy says: 8 bytes each. */
#define KNOWN_MAX 1000000
#define KNOWN_SIZE_MIN 64 /* powers of two */

/* Names by their keyed hashes: nobody outside can make two collide, and that a new name passes for
 * a known one by chance (one in 2^43 with a million names) would give away that one name. */
struct known_names {
    uint64_t *hashes; /* 0: none */
    size_t size, count;
};

/* What is taken comes back with time. */
struct bucket {
    uint64_t taken; /* in parts: HOUR_MS of them are one */
    uint64_t then_ms;
};

struct budget {
    struct known_names known;
    struct bucket fresh, repeated;
    uint32_t used;
    uint64_t refused;
    uint64_t said_ms; /* 0: never */
    bool is_wanted;
    size_t key_size;
    char key[]; /* the name below which */
};

struct budgets {
    struct table *table;
    size_t known;
};

/* --- known names ------------------------------------------------------------------------------ */

static uint64_t hash_of(const char *name)
{
    return table_hash(name, strlen(name)) | 1; /* never 0 */
}

/* The place of the hash, or the empty one where it would go. size is not 0. */
static size_t place_of(const struct known_names *known, uint64_t hash)
{
    size_t place = (hash >> 1) & (known->size - 1);

    while (known->hashes[place] && known->hashes[place] != hash)
        place = (place + 1) & (known->size - 1);
    return place;
}

static bool is_known(const struct known_names *known, const char *name)
{
    return known->size > 0 && known->hashes[place_of(known, hash_of(name))];
}

static void grow(struct known_names *known)
{
    struct known_names larger = {.size = known->size ? 2 * known->size : KNOWN_SIZE_MIN};

    larger.hashes = xcalloc(larger.size, sizeof(larger.hashes[0]));
    larger.count = known->count;
    for (size_t i = 0; i < known->size; i++)
        if (known->hashes[i])
            larger.hashes[place_of(&larger, known->hashes[i])] = known->hashes[i];
    free(known->hashes);
    *known = larger;
}

static void remember(struct known_names *known, const char *name)
{
    uint64_t hash = hash_of(name);

    if (4 * (known->count + 1) > 3 * known->size)
        grow(known);
    known->hashes[place_of(known, hash)] = hash;
    known->count++;
}

/* --- buckets ---------------------------------------------------------------------------------- */

/* What is still taken. hourly: how many come back in an hour, so many parts in a millisecond. */
static uint64_t taken_of(const struct bucket *bucket, uint32_t hourly, uint64_t now_ms)
{
    uint64_t back = (now_ms - bucket->then_ms) * hourly;

    return back < bucket->taken ? bucket->taken - back : 0;
}

static bool has_room(const struct bucket *bucket, uint32_t count, uint32_t capacity,
                     uint32_t hourly, uint64_t now_ms)
{
    return taken_of(bucket, hourly, now_ms) + (uint64_t)count * HOUR_MS <=
           (uint64_t)capacity * HOUR_MS;
}

static void take(struct bucket *bucket, uint32_t count, uint32_t hourly, uint64_t now_ms)
{
    bucket->taken = taken_of(bucket, hourly, now_ms) + (uint64_t)count * HOUR_MS;
    bucket->then_ms = now_ms;
}

/* --- budgets ---------------------------------------------------------------------------------- */

struct budgets *budgets_new(void)
{
    struct budgets *budgets = xcalloc(1, sizeof(*budgets));

    budgets->table = table_new();
    return budgets;
}

/* The one way out of every budget. */
static void drop(struct budgets *budgets, struct budget *budget)
{
    table_remove(budgets->table, budget->key, budget->key_size);
    budgets->known -= budget->known.count;
    free(budget->known.hashes);
    free(budget);
}

void budgets_free(struct budgets *budgets)
{
    struct budget *budget;
    size_t position = 0;

    while ((budget = table_next(budgets->table, &position)))
        drop(budgets, budget);
    table_free(budgets->table);
    free(budgets);
}

/* NULL: nothing of it is spent. */
static struct budget *find(const struct budgets *budgets, const struct entry *entry)
{
    return table_get(budgets->table, entry->name, strlen(entry->name));
}

static struct budget *find_or_add(struct budgets *budgets, const struct entry *entry)
{
    struct budget *budget = find(budgets, entry);
    size_t size = strlen(entry->name);

    if (budget)
        return budget;
    budget = xcalloc(1, sizeof(*budget) + size + 1);
    memcpy(budget->key, entry->name, size);
    budget->key_size = size;
    table_put(budgets->table, budget->key, size, budget);
    return budget;
}

void budgets_set_policy(struct budgets *budgets, const struct policy *policy)
{
    size_t count, position = 0;
    const struct entry *entries = policy_entries(policy, POLICY_ALLOW, &count);
    struct budget *budget;

    for (size_t i = 0; i < count; i++) {
        budget = entries[i].kind == ENTRY_WILDCARD ? find(budgets, &entries[i]) : NULL;
        if (budget)
            budget->is_wanted = true;
    }
    while ((budget = table_next(budgets->table, &position))) {
        if (!budget->is_wanted)
            drop(budgets, budget);
        else
            budget->is_wanted = false;
    }
}

static enum budget_standing judge_cost(const struct budgets *budgets, const struct budget *budget,
                                       const struct entry *entry, uint32_t cost, uint64_t now_ms)
{
    uint32_t most = name_budget_of(entry), at_once = name_budget_at_once(entry);
    uint32_t used = budget ? budget->used : 0;

    if (used >= most || cost > most - used || budgets->known >= KNOWN_MAX)
        return BUDGET_SPENT;
    if (budget && !has_room(&budget->fresh, cost, at_once, at_once, now_ms))
        return BUDGET_RESTING;
    return BUDGET_ROOM;
}

enum budget_standing budgets_judge(const struct budgets *budgets, const struct entry *entry,
                                   const char *name, uint64_t now_ms)
{
    const struct budget *budget;

    if (entry->kind != ENTRY_WILDCARD)
        return BUDGET_NONE;
    budget = find(budgets, entry);
    if (budget && is_known(&budget->known, name))
        return BUDGET_KNOWN;
    return judge_cost(budgets, budget, entry, name_budget_cost(entry, name), now_ms);
}

void budgets_spend(struct budgets *budgets, const struct entry *entry, const char *name,
                   uint64_t now_ms)
{
    struct budget *budget;
    uint32_t cost;

    if (entry->kind != ENTRY_WILDCARD)
        return;
    budget = find_or_add(budgets, entry);
    if (is_known(&budget->known, name))
        return;
    cost = name_budget_cost(entry, name);
    remember(&budget->known, name);
    budgets->known++;
    budget->used += cost;
    take(&budget->fresh, cost, name_budget_at_once(entry), now_ms);
}

static uint32_t repetitions_at_once(const struct entry *entry)
{
    uint32_t count = REPETITIONS_PER_NAME * name_budget_at_once(entry);

    return count > REPETITIONS_MIN ? count : REPETITIONS_MIN;
}

bool budgets_take_repetition(struct budgets *budgets, const struct entry *entry, uint64_t now_ms)
{
    struct budget *budget;

    if (entry->kind != ENTRY_WILDCARD)
        return true;
    budget = find_or_add(budgets, entry);
    if (!has_room(&budget->repeated, 1, repetitions_at_once(entry), REPETITIONS_HOURLY, now_ms))
        return false;
    take(&budget->repeated, 1, REPETITIONS_HOURLY, now_ms);
    return true;
}

/* --- for people ------------------------------------------------------------------------------- */

bool budgets_note_refusal(struct budgets *budgets, const struct entry *entry, uint64_t now_ms)
{
    struct budget *budget = find_or_add(budgets, entry);

    budget->refused++;
    if (budget->said_ms && now_ms - budget->said_ms < SAY_AGAIN_MS)
        return false;
    budget->said_ms = now_ms;
    return true;
}

/* The remedy comes last but must not be cut off in an extended error: few words. */
const char *budgets_explain(const struct entry *entry, enum budget_standing standing,
                            char text[static BUDGET_TEXT_SIZE])
{
    bool is_resting = standing == BUDGET_RESTING;

    snprintf(text, BUDGET_TEXT_SIZE,
             "'%.80s' has led to %u new names%s: list the name itself, or raise \"names\" of that "
             "entry%s",
             entry->text, is_resting ? name_budget_at_once(entry) : name_budget_of(entry),
             is_resting ? " within an hour" : ", all it may", is_resting ? ", or wait" : "");
    return text;
}

struct budget_view budgets_view(const struct budgets *budgets, const struct entry *entry,
                                uint64_t now_ms)
{
    const struct budget *budget = find(budgets, entry);

    return (struct budget_view){
        .most = name_budget_of(entry),
        .used = budget ? budget->used : 0,
        .refused = budget ? budget->refused : 0,
        .standing = judge_cost(budgets, budget, entry, 1, now_ms),
    };
}
