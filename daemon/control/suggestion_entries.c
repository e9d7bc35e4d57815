/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"
#include "control/suggestion_internal.h"
#include "policy/notes.h"

/* --- words ------------------------------------------------------------------------------------ */

void shown_names_add(struct shown_names *shown, const char *name)
{
    if (shown->count < NAMES_SHOWN_MAX)
        shown->names[shown->count] = name;
    shown->count++;
}

char *shown_names_text(const struct shown_names *shown)
{
    char text[NAMES_SHOWN_MAX * (ENTRY_TEXT_SIZE + 8) + 32] = "";
    size_t named = shown->count < NAMES_SHOWN_MAX ? shown->count : NAMES_SHOWN_MAX;
    int size = 0;

    for (size_t i = 0; i < named; i++)
        size += snprintf(text + size, sizeof(text) - (size_t)size, "%s%s",
                         i == 0                  ? ""
                         : i + 1 == shown->count ? " and "
                                                 : ", ",
                         shown->names[i]);
    if (shown->count > named)
        snprintf(text + size, sizeof(text) - (size_t)size, " and %zu more", shown->count - named);
    return xstrdup(text);
}

/* What its reader should know of a host that gets an entry of its own; "" if nothing. */
static const char *caution(const struct want *want)
{
    struct text_error ignored = {0};
    struct entry entry;
    const char *note = NULL;

    if (entry_parse_host(want->target.host, &entry, &ignored) == 0) {
        note = note_courier(&entry);
        note = note ? note : note_shared_host(&entry);
    }
    return note ? note : "";
}

static char *why_of_host(const struct want *want)
{
    const char *note = caution(want);
    const char *how = want->target.is_address                ? "by address: the name is not known"
                      : want->target.protocol == IPPROTO_UDP ? "sent to"
                      : want->wants_http || want->wants_https || want->target.has_port
                          ? "connected to"
                          : "asked for";

    return xasprintf("%s%s%s%s", how, *note ? " (" : "", note, *note ? ")" : "");
}

/* --- what is wanted --------------------------------------------------------------------------- */

static bool is_default_port(const struct wished_port *port)
{
    return port->protocol == IPPROTO_TCP && (port->port == HTTP_PORT || port->port == HTTPS_PORT);
}

static struct want *append_want(struct suggestion_maker *maker, const struct wished_host *host)
{
    struct want *want = &maker->wants[maker->want_count++];

    *want = (struct want){.host = host, .target = host->target};
    return want;
}

static void list_default_want(struct suggestion_maker *maker, const struct wished_host *host)
{
    struct want *want = NULL;

    for (size_t i = 0; i < host->port_count; i++) {
        if (!is_default_port(&host->ports[i]))
            continue;
        want = want ? want : append_want(maker, host);
        want->wants_http |= host->ports[i].port == HTTP_PORT;
        want->wants_https |= host->ports[i].port == HTTPS_PORT;
        want->count += host->ports[i].count;
    }
    if (host->port_count == 0 && host->questions > 0 && !host->is_special)
        append_want(maker, host)->count = host->questions;
}

static void list_other_wants(struct suggestion_maker *maker, const struct wished_host *host)
{
    for (size_t i = 0; i < host->port_count; i++) {
        struct want *want;

        if (is_default_port(&host->ports[i]))
            continue;
        want = append_want(maker, host);
        want->target.has_port = true;
        want->target.protocol = host->ports[i].protocol;
        want->target.port = host->ports[i].port;
        want->count = host->ports[i].count;
    }
}

static uint64_t uses_of(const struct wished_host *host)
{
    uint64_t uses = host->questions;

    for (size_t i = 0; i < host->port_count; i++)
        uses += host->ports[i].count;
    return uses;
}

static int compare_hosts(const void *a, const void *b)
{
    const struct wished_host *first = *(struct wished_host *const *)a;
    const struct wished_host *second = *(struct wished_host *const *)b;
    uint64_t uses = uses_of(first), other_uses = uses_of(second);

    if (uses != other_uses)
        return uses < other_uses ? 1 : -1;
    return strcmp(first->target.host, second->target.host);
}

