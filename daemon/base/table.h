/* SPDX-License-Identifier: MIT */
/* A hash table from a key of bytes to a pointer, for tables that outsiders fill: keyed SipHash, so
 * that nobody can choose names that collide. The table owns neither keys nor values: a key must
 * live as long as its value is in the table (usually inside the value). Bounds are the owner's
 * business. */
#ifndef EGRESSD_BASE_TABLE_H
#define EGRESSD_BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table;

/* As the tables hash: with one secret a process, so that it means nothing outside. */
uint64_t table_hash(const void *key, size_t key_size);

struct table *table_new(void);
void table_free(struct table *table); /* NULL-safe; leaves the values alone */

size_t table_count(const struct table *table);
void *table_get(const struct table *table, const void *key, size_t key_size);
/* The key must not be present. */
void table_put(struct table *table, const void *key, size_t key_size, void *value);
/* Returns what was there, or NULL. */
void *table_remove(struct table *table, const void *key, size_t key_size);

/* Visits every value in no order: start with *position == 0; NULL at the end. The value just
 * returned may be removed during the walk; nothing may be put. */
void *table_next(const struct table *table, size_t *position);

#endif
