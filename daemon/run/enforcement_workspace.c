/* SPDX-License-Identifier: MIT */
/* The workspace while the daemon runs. Its files are the agent's: it is looked at on a timer, and
 * the less often the longer a look takes, so that files and writes in any number do not hold the
 * daemon up. */
#include "run/enforcement_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/options.h"

#define PAUSE_FACTOR 20 /* at most one part of so many is spent on looking */

/* Whether another file would be taken now than at the last look, or the same one has changed. */
static bool renew(struct enforcement_workspace *workspace,
                  const struct configuration_request *request,
                  enum configuration_workspace_policy *ret_policy)
{
    struct configuration_source source = {.file = ""};
    struct configuration_error ignored;
    bool is_found = configuration_find_source(request, &source, &ignored) == 0;
    bool is_same = is_found == workspace->is_found && strcmp(source.file, workspace->file) == 0;

    workspace->is_found = is_found;
    memcpy(workspace->file, source.file, sizeof(source.file));
    *ret_policy = source.workspace_policy;
    return stamp_renew(&workspace->stamp, source.file) || !is_same;
}

static void look_for_pending(struct enforcement *enforcement,
                             const struct configuration_request *request)
{
    struct configuration *configuration = &enforcement->configuration;
    bool was_pending = configuration_is_pending(configuration);

    configuration_look_for_pending(request, configuration);
    if (configuration_is_pending(configuration) && !was_pending)
        log_info("the workspace's policy has changed: 'egressctl status' shows how, 'egressctl "
                 "apply' as root adopts it");
}

void enforcement_remember_workspace(struct enforcement *enforcement)
{
    struct configuration_request request = enforcement_request(enforcement);
    enum configuration_workspace_policy ignored;

    renew(&enforcement->workspace, &request, &ignored);
}

void enforcement_watch_workspace(struct enforcement *enforcement)
{
    struct configuration_request request = enforcement_request(enforcement);
    enum configuration_workspace_policy policy;
    struct commands_change change = {0};
    uint64_t begin_ms = clock_now_ms(), end_ms;

    if (begin_ms < enforcement->workspace.next_look_ms)
        return;
    if (renew(&enforcement->workspace, &request, &policy)) {
        if (policy == CONFIGURATION_FOLLOW)
            enforcement_reload(enforcement, COMMANDS_RELOAD, &change);
        else
            look_for_pending(enforcement, &request);
    }
    commands_change_done(&change);
    end_ms = clock_now_ms();
    enforcement->workspace.next_look_ms = end_ms + (end_ms - begin_ms) * PAUSE_FACTOR;
}
