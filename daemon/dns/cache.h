/* SPDX-License-Identifier: MIT */
/* What is known of names: the last good answer, how long it is fresh, and whether the last attempt
 * failed. Bounded in records and in addresses; what was used longest ago goes first, except names
 * that the policy lists exactly and names that are being asked. Knows nothing of asking. */
#ifndef EGRESSD_DNS_CACHE_H
#define EGRESSD_DNS_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/resolver.h"

/* Of names that came through wildcards; exact names are bounded by the policy. */
#define CACHE_RECORDS_MAX 8192
#define CACHE_ADDRESSES_MAX 65536
#define CACHE_ERROR_SIZE 96

struct cache;
struct flight;

enum cache_result {
    CACHE_NOTHING, /* no good answer yet */
    CACHE_ANSWER,  /* addresses, perhaps none */
    CACHE_NO_NAME,
    CACHE_REFUSED, /* only addresses that may not be leased: error says why */
};

struct cache_record {
    /* For the cache alone. */
    struct cache_record *newer, *older;
    bool is_listed;
    uint16_t key_size;

    /* For the resolver. */
    enum address_family family;
    enum resolver_route route;
    struct flight *flight; /* being asked; NULL: not */
    bool is_exact;         /* change it with cache_pin */
    enum cache_result result;
    uint64_t learned_ms, fresh_until_ms; /* of the result */
    uint64_t asked_ms;                   /* by a client, last; 0: never */
    bool is_failing;                     /* the last attempt failed */
    uint64_t retry_ms;                   /* when failing: not to be asked again before */
    char error[CACHE_ERROR_SIZE];        /* for people; "": none */
    struct address *addresses;
    uint64_t *services; /* one an address: as leased, by the policy of then */
    size_t count;
    char *via;       /* the names of its chain, a space between two; NULL: none */
    uint64_t denied; /* services that the chain to it takes away */

    const char *name; /* the end of the key */
    char key[];
};

struct cache *cache_new(void);
void cache_free(struct cache *cache);

struct cache_record *cache_find(const struct cache *cache, const char *name,
                                enum address_family family, enum resolver_route route);
/* A new, empty record. Must not be there yet. */
struct cache_record *cache_add(struct cache *cache, const char *name, enum address_family family,
                               enum resolver_route route);
/* Mustn't be in flight. */
void cache_remove(struct cache *cache, struct cache_record *record);

/* Used just now. */
void cache_touch(struct cache *cache, struct cache_record *record);
/* Call after flight or is_exact of the record has changed: such a record is not thrown out. */
void cache_pin(struct cache *cache, struct cache_record *record);
/* Throws out the oldest until the bounds hold. Nothing else throws out. */
void cache_trim(struct cache *cache);
/* Replaces what the answer was; copies all. via may be NULL, or the record's own. */
void cache_store(struct cache *cache, struct cache_record *record, const struct address *addresses,
                 const uint64_t *services, size_t count, const char *via);

/* Walks all: start with *position == 0, NULL at the end. The one returned may be removed. */
struct cache_record *cache_next(const struct cache *cache, size_t *position);

#endif
