/* SPDX-License-Identifier: MIT */
#include "run/outline.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "policy/policy.h"

#define LINE_SIZE (ENTRY_TEXT_SIZE + ENTRY_PORTS_MAX * PORT_RANGE_TEXT_SIZE + 16)
#define FILE_SIZE_MAX (16 * 1024 * 1024)
#define LAST_LINE "end\n" /* says that the file was not cut short */

struct lines {
    char **texts;
    size_t count;
};

/* "+api.example.com 80 443 private" */
static char *line_of(enum policy_list list, const struct entry *entry)
{
    struct port_range ranges[ENTRY_PORTS_MAX];
    size_t count = policy_entry_ports(list, entry, ranges);
    char host[ENTRY_TEXT_SIZE], port[PORT_RANGE_TEXT_SIZE], line[LINE_SIZE];
    int used = snprintf(line, sizeof(line), "%c%s", list == POLICY_ALLOW ? '+' : '-',
                        entry_format_host(entry, host));

    for (size_t i = 0; i < count; i++)
        used += snprintf(line + used, sizeof(line) - (size_t)used, " %s",
                         port_range_format(&ranges[i], port));
    snprintf(line + used, sizeof(line) - (size_t)used, "%s\n",
             list == POLICY_ALLOW && entry->allow_private ? " private" : "");
    return xstrdup(line);
}

static void add_lines(struct lines *lines, const struct policy *policy, enum policy_list list)
{
    size_t count;
    const struct entry *entries = policy_entries(policy, list, &count);

    lines->texts = xreallocarray(lines->texts, lines->count + count, sizeof(*lines->texts));
    for (size_t i = 0; i < count; i++)
        lines->texts[lines->count++] = line_of(list, &entries[i]);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *outline_of(const struct policy *policy)
{
    struct lines lines = {0};
    size_t size = 0, used = 0;
    char *text;

    add_lines(&lines, policy, POLICY_ALLOW);
    add_lines(&lines, policy, POLICY_DENY);
    qsort(lines.texts, lines.count, sizeof(*lines.texts), compare_lines);
    for (size_t i = 0; i < lines.count; i++)
        size += strlen(lines.texts[i]);
    text = xcalloc(size + 1, 1);
    for (size_t i = 0; i < lines.count; i++) {
        size_t length = strlen(lines.texts[i]);

        memcpy(text + used, lines.texts[i], length);
        used += length;
        free(lines.texts[i]);
    }
    free(lines.texts);
    return text;
}

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

/* Both are sorted: what is in one alone shows as soon as the heads differ. */
bool outline_narrows(const char *before, const char *after)
{
    while (*before || *after) {
        int order = compare_heads(before, after);

        if (order == 0) {
            before = next_line(before);
            after = next_line(after);
        } else if (order < 0) {
            if (*before == '+')
                return true;
            before = next_line(before);
        } else {
            if (*after == '-')
                return true;
            after = next_line(after);
        }
    }
    return false;
}

static int write_text(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t written = write(fd, text, left);

        if (written < 0)
            return -errno;
        text += written;
        left -= (size_t)written;
    }
    return 0;
}

int outline_save(const char *path, const char *outline)
{
    char fresh[PATH_MAX];
    int fd, r;

    if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
        return -ENAMETOOLONG;
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return -errno;
    r = write_text(fd, outline);
    if (r == 0)
        r = write_text(fd, LAST_LINE);
    close(fd);
    if (r == 0 && rename(fresh, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(fresh);
    return r;
}

char *outline_load(const char *path)
{
    const size_t end_size = strlen(LAST_LINE);
    char *text = NULL;
    struct stat info;
    ssize_t size = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return NULL;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= FILE_SIZE_MAX) {
        text = xcalloc((size_t)info.st_size + 1, 1);
        size = read(fd, text, (size_t)info.st_size);
    }
    close(fd);
    if (size < (ssize_t)end_size || strcmp(text + size - end_size, LAST_LINE) != 0) {
        free(text);
        return NULL;
    }
    text[(size_t)size - end_size] = '\0';
    return text;
}
