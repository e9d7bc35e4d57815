/* SPDX-License-Identifier: MIT */
#include "journal/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"

#define ADDRESSES_MAX 4096
#define OTHERS_MAX 8

/* What led to one address: the last name in full, those before by their hashes. */
struct record {
    struct record *newer, *older;
    struct address address; /* the key */
    char *name;
    uint64_t others[OTHERS_MAX];
    unsigned other_count;
};

struct names {
    struct table *table;
    struct record *newest, *oldest;
};

struct names *names_new(void)
{
    struct names *names = xcalloc(1, sizeof(*names));

    names->table = table_new();
    return names;
}

static void free_record(struct record *record)
{
    free(record->name);
    free(record);
}

void names_free(struct names *names)
{
    if (!names)
        return;
    for (struct record *record = names->newest, *older; record; record = older) {
        older = record->older;
        free_record(record);
    }
    table_free(names->table);
    free(names);
}

static void unlink_record(struct names *names, struct record *record)
{
    *(record->newer ? &record->newer->older : &names->newest) = record->older;
    *(record->older ? &record->older->newer : &names->oldest) = record->newer;
}

static void link_newest(struct names *names, struct record *record)
{
    record->newer = NULL;
    record->older = names->newest;
    *(names->newest ? &names->newest->newer : &names->oldest) = record;
    names->newest = record;
}

static struct record *add_record(struct names *names, const struct address *address)
{
    struct record *record;

    if (table_count(names->table) >= ADDRESSES_MAX) {
        record = names->oldest;
        table_remove(names->table, &record->address, sizeof(record->address));
        unlink_record(names, record);
        free_record(record);
    }
    record = xcalloc(1, sizeof(*record));
    record->address = *address;
    table_put(names->table, &record->address, sizeof(record->address), record);
    return record;
}

static void forget_other(struct record *record, uint64_t hash)
{
    for (unsigned i = 0; i < record->other_count; i++)
        if (record->others[i] == hash) {
            record->other_count--;
            memmove(&record->others[i], &record->others[i + 1],
                    (record->other_count - i) * sizeof(record->others[0]));
            return;
        }
}

/* The name so far becomes another one. */
static void replace_name(struct record *record, const char *name)
{
    uint64_t before = table_hash(record->name, strlen(record->name));

    forget_other(record, table_hash(name, strlen(name)));
    if (record->other_count == OTHERS_MAX)
        forget_other(record, record->others[0]);
    record->others[record->other_count++] = before;
    free(record->name);
}

void names_learn(struct names *names, const struct address *address, const char *name)
{
    struct record *record = table_get(names->table, address, sizeof(*address));

    if (record) {
        unlink_record(names, record);
        link_newest(names, record);
        if (strcmp(record->name, name) == 0)
            return;
        replace_name(record, name);
    } else {
        record = add_record(names, address);
        link_newest(names, record);
    }
    record->name = xstrdup(name);
}

const char *names_find(const struct names *names, const struct address *address, unsigned *ret_more)
{
    const struct record *record = table_get(names->table, address, sizeof(*address));

    if (!record)
        return NULL;
    *ret_more = record->other_count;
    return record->name;
}
