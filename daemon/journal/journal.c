/* SPDX-License-Identifier: MIT */
#include "journal/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"

#define MINUTE_MS 60000
/* A cursor counts from the time the daemon started on, in steps of this: no earlier daemon has got
 * so far. It stays below 2^53 for a hundred years, so that every reader of JSON takes it. */
#define CURSORS_A_MS 1024

/* How many lines of each kind are kept. */
static const size_t most[JOURNAL_KINDS] = {
    [JOURNAL_PACKET] = 512,
    [JOURNAL_QUESTION] = 512,
    [JOURNAL_GRANT] = 256,
};

#define NAME_MAX_SIZE 256 /* a longer one, if there were any, is cut */
#define KEY_SIZE (6 * 8 + sizeof(struct address) + NAME_MAX_SIZE)

struct key {
    size_t size;
    uint8_t bytes[KEY_SIZE]; /* the name last, without its NUL */
};

struct line {
    struct line *newer, *older; /* of its kind, by last change */
    struct journal_line public;
    char detail[JOURNAL_DETAIL_SIZE];
    char *process, *command; /* as the public ones */
    size_t key_size;
    uint8_t *key;
    char name[]; /* then the key */
};

/* The lines of one kind. */
struct share {
    struct line *newest, *oldest;
    size_t count;
};

struct journal {
    struct table *lines;
    struct share shares[JOURNAL_KINDS];
    uint64_t cursor;
    uint64_t totals[JOURNAL_KINDS][JOURNAL_VERDICTS];
    uint64_t forgotten;
    uint64_t minute; /* the one that the newest bucket is about */
    uint64_t buckets[JOURNAL_MINUTES];
};

static void free_line(struct line *line)
{
    free(line->process);
    free(line->command);
    free(line);
}

struct journal *journal_new(uint64_t now_ms)
{
    struct journal *journal = xcalloc(1, sizeof(*journal));

    journal->lines = table_new();
    journal->cursor = now_ms * CURSORS_A_MS;
    journal->minute = now_ms / MINUTE_MS;
    return journal;
}

