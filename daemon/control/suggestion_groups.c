/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "control/suggestion_internal.h"
#include "policy/groups.h"

/* Whoever asks for one of their hosts needs the others next: a package manager goes on to where
 * files are, a forge to where its archives are. */
static const char *const whole_groups[] = {
    "alpine", "cargo", "debian", "dockerhub", "fedora", "ghcr",     "github",    "go",
    "maven",  "npm",   "nuget",  "packagist", "pypi",   "rubygems", "terraform", "ubuntu",
};

/* A group with its entries. */
struct bundle {
    const struct group *group;
    bool is_whole;
    struct entry *entries;
    size_t count;
};

/* How good it would be to take one. */
struct merit {
    size_t names;
    bool has_first; /* the name of its first entry is wanted */
    size_t size;
};

static bool is_whole(const struct group *group, size_t size)
{
    for (size_t i = 0; i < sizeof(whole_groups) / sizeof(whole_groups[0]); i++)
        if (strcmp(whole_groups[i], group->name) == 0)
            return size <= SUGGESTION_GROUP_ENTRIES_MAX;
    return false;
}

static struct bundle read_bundle(const struct group *group)
{
    struct bundle bundle = {.group = group};
    struct entry entry;
    size_t position = 0;

    while (group_next_entry(group, &position, &entry)) {
        bundle.entries = xreallocarray(bundle.entries, bundle.count + 1, sizeof(bundle.entries[0]));
        bundle.entries[bundle.count++] = entry;
    }
    bundle.is_whole = is_whole(group, bundle.count);
    return bundle;
}

/* --- what each opens -------------------------------------------------------------------------- */

static bool opens_port(const struct entry *entry, uint8_t protocol, uint16_t port)
{
    struct port_range ranges[ENTRY_PORTS_MAX];
    size_t count = policy_entry_ports(POLICY_ALLOW, entry, ranges);

    for (size_t i = 0; i < count; i++)
        if (port_range_contains(&ranges[i], protocol, port))
            return true;
    return false;
}

static bool opens_host_at(const struct entry *entries, size_t count, const struct want *want,
                          uint8_t protocol, uint16_t port)
{
    for (size_t i = 0; i < count; i++)
        if (target_matches(&want->target, &entries[i]) && opens_port(&entries[i], protocol, port))
            return true;
    return false;
}

/* All that is wanted of the host; where that is no port in particular, one of two. */
static bool opens(const struct entry *entries, size_t count, const struct want *want)
{
    bool http, https;

    if (want->target.has_port)
        return opens_host_at(entries, count, want, want->target.protocol, want->target.port);
    http = opens_host_at(entries, count, want, IPPROTO_TCP, HTTP_PORT);
    https = opens_host_at(entries, count, want, IPPROTO_TCP, HTTPS_PORT);
    if (!want->wants_http && !want->wants_https)
        return http || https;
    return (http || !want->wants_http) && (https || !want->wants_https);
}

/* Whether an entry of the bundle names the host; few hosts do, so that ports are looked at for
 * those alone. */
static bool may_open(const struct bundle *bundle, const struct want *want)
{
    for (size_t i = 0; i < bundle->count; i++)
        if (target_matches(&want->target, &bundle->entries[i]))
            return true;
    return false;
}

static void find_openers(struct suggestion_maker *maker, const struct bundle *bundles, size_t count)
{
    for (size_t g = 0; g < count; g++)
        for (size_t i = 0; i < maker->want_count; i++) {
            struct want *want = &maker->wants[i];

            if (may_open(&bundles[g], want) && opens(bundles[g].entries, bundles[g].count, want))
                want->groups |= UINT64_C(1) << g;
        }
}

/* --- choosing --------------------------------------------------------------------------------- */

static bool would_cover(const struct want *want, size_t group)
{
    return !want->is_covered && want->groups >> group & 1;
}

static struct merit judge(const struct suggestion_maker *maker, const struct bundle *bundle,
                          size_t group)
{
    struct merit merit = {.size = bundle->count};
    const struct wished_host *last = NULL;

    for (size_t i = 0; i < maker->want_count; i++) {
        const struct want *want = &maker->wants[i];

        if (!would_cover(want, group))
            continue;
        merit.names += want->host != last;
        merit.has_first |= target_matches(&want->target, &bundle->entries[0]);
        last = want->host;
    }
    return merit;
}

