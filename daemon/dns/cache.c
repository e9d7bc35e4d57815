/* SPDX-License-Identifier: MIT */
#include "dns/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"
#include "dns/wire_name.h"

#define KEY_SIZE_MAX (2 + WIRE_NAME_TEXT_SIZE)

struct cache {
    struct table *records;
    /* Those that may be thrown out, by their last use. */
    struct cache_record *newest, *oldest;
    size_t listed;
    size_t addresses; /* of all records */
};

static size_t make_key(char key[static KEY_SIZE_MAX], const char *name, enum address_family family,
                       enum resolver_route route)
{
    size_t length = strnlen(name, WIRE_NAME_TEXT_SIZE - 1);

    key[0] = (char)family;
    key[1] = (char)route;
    memcpy(key + 2, name, length);
    return 2 + length;
}

struct cache *cache_new(void)
{
    struct cache *cache = xcalloc(1, sizeof(*cache));

    cache->records = table_new();
    return cache;
}

static void free_record(struct cache_record *record)
{
    free(record->addresses);
    free(record->services);
    free(record->via);
    free(record);
}

void cache_free(struct cache *cache)
{
    struct cache_record *record;
    size_t position = 0;

    while ((record = cache_next(cache, &position)))
        free_record(record);
    table_free(cache->records);
    free(cache);
}

struct cache_record *cache_find(const struct cache *cache, const char *name,
                                enum address_family family, enum resolver_route route)
{
    char key[KEY_SIZE_MAX];

    return table_get(cache->records, key, make_key(key, name, family, route));
}

static void list(struct cache *cache, struct cache_record *record)
{
    record->is_listed = true;
    record->newer = NULL;
    record->older = cache->newest;
    if (record->older)
        record->older->newer = record;
    else
        cache->oldest = record;
    cache->newest = record;
    cache->listed++;
}

static void unlist(struct cache *cache, struct cache_record *record)
{
    record->is_listed = false;
    if (record->newer)
        record->newer->older = record->older;
    else
        cache->newest = record->older;
    if (record->older)
        record->older->newer = record->newer;
    else
        cache->oldest = record->newer;
    cache->listed--;
}

void cache_remove(struct cache *cache, struct cache_record *record)
{
    assert(!record->flight);
    if (record->is_listed)
        unlist(cache, record);
    cache->addresses -= record->count;
    table_remove(cache->records, record->key, record->key_size);
    free_record(record);
}

void cache_touch(struct cache *cache, struct cache_record *record)
{
    if (!record->is_listed || cache->newest == record)
        return;
    unlist(cache, record);
    list(cache, record);
}

void cache_pin(struct cache *cache, struct cache_record *record)
{
    bool may_go = !record->flight && !record->is_exact;

    if (may_go && !record->is_listed)
        list(cache, record);
    else if (!may_go && record->is_listed)
        unlist(cache, record);
}

void cache_trim(struct cache *cache)
{
    while (cache->listed > CACHE_RECORDS_MAX ||
           (cache->addresses > CACHE_ADDRESSES_MAX && cache->listed > 0)) {
        assert(cache->oldest->is_listed && !cache->oldest->older);
        cache_remove(cache, cache->oldest);
    }
}

struct cache_record *cache_add(struct cache *cache, const char *name, enum address_family family,
                               enum resolver_route route)
{
    char key[KEY_SIZE_MAX];
    size_t size = make_key(key, name, family, route);
    struct cache_record *record = xcalloc(1, sizeof(*record) + size + 1);

    memcpy(record->key, key, size);
    record->name = record->key + 2;
    record->key_size = (uint16_t)size;
    record->family = family;
    record->route = route;
    table_put(cache->records, record->key, size, record);
    cache_pin(cache, record);
    return record;
}

void cache_store(struct cache *cache, struct cache_record *record, const struct address *addresses,
                 const uint64_t *services, size_t count, const char *via)
{
    char *copy = via ? xstrdup(via) : NULL;

    free(record->via);
    record->via = copy;
    if (count != record->count) {
        record->addresses = xreallocarray(record->addresses, count, sizeof(addresses[0]));
        record->services = xreallocarray(record->services, count, sizeof(services[0]));
    }
    if (count > 0) {
        memcpy(record->addresses, addresses, count * sizeof(addresses[0]));
        memcpy(record->services, services, count * sizeof(services[0]));
    }
    cache->addresses = cache->addresses - record->count + count;
    record->count = count;
}

struct cache_record *cache_next(const struct cache *cache, size_t *position)
{
    return table_next(cache->records, position);
}
