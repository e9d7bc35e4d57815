/* SPDX-License-Identifier: MIT */
/* Changes of what is in force, while it is. */
#include "run/enforcement_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/log.h"
#include "dns/refresh.h"
#include "dns/resolver.h"
#include "firewall/firewall.h"
#include "firewall/leases.h"
#include "policy/outline.h"

static void use_servers(struct enforcement *enforcement, const struct servers *servers)
{
    enforcement->servers = *servers;
    resolver_set_servers(enforcement->resolver, &enforcement->servers);
    refresh_retry_failed(enforcement->refresh);
}

/* Puts policy and servers in place of what is in force. On failure that stays, less the leases that
 * policy would have ended. */
static int replace(struct enforcement *enforcement, const struct policy *policy,
                   const struct servers *servers, size_t *ret_ended, struct text_error *reterr)
{
    size_t ended = leases_apply_policy(enforcement->leases, policy);
    int r = enforcement_load_table(enforcement, policy, servers, reterr);

    if (r < 0) {
        leases_apply_policy(enforcement->leases, enforcement_policy(enforcement));
        enforcement_hand_out_policy(enforcement, enforcement_policy(enforcement));
        return r;
    }
    enforcement_hand_out_policy(enforcement, policy);
    use_servers(enforcement, servers);
    *ret_ended = ended;
    return 0;
}

static int refuse_reload(struct enforcement *enforcement, const struct failure *failure,
                         struct commands_change *ret_change)
{
    bool stands = enforcement->configuration.policy != NULL;

    log_error("%s (%s)", failure->text,
              stands ? "the policy before it stays in force" : "everything stays denied");
    if (stands)
        snprintf(enforcement->reload_error, sizeof(enforcement->reload_error), "%s", failure->text);
    else
        enforcement_set_invalid(enforcement, failure);
    snprintf(ret_change->message, COMMANDS_MESSAGE_SIZE, "%.*s; nothing was changed: %s",
             COMMANDS_MESSAGE_SIZE - 128, failure->text,
             stands ? "the policy before it stays in force" : "everything stays denied");
    return failure->exit_code;
}

/* Counts for people. */
static void format_reloaded(const struct policy *policy, size_t ended, size_t cut, bool more_to_cut,
                            char ret_message[static COMMANDS_MESSAGE_SIZE])
{
    snprintf(ret_message, COMMANDS_MESSAGE_SIZE,
             "in force%s: %zu allow and %zu deny entries; %zu leases and %zu open flows ended%s",
             policy_mode(policy) == POLICY_AUDIT ? ", auditing (nothing is refused)" : "",
             policy_count_written(policy, POLICY_ALLOW), policy_count_written(policy, POLICY_DENY),
             ended, cut, more_to_cut ? ", others could not be yet" : "");
}

/* NULL where nothing could be compared. */
static void compare(const char *before, const char *after, struct commands_change *ret_change)
{
    if (!before)
        return;
    ret_change->added = outline_subtract(after, before);
    ret_change->removed = outline_subtract(before, after);
}

int enforcement_reload(struct enforcement *enforcement, enum commands_reload how,
                       struct commands_change *ret_change)
{
    struct configuration_request request = enforcement_request(enforcement);
    struct configuration_error error = {0};
    struct configuration fresh = {0};
    struct text_error table_error = {0};
    struct servers servers;
    struct failure failure;
    size_t ended = 0, cut;
    char *before;
    int r;

    r = how == COMMANDS_APPLY ? configuration_apply(&request, &fresh, &error)
                              : configuration_read(&request, &fresh, &error);
    if (r < 0) {
        failure_set_configuration(&failure, &error);
        return refuse_reload(enforcement, &failure, ret_change);
    }
    enforcement_find_servers(enforcement, fresh.policy, &servers);
    if (replace(enforcement, fresh.policy, &servers, &ended, &table_error) < 0) {
        failure_set(&failure, EX_UNAVAILABLE, "%s", table_error.message);
        configuration_done(&fresh);
        return refuse_reload(enforcement, &failure, ret_change);
    }
    refresh_set_policy(enforcement->refresh, fresh.policy);
    configuration_done(&enforcement->configuration);
    enforcement->configuration = fresh;

    before = enforcement->outline;
    enforcement->outline = outline_of(fresh.policy);
    cut = enforcement_cut_flows(enforcement, before);
    compare(before, enforcement->outline, ret_change);
    free(before);
    enforcement->reload_error[0] = '\0';
    enforcement->counters.reloads++;
    enforcement_set_in_force(enforcement);
    format_reloaded(fresh.policy, ended, cut, enforcement->has_uncut_flows, ret_change->message);
    enforcement_log_policy(enforcement);
    log_info("%s", ret_change->message);
    return 0;
}

void enforcement_follow_servers(struct enforcement *enforcement)
{
    const struct policy *policy = enforcement_policy(enforcement);
    struct text_error error = {0};
    struct servers servers;

    enforcement_find_servers(enforcement, policy, &servers);
    if (servers_equal(&servers, &enforcement->servers))
        return;
    if (enforcement_load_table(enforcement, policy, &servers, &error) < 0) {
        log_error("the DNS servers have changed, but the kernel does not take them: %s; the "
                  "ones before stay",
                  error.message);
        return;
    }
    use_servers(enforcement, &servers);
    enforcement_find_dockerd(enforcement, NULL);
}

void enforcement_sweep(struct enforcement *enforcement)
{
    leases_sweep(enforcement->leases);
}