static void list_wants(struct suggestion_maker *maker)
{
    const size_t count = table_count(maker->hosts);
    struct wished_host **hosts = xcalloc(count + 1, sizeof(struct wished_host *));
    size_t position = 0, most = count + 1;

    for (size_t i = 0; i < count; i++) {
        hosts[i] = table_next(maker->hosts, &position);
        most += hosts[i]->port_count;
    }
    qsort(hosts, count, sizeof(struct wished_host *), compare_hosts);
    maker->wants = xcalloc(most, sizeof(maker->wants[0]));
    for (size_t i = 0; i < count; i++) {
        list_default_want(maker, hosts[i]);
        list_other_wants(maker, hosts[i]);
    }
    free(hosts);
}

/* --- wildcards -------------------------------------------------------------------------------- */

/* Of a name; NULL: it has none. */
static const char *parent_of(const struct want *want)
{
    const char *dot = want->target.is_address ? NULL : strchr(want->target.host, '.');

    return dot ? dot + 1 : NULL;
}

static int compare_kin(const void *a, const void *b)
{
    const struct want *first = *(struct want *const *)a, *second = *(struct want *const *)b;
    int order = strcmp(parent_of(first), parent_of(second));

    if (order == 0)
        order = (int)first->target.protocol - (int)second->target.protocol;
    return order != 0 ? order : (int)first->target.port - (int)second->target.port;
}

static int compare_use(const void *a, const void *b)
{
    const struct want *first = *(struct want *const *)a, *second = *(struct want *const *)b;

    if (first->count != second->count)
        return first->count < second->count ? 1 : -1;
    return strcmp(first->target.host, second->target.host);
}

/* For all of them: names below one parent, at one port. */
static void put_wildcard(struct suggestion_maker *maker, struct want **kin, size_t count)
{
    const char *parent = parent_of(kin[0]);
    struct target wildcard = kin[0]->target;
    struct shown_names shown = {.count = 0};
    char text[TARGET_TEXT_SIZE], *names;
    struct text_error ignored = {0};
    struct entry entry;
    uint64_t uses = 0;

    snprintf(wildcard.host, sizeof(wildcard.host), "*.%s", parent);
    if (entry_parse(target_as_entry(&wildcard, text), &entry, &ignored) < 0 ||
        note_shared_host(&entry) || note_resolver(&entry)) /* also: parent is a public suffix */
        return;
    qsort(kin, count, sizeof(struct want *), compare_use);
    for (size_t i = 0; i < count; i++) {
        kin[i]->is_covered = true;
        uses += kin[i]->count;
        shown_names_add(&shown, kin[i]->target.host);
    }
    names = shown_names_text(&shown);
    suggestion_put(&maker->entries, xstrdup(text),
                   xasprintf("%s; it opens every name below %s", names, parent), uses);
    free(names);
}

static void make_wildcards(struct suggestion_maker *maker)
{
    struct want **kin = xcalloc(maker->want_count + 1, sizeof(struct want *));
    size_t count = 0, end;

    for (size_t i = 0; i < maker->want_count; i++)
        if (!maker->wants[i].is_covered && parent_of(&maker->wants[i]))
            kin[count++] = &maker->wants[i];
    qsort(kin, count, sizeof(struct want *), compare_kin);
    for (size_t begin = 0; begin < count; begin = end) {
        end = begin + 1;
        while (end < count && compare_kin(&kin[begin], &kin[end]) == 0)
            end++;
        if (end - begin >= SUGGESTION_WILDCARD_MIN)
            put_wildcard(maker, kin + begin, end - begin);
    }
    free(kin);
}

/* --- all of it -------------------------------------------------------------------------------- */

void suggestion_make_entries(struct suggestion_maker *maker)
{
    char text[TARGET_TEXT_SIZE];

    list_wants(maker);
    suggestion_make_groups(maker);
    make_wildcards(maker);
    for (size_t i = 0; i < maker->want_count; i++) {
        const struct want *want = &maker->wants[i];

        if (!want->is_covered)
            suggestion_put(&maker->entries, xstrdup(target_as_entry(&want->target, text)),
                           why_of_host(want), want->count);
    }
}
