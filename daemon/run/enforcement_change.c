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
#include "run/outline.h"

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
                         char ret_message[static COMMANDS_MESSAGE_SIZE])
{
    bool stands = enforcement->configuration.policy != NULL;

    log_error("%s (%s)", failure->text,
              stands ? "the policy before it stays in force" : "everything stays denied");
    if (stands)
        snprintf(enforcement->reload_error, sizeof(enforcement->reload_error), "%s", failure->text);
    else
        enforcement_set_invalid(enforcement, failure);
    snprintf(ret_message, COMMANDS_MESSAGE_SIZE, "%.*s; nothing was changed: %s",
             COMMANDS_MESSAGE_SIZE - 128, failure->text,
             stands ? "the policy before it stays in force" : "everything stays denied");
    return failure->exit_code;
}

/* Counts for people. */
static void format_reloaded(const struct policy *policy, size_t ended, size_t cut, bool more_to_cut,
                            char ret_message[static COMMANDS_MESSAGE_SIZE])
{
    size_t allowed, denied;

    policy_entries(policy, POLICY_ALLOW, &allowed);
    policy_entries(policy, POLICY_DENY, &denied);
    snprintf(ret_message, COMMANDS_MESSAGE_SIZE,
             "in force: %zu allow and %zu deny entries; %zu leases and %zu open flows ended%s",
             allowed, denied, ended, cut, more_to_cut ? ", others could not be yet" : "");
}

int enforcement_reload(struct enforcement *enforcement, enum commands_reload how,
                       char ret_message[static COMMANDS_MESSAGE_SIZE])
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
        return refuse_reload(enforcement, &failure, ret_message);
    }
    enforcement_find_servers(enforcement, fresh.policy, &servers);
    if (replace(enforcement, fresh.policy, &servers, &ended, &table_error) < 0) {
        failure_set(&failure, EX_UNAVAILABLE, "%s", table_error.message);
        configuration_done(&fresh);
        return refuse_reload(enforcement, &failure, ret_message);
    }
    refresh_set_policy(enforcement->refresh, fresh.policy);
    configuration_done(&enforcement->configuration);
    enforcement->configuration = fresh;

    before = enforcement->outline;
    enforcement->outline = outline_of(fresh.policy);
    cut = enforcement_cut_flows(enforcement, before);
    free(before);
    enforcement->reload_error[0] = '\0';
    enforcement->counters.reloads++;
    enforcement_set_state(enforcement, VIEW_ENFORCING, NULL);
    format_reloaded(fresh.policy, ended, cut, enforcement->has_uncut_flows, ret_message);
    enforcement_log_policy(enforcement);
    log_info("%s", ret_message);
    return 0;
}

void enforcement_look_for_pending(struct enforcement *enforcement)
{
    struct configuration_request request = enforcement_request(enforcement);
    struct configuration_error error = {0};
    struct configuration fresh = {0};

    if (!enforcement->configuration.policy || configuration_read(&request, &fresh, &error) < 0)
        return;
    if (fresh.pending && !enforcement->configuration.pending)
        log_info("%s has changed: 'egressctl apply' as root adopts it",
                 enforcement->configuration.devcontainer_file);
    enforcement->configuration.pending = fresh.pending;
    configuration_done(&fresh);
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