static bool is_worth_it(const struct bundle *bundle, const struct merit *merit)
{
    return merit->names >= SUGGESTION_GROUP_MIN || (merit->names == 1 && bundle->is_whole);
}

static bool is_better(const struct merit *one, const struct merit *other)
{
    if (one->names != other->names)
        return one->names > other->names;
    if (one->has_first != other->has_first)
        return one->has_first;
    return one->size < other->size;
}

/* count: there is none. */
static size_t choose(const struct suggestion_maker *maker, const struct bundle *bundles,
                     size_t count)
{
    struct merit best = {0};
    size_t chosen = count;

    for (size_t g = 0; g < count; g++) {
        struct merit merit = judge(maker, &bundles[g], g);

        if (!is_worth_it(&bundles[g], &merit) || (chosen < count && !is_better(&merit, &best)))
            continue;
        best = merit;
        chosen = g;
    }
    return chosen;
}

/* --- taking one ------------------------------------------------------------------------------- */

/* "pypi.org:443" is said as "pypi.org". */
static void drop_https(struct entry *entry)
{
    char *colon = strrchr(entry->text, ':');

    if (colon && strcmp(colon, ":443") == 0)
        *colon = '\0';
}

static bool is_wanted(const struct suggestion_maker *maker, const struct entry *entry, size_t group)
{
    for (size_t i = 0; i < maker->want_count; i++)
        if (would_cover(&maker->wants[i], group) && opens(entry, 1, &maker->wants[i]))
            return true;
    return false;
}

/* What it opens that nobody has wanted yet: new text, "" for nothing. */
static char *text_of_rest(const struct suggestion_maker *maker, struct bundle *bundle, size_t group)
{
    struct shown_names shown = {.count = 0};
    char *names, *text;

    for (size_t i = 0; i < bundle->count; i++)
        if (!is_wanted(maker, &bundle->entries[i], group)) {
            drop_https(&bundle->entries[i]);
            shown_names_add(&shown, bundle->entries[i].text);
        }
    if (shown.count == 0)
        return xstrdup("");
    names = shown_names_text(&shown);
    text = xasprintf("; the group also opens %s", names);
    free(names);
    return text;
}

static void take(struct suggestion_maker *maker, struct bundle *bundle, size_t group)
{
    char *rest = text_of_rest(maker, bundle, group), *names;
    struct shown_names shown = {.count = 0};
    const struct wished_host *last = NULL;
    uint64_t uses = 0;

    for (size_t i = 0; i < maker->want_count; i++) {
        struct want *want = &maker->wants[i];

        if (!would_cover(want, group))
            continue;
        if (want->host != last)
            shown_names_add(&shown, want->target.host);
        last = want->host;
        uses += want->count;
        want->is_covered = true;
    }
    names = shown_names_text(&shown);
    suggestion_put(&maker->entries, xasprintf("@%s", bundle->group->name),
                   xasprintf("%s%s", names, rest), uses);
    free(names);
    free(rest);
}

const struct group *suggestion_find_group(const struct target *target)
{
    const struct want want = {.target = *target};
    const struct group *group, *found = NULL;
    struct merit best = {0};
    size_t position = 0;

    while ((group = group_next(NULL, &position))) {
        struct bundle bundle = read_bundle(group);
        struct merit merit = {.names = 1, .size = bundle.count};

        if (bundle.is_whole && opens(bundle.entries, bundle.count, &want)) {
            merit.has_first = target_matches(target, &bundle.entries[0]);
            if (!found || is_better(&merit, &best)) {
                best = merit;
                found = group;
            }
        }
        free(bundle.entries);
    }
    return found;
}

void suggestion_make_groups(struct suggestion_maker *maker)
{
    struct bundle bundles[SUGGESTION_GROUPS_MAX];
    const struct group *group;
    size_t count = 0, position = 0, chosen;

    while (count < SUGGESTION_GROUPS_MAX && (group = group_next(NULL, &position)))
        bundles[count++] = read_bundle(group);
    find_openers(maker, bundles, count);
    while ((chosen = choose(maker, bundles, count)) < count)
        take(maker, &bundles[chosen], chosen);
    for (size_t g = 0; g < count; g++)
        free(bundles[g].entries);
}
