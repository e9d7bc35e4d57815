/* SPDX-License-Identifier: MIT */
#include "base/table.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/memory.h"

#define INDEX_SIZE_MIN 16
#define SLOT_EMPTY UINT32_MAX

struct item {
    uint64_t hash;
    const void *key;
    size_t key_size;
    void *value;
};

/* Items lie dense in an array, so that a walk is a scan; the index holds their places, open
 * addressed with linear probing, and is at most half full. */
struct table {
    struct item *items;
    size_t count, capacity;
    uint32_t *index;
    size_t index_size; /* a power of two */
};

static uint64_t rotate_left(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[static 4])
{
    v[0] += v[1];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[3];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[2] = rotate_left(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein), the variant that hash tables of Rust, Ruby and Python use. */
static uint64_t hash_bytes(const uint64_t secret[static 2], const uint8_t *bytes, size_t size)
{
    uint64_t v[4] = {
        secret[0] ^ 0x736f6d6570736575,
        secret[1] ^ 0x646f72616e646f6d,
        secret[0] ^ 0x6c7967656e657261,
        secret[1] ^ 0x7465646279746573,
    };
    uint64_t word;
    size_t left = size;

    for (; left >= 8; bytes += 8, left -= 8) {
        memcpy(&word, bytes, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = 0;
    if (left > 0)
        memcpy(&word, bytes, left);
    word ^= (uint64_t)size << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t table_hash(const void *key, size_t key_size)
{
    static uint64_t secret[2];
    static bool has_secret;

    if (!has_secret) {
        if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
            abort();
        has_secret = true;
    }
    return hash_bytes(secret, key, key_size);
}

static void clear_index(struct table *table, size_t size)
{
    table->index = xreallocarray(table->index, size, sizeof(table->index[0]));
    table->index_size = size;
    memset(table->index, 0xff, size * sizeof(table->index[0]));
}

struct table *table_new(void)
{
    struct table *table = xcalloc(1, sizeof(*table));

    clear_index(table, INDEX_SIZE_MIN);
    return table;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    free(table->items);
    free(table->index);
    free(table);
}

size_t table_count(const struct table *table)
{
    return table->count;
}

/* The slot of the key, or the empty slot where it would go. */
static size_t find_slot(const struct table *table, uint64_t hash, const void *key, size_t key_size)
{
    size_t slot = hash & (table->index_size - 1);

    for (;; slot = (slot + 1) & (table->index_size - 1)) {
        if (table->index[slot] == SLOT_EMPTY)
            return slot;

        const struct item *item = &table->items[table->index[slot]];

        if (item->hash == hash && item->key_size == key_size &&
            (key_size == 0 || memcmp(item->key, key, key_size) == 0))
            return slot;
    }
}

/* The slot that holds this place of the array. */
static size_t find_place(const struct table *table, size_t place)
{
    size_t slot = table->items[place].hash & (table->index_size - 1);

    while (table->index[slot] != place)
        slot = (slot + 1) & (table->index_size - 1);
    return slot;
}

void *table_get(const struct table *table, const void *key, size_t key_size)
{
    size_t slot = find_slot(table, table_hash(key, key_size), key, key_size);

    return table->index[slot] == SLOT_EMPTY ? NULL : table->items[table->index[slot]].value;
}

static void grow(struct table *table)
{
    table->capacity = table->capacity ? table->capacity * 2 : INDEX_SIZE_MIN / 2;
    table->items = xreallocarray(table->items, table->capacity, sizeof(table->items[0]));
    clear_index(table, table->capacity * 2);
    for (size_t i = 0; i < table->count; i++) {
        size_t slot = table->items[i].hash & (table->index_size - 1);

        while (table->index[slot] != SLOT_EMPTY)
            slot = (slot + 1) & (table->index_size - 1);
        table->index[slot] = (uint32_t)i;
    }
}

void table_put(struct table *table, const void *key, size_t key_size, void *value)
{
    uint64_t hash = table_hash(key, key_size);
    size_t slot;

    if (table->count == table->capacity)
        grow(table);
    slot = find_slot(table, hash, key, key_size);
    if (table->index[slot] != SLOT_EMPTY)
        abort(); /* two values under one key: the caller has lost track of one */
    table->items[table->count] = (struct item){hash, key, key_size, value};
    table->index[slot] = (uint32_t)table->count++;
}

/* Closes the gap at slot: entries behind it that probed over it move back. No tombstones, so a
 * table that lives long does not decay. */
static void empty_slot(struct table *table, size_t slot)
{
    size_t mask = table->index_size - 1;

    for (size_t next = (slot + 1) & mask; table->index[next] != SLOT_EMPTY;
         next = (next + 1) & mask) {
        size_t home = table->items[table->index[next]].hash & mask;

        if (((next - home) & mask) < ((next - slot) & mask))
            continue; /* its home lies behind the gap */
        table->index[slot] = table->index[next];
        slot = next;
    }
    table->index[slot] = SLOT_EMPTY;
}

void *table_remove(struct table *table, const void *key, size_t key_size)
{
    size_t slot = find_slot(table, table_hash(key, key_size), key, key_size);
    size_t place, last;
    void *value;

    if (table->index[slot] == SLOT_EMPTY)
        return NULL;
    place = table->index[slot];
    value = table->items[place].value;
    last = table->count - 1;

    empty_slot(table, slot);
    if (place != last) {
        table->index[find_place(table, last)] = (uint32_t)place;
        table->items[place] = table->items[last];
    }
    table->count--;
    return value;
}

/* From the end: a removal moves the last item, already visited, into the place just visited.
 * *position is the place returned last plus one. */
void *table_next(const struct table *table, size_t *position)
{
    size_t left = *position == 0 ? table->count : *position - 1;

    if (left > table->count)
        left = table->count;
    if (left == 0)
        return NULL;
    *position = left;
    return table->items[left - 1].value;
}