void journal_free(struct journal *journal)
{
    if (!journal)
        return;
    for (size_t kind = 0; kind < JOURNAL_KINDS; kind++)
        for (struct line *line = journal->shares[kind].newest, *older; line; line = older) {
            older = line->older;
            free_line(line);
        }
    table_free(journal->lines);
    free(journal);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void put_key(struct key *key, const void *bytes, size_t size)
{
    memcpy(key->bytes + key->size, bytes, size);
    key->size += size;
}

/* A name with many addresses is one line all the same; a special address of it is not one of many.
 */
static bool tells_address(const struct journal_event *event)
{
    return !event->name || address_special_range(&event->address) != NULL;
}

static struct key key_of(const struct journal_event *event)
{
    static const struct address any;
    const struct address *address = tells_address(event) ? &event->address : &any;
    const int64_t numbers[] = {
        event->kind,     event->verdict, event->via,
        event->protocol, event->port,    event->kind == JOURNAL_PACKET ? event->uid : 0,
    };
    const int32_t family = address->family;
    struct key key = {0};

    put_key(&key, numbers, sizeof(numbers));
    put_key(&key, &family, sizeof(family));
    put_key(&key, address->bytes, sizeof(address->bytes));
    if (event->name)
        put_key(&key, event->name, strnlen(event->name, NAME_MAX_SIZE - 1));
    return key;
}

static void unlink_line(struct journal *journal, struct line *line)
{
    struct share *share = &journal->shares[line->public.event.kind];

    *(line->newer ? &line->newer->older : &share->newest) = line->older;
    *(line->older ? &line->older->newer : &share->oldest) = line->newer;
    share->count--;
}

static void link_newest(struct journal *journal, struct line *line)
{
    struct share *share = &journal->shares[line->public.event.kind];

    line->newer = NULL;
    line->older = share->newest;
    *(share->newest ? &share->newest->newer : &share->oldest) = line;
    share->newest = line;
    share->count++;
}

static void forget_oldest(struct journal *journal, enum journal_kind kind)
{
    struct line *line = journal->shares[kind].oldest;

    table_remove(journal->lines, line->key, line->key_size);
    unlink_line(journal, line);
    free_line(line);
    journal->forgotten++;
}

static struct line *add_line(struct journal *journal, const struct journal_event *event,
                             const struct key *key, uint64_t now_ms)
{
    size_t name_size = event->name ? strnlen(event->name, NAME_MAX_SIZE - 1) + 1 : 0;
    struct line *line = xcalloc(1, sizeof(*line) + name_size + key->size);

    if (name_size > 0)
        memcpy(line->name, event->name, name_size - 1);
    line->key = (uint8_t *)line->name + name_size;
    line->key_size = key->size;
    memcpy(line->key, key->bytes, key->size);
    line->public.id = journal->cursor;
    line->public.first_ms = now_ms;
    line->public.event = *event;
    line->public.event.name = name_size > 0 ? line->name : NULL;
    line->public.event.process = line->public.event.command = NULL;
    if (journal->shares[event->kind].count >= most[event->kind])
        forget_oldest(journal, event->kind);
    table_put(journal->lines, line->key, line->key_size, line);
    link_newest(journal, line);
    return line;
}

static void learn_process(struct line *line, const struct journal_event *event)
{
    if (line->process || !event->process)
        return;
    line->process = xstrdup(event->process);
    line->command = event->command ? xstrdup(event->command) : NULL;
    line->public.event.process = line->process;
    line->public.event.command = line->command;
}

static void renew_line(struct line *line, const struct journal_event *event)
{
    struct journal_event *known = &line->public.event;

    known->address = event->address;
    known->reason = event->reason;
    known->names_more = event->names_more;
    if (known->uid == JOURNAL_NO_USER)
        known->uid = event->uid;
    learn_process(line, event);
    snprintf(line->detail, sizeof(line->detail), "%s", event->detail ? event->detail : "");
    known->detail = line->detail[0] ? line->detail : NULL;
}

/* --- the last hour ---------------------------------------------------------------------------- */

static void enter_minute(struct journal *journal, uint64_t minute)
{
    if (minute >= journal->minute + JOURNAL_MINUTES) {
        memset(journal->buckets, 0, sizeof(journal->buckets));
        journal->minute = minute;
    }
    while (journal->minute < minute)
        journal->buckets[++journal->minute % JOURNAL_MINUTES] = 0;
}

void journal_read_hour(const struct journal *journal, uint64_t now_ms,
                       uint64_t ret_minutes[static JOURNAL_MINUTES])
{
    uint64_t minute = now_ms / MINUTE_MS;

    for (size_t i = 0; i < JOURNAL_MINUTES; i++) {
        uint64_t then = minute - (JOURNAL_MINUTES - 1) + i;

        ret_minutes[i] = then <= journal->minute && then + JOURNAL_MINUTES > journal->minute
                             ? journal->buckets[then % JOURNAL_MINUTES]
                             : 0;
    }
}

/* --- recording and reading -------------------------------------------------------------------- */

void journal_record(struct journal *journal, const struct journal_event *event, uint64_t now_ms)
{
    struct key key = key_of(event);
    struct line *line = table_get(journal->lines, key.bytes, key.size);

    journal->cursor++;
    if (line) {
        unlink_line(journal, line);
        link_newest(journal, line);
    } else {
        line = add_line(journal, event, &key, now_ms);
    }
    renew_line(line, event);
    line->public.changed = journal->cursor;
    line->public.last_ms = now_ms;
    line->public.count++;
    journal->totals[event->kind][event->verdict]++;
    if (event->verdict != JOURNAL_GRANTED) {
        enter_minute(journal, now_ms / MINUTE_MS);
        journal->buckets[journal->minute % JOURNAL_MINUTES]++;
    }
}

bool journal_knows_user(const struct journal *journal, const struct journal_event *event)
{
    struct key key = key_of(event);
    const struct line *line = table_get(journal->lines, key.bytes, key.size);

    return line && line->public.event.uid != JOURNAL_NO_USER;
}

/* The oldest of a kind that changed after the cursor, or NULL. */
static const struct line *find_changed(const struct share *share, uint64_t cursor)
{
    const struct line *found = NULL;

    for (const struct line *line = share->newest; line && line->public.changed > cursor;
         line = line->older)
        found = line;
    return found;
}

void journal_each(const struct journal *journal, uint64_t cursor,
                  void (*on_line)(void *context, const struct journal_line *line), void *context)
{
    const struct line *next[JOURNAL_KINDS];

    if (cursor > journal->cursor)
        cursor = 0;
    for (size_t kind = 0; kind < JOURNAL_KINDS; kind++)
        next[kind] = find_changed(&journal->shares[kind], cursor);
    for (;;) {
        const struct line **first = NULL;

        for (size_t kind = 0; kind < JOURNAL_KINDS; kind++)
            if (next[kind] && (!first || next[kind]->public.changed < (*first)->public.changed))
                first = &next[kind];
        if (!first)
            return;
        on_line(context, &(*first)->public);
        *first = (*first)->newer;
    }
}

uint64_t journal_cursor(const struct journal *journal)
{
    return journal->cursor;
}

uint64_t journal_total(const struct journal *journal, enum journal_kind kind,
                       enum journal_verdict verdict)
{
    return journal->totals[kind][verdict];
}

uint64_t journal_forgotten(const struct journal *journal)
{
    return journal->forgotten;
}
