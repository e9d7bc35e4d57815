/* SPDX-License-Identifier: MIT */
/* What was in force before this daemon. A rebuild adopts what is in the workspace, whoever wrote
 * it: people are to see what that was. */
#include "run/enforcement_internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "policy/outline.h"
#include "run/options.h"
#include "run/outline_file.h"

#define CHANGES_LOGGED_MAX 20 /* lines of each kind */

char *enforcement_earlier_outline(const struct enforcement *enforcement)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/" ENFORCEMENT_OUTLINE,
                 enforcement->options->runtime_dir) >= (int)sizeof(path))
        return NULL;
    return outline_load(path);
}

static void log_lines(const char *sign, const char *lines)
{
    for (size_t i = 0, size; *lines && i < CHANGES_LOGGED_MAX; i++, lines += size) {
        size = strcspn(lines, "\n");
        log_info("  %s %.*s", sign, (int)size, lines);
        size += lines[size] == '\n';
    }
    if (*lines)
        log_info("  %s ...: 'egressctl status' shows what is in force", sign);
}

void enforcement_compare_with_earlier(struct enforcement *enforcement, const char *before)
{
    if (!before || strcmp(before, enforcement->outline) == 0)
        return;
    enforcement->started_added = outline_subtract(enforcement->outline, before);
    enforcement->started_removed = outline_subtract(before, enforcement->outline);
    log_info("the policy has changed since egressd ran here last:");
    log_lines("-", enforcement->started_removed);
    log_lines("+", enforcement->started_added);
}
