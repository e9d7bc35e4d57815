/* SPDX-License-Identifier: MIT */
#include "policy/outline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "policy/policy.h"

#define LINE_SIZE (ENTRY_TEXT_SIZE + ENTRY_PORTS_MAX * PORT_RANGE_TEXT_SIZE + 48)
#define SETTINGS_MAX 32

struct lines {
    char **texts;
    size_t count;
};

/* "allow api.example.com 80 443 private", "allow *.example.com 443 names 20" */
static char *line_of(enum policy_list list, const struct entry *entry)
{
    struct port_range ranges[ENTRY_PORTS_MAX];
    size_t count = policy_entry_ports(list, entry, ranges);
    char host[ENTRY_TEXT_SIZE], port[PORT_RANGE_TEXT_SIZE], line[LINE_SIZE];
    int used = snprintf(line, sizeof(line), "%s %s", list == POLICY_ALLOW ? "allow" : "deny",
                        entry_format_host(entry, host));

    for (size_t i = 0; i < count; i++)
        used += snprintf(line + used, sizeof(line) - (size_t)used, " %s",
                         port_range_format(&ranges[i], port));
    if (list == POLICY_ALLOW && entry->allow_private)
        used += snprintf(line + used, sizeof(line) - (size_t)used, " private");
    if (entry->names_max)
        used += snprintf(line + used, sizeof(line) - (size_t)used, " names %u", entry->names_max);
    snprintf(line + used, sizeof(line) - (size_t)used, "\n");
    return xstrdup(line);
}

static void add_entries(struct lines *lines, const struct policy *policy, enum policy_list list)
{
    size_t count;
    const struct entry *entries = policy_entries(policy, list, &count);

    lines->texts =
        xreallocarray(lines->texts, lines->count + count + SETTINGS_MAX, sizeof(*lines->texts));
    for (size_t i = 0; i < count; i++)
        lines->texts[lines->count++] = line_of(list, &entries[i]);
}

static void add_settings(struct lines *lines, const struct policy *policy)
{
    size_t count;
    const struct policy_upstream *upstreams = policy_upstreams(policy, &count);
    char address[ADDRESS_TEXT_SIZE];

    lines->texts[lines->count++] = xasprintf("mode %s\n", policy_mode_text(policy));
    lines->texts[lines->count++] = xasprintf(
        "refusal %s\n", policy_refusal_answer(policy) == POLICY_REFUSED ? "refused" : "nxdomain");
    for (size_t i = 0; i < count && i < SETTINGS_MAX - 2; i++)
        lines->texts[lines->count++] =
            xasprintf("upstream %s %u\n", address_format(&upstreams[i].address, address),
                      (unsigned)upstreams[i].port);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_repetitions(struct lines *lines)
{
    size_t kept = 0;

    for (size_t i = 0; i < lines->count; i++) {
        if (kept > 0 && strcmp(lines->texts[kept - 1], lines->texts[i]) == 0)
            free(lines->texts[i]);
        else
            lines->texts[kept++] = lines->texts[i];
    }
    lines->count = kept;
}

/* Frees the lines. */
static char *join_lines(struct lines *lines)
{
    size_t size = 0, used = 0;
    char *text;

    for (size_t i = 0; i < lines->count; i++)
        size += strlen(lines->texts[i]);
    text = xcalloc(size + 1, 1);
    for (size_t i = 0; i < lines->count; i++) {
        size_t length = strlen(lines->texts[i]);

        memcpy(text + used, lines->texts[i], length);
        used += length;
        free(lines->texts[i]);
    }
    free(lines->texts);
    return text;
}

char *outline_of(const struct policy *policy)
{
    struct lines lines = {0};

    add_entries(&lines, policy, POLICY_ALLOW);
    add_entries(&lines, policy, POLICY_DENY);
    add_settings(&lines, policy);
    qsort(lines.texts, lines.count, sizeof(*lines.texts), compare_lines);
    free_repetitions(&lines);
    return join_lines(&lines);
}

/* --- comparing -------------------------------------------------------------------------------- */

/* Compares the first lines of two texts; the end of a text comes after every line. */
static int compare_heads(const char *a, const char *b)
{
    size_t a_size = strcspn(a, "\n") + 1, b_size = strcspn(b, "\n") + 1;

    if (!*a)
        return *b ? 1 : 0;
    if (!*b)
        return -1;
    return strncmp(a, b, a_size < b_size ? a_size : b_size);
}

static const char *next_line(const char *text)
{
    const char *newline = strchr(text, '\n');

    return newline ? newline + 1 : text + strlen(text);
}

static bool is_allow(const char *line)
{
    return strncmp(line, "allow ", 6) == 0;
}

static bool is_deny(const char *line)
{
    return strncmp(line, "deny ", 5) == 0;
}

/* Both are sorted: what is in one alone shows as soon as the heads differ. */
static void compare(const char *a, const char *b, void (*on_a)(void *context, const char *line),
                    void (*on_b)(void *context, const char *line), void *context)
{
    while (*a || *b) {
        int order = compare_heads(a, b);

        if (order < 0 && on_a)
            on_a(context, a);
        if (order > 0 && on_b)
            on_b(context, b);
        if (order <= 0)
            a = next_line(a);
        if (order >= 0)
            b = next_line(b);
    }
}

static bool is_audit(const char *line)
{
    return strncmp(line, "mode audit\n", 11) == 0;
}

static void on_gone(void *context, const char *line)
{
    *(bool *)context |= is_allow(line) || is_audit(line);
}

static void on_come(void *context, const char *line)
{
    *(bool *)context |= is_deny(line);
}

bool outline_narrows(const char *before, const char *after)
{
    bool narrows = false;

    compare(before, after, on_gone, on_come, &narrows);
    return narrows;
}

/* The text has room for all lines. */
static void on_left(void *context, const char *line)
{
    char **end = context;
    size_t length = (size_t)(next_line(line) - line);

    memcpy(*end, line, length);
    *end += length;
}

char *outline_subtract(const char *outline, const char *other)
{
    char *text = xcalloc(strlen(outline) + 1, 1), *end = text;

    compare(outline, other, on_left, NULL, &end);
    return text;
}
