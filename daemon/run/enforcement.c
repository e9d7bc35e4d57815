/* SPDX-License-Identifier: MIT */
#include "run/enforcement_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "dns/docker_probe.h"
#include "dns/gate.h"
#include "dns/refresh.h"
#include "dns/resolver.h"
#include "doctor/whole_machine.h"
#include "firewall/firewall.h"
#include "firewall/leases.h"
#include "policy/describe.h"
#include "policy/outline.h"
#include "run/options.h"

#define STALE_MAX_S 86400
#define COUNT_INTERVAL_MS 100 /* of refusals: whoever asks often costs little */

void enforcement_set_state(struct enforcement *enforcement, enum view_state state,
                           const char *reason)
{
    if (enforcement->state != state)
        enforcement->since_ms = clock_now_ms();
    enforcement->state = state;
    snprintf(enforcement->reason, sizeof(enforcement->reason), "%s", reason ? reason : "");
}

void enforcement_set_in_force(struct enforcement *enforcement)
{
    const struct policy *policy = enforcement_policy(enforcement);
    const struct entry_source *asked = policy_mode_source(policy, POLICY_AUDIT);
    char source[SOURCE_TEXT_SIZE], reason[FAILURE_TEXT_SIZE];

    if (policy_mode(policy) == POLICY_ENFORCE) {
        enforcement_set_state(enforcement, VIEW_ENFORCING, NULL);
        return;
    }
    source_format(asked, source);
    snprintf(reason, sizeof(reason),
             "audit mode: nothing is refused, what \"enforce\" would refuse is recorded. To "
             "enforce, take \"mode\": \"audit\" out%s%s",
             source[0] ? " of " : "", source);
    enforcement_set_state(enforcement, VIEW_AUDITING, reason);
}

void enforcement_set_invalid(struct enforcement *enforcement, const struct failure *failure)
{
    const struct run_options *options = enforcement->options;
    char reason[FAILURE_TEXT_SIZE];

    snprintf(reason, sizeof(reason), "%.*s. Everything is denied until that is put right: then %s",
             FAILURE_TEXT_SIZE - 160, failure->text,
             options->workspace || options->devcontainer_file
                 ? "rebuild the container, or as root in it run: egressctl apply"
                 : "as root, run: egressctl reload");
    enforcement_set_state(enforcement, VIEW_INVALID_POLICY, reason);
}

const struct policy *enforcement_policy(const struct enforcement *enforcement)
{
    return enforcement->configuration.policy ? enforcement->configuration.policy
                                             : enforcement->deny_all;
}

/* --- start ------------------------------------------------------------------------------------ */

static int refuse_whole_machine(const struct run_options *options, const char *sign,
                                struct failure *failure)
{
    return failure_set(
        failure, EX_UNAVAILABLE,
        "this container shares the network of its host (%s), and a policy would cut off the whole "
        "machine: nothing is enforced. %sGive the container a network of its own: \"runArgs\": "
        "[\"--network=bridge\"] in devcontainer.json, and rebuild%s",
        sign,
        options->is_codespace ? "GitHub Codespaces starts a container so, unless told otherwise. "
                              : "",
        options->is_codespace ? ". Or use Docker Compose (\"dockerComposeFile\"), whose containers "
                                "Codespaces gives networks of their own"
                              : "");
}

int enforcement_open(struct enforcement *enforcement, uv_loop_t *loop,
                     const struct run_options *options, int take_socket, int witness,
                     struct failure *failure)
{
    const struct firewall_plan deny_all = {.lease_idle_s = options->lease_idle_s};
    struct policy_builder *nothing = policy_builder_new();
    struct text_error error = {0};
    const char *sign;
    int r;

    enforcement->loop = loop;
    enforcement->options = options;
    enforcement->since_ms = clock_now_ms();
    enforcement_open_journal(enforcement, witness);
    r = policy_build(nothing, &enforcement->deny_all, &error);
    policy_builder_free(nothing);
    if (r == 0)
        r = firewall_open(take_socket, &enforcement->firewall, &error);
    if (r < 0)
        return failure_set(failure, r == -EPERM ? EX_NOPERM : EX_UNAVAILABLE, "%s", error.message);

    enforcement_listen(enforcement);
    enforcement->found_table = firewall_table_exists(enforcement->firewall);
    if (enforcement->found_table)
        return 0;
    sign = whole_machine_sign();
    if (sign)
        return refuse_whole_machine(options, sign, failure);
    if (firewall_load(enforcement->firewall, &deny_all, NULL, &error) < 0)
        return failure_set(failure, EX_UNAVAILABLE, "%s", error.message);
    return 0;
}

struct configuration_request enforcement_request(const struct enforcement *enforcement)
{
    const struct run_options *options = enforcement->options;

    return (struct configuration_request){
        .policy_files = options->policy_count > 0 ? options->policies : NULL,
        .policy_file_count = options->policy_count,
        .devcontainer_file = options->devcontainer_file,
        .workspace = options->workspace,
        .local_workspace = options->local_workspace,
        .devcontainer_id = options->devcontainer_id,
        .is_codespace = options->is_codespace,
        .state_dir = options->state_dir,
    };
}

void enforcement_log_policy(const struct enforcement *enforcement)
{
    const struct configuration *configuration = &enforcement->configuration;

    if (configuration->devcontainer_file[0])
        log_info("workspace policy: %s%s (%s)", configuration->devcontainer_file,
                 configuration->pinned ? ", pinned" : "", configuration->devcontainer_why);
    else if (configuration->devcontainer_why[0])
        log_info("workspace policy: none (%s)", configuration->devcontainer_why);
    if (configuration_is_pending(configuration))
        log_warning("the workspace has changed since it was pinned, ignoring: 'egressctl status' "
                    "shows how, 'egressctl apply' as root adopts it");
}

static void read_configuration(struct enforcement *enforcement)
{
    struct configuration_request request = enforcement_request(enforcement);
    struct configuration_error error = {0};
    struct failure failure;

    enforcement_remember_workspace(enforcement);
    request.is_first_start = enforcement->options->is_first_start && !enforcement->found_table;
    if (configuration_read(&request, &enforcement->configuration, &error) == 0) {
        enforcement_log_policy(enforcement);
        return;
    }
    failure_set_configuration(&failure, &error);
    log_error("%s", failure.text);
    enforcement_set_invalid(enforcement, &failure);
}

static void on_budget_spent(void *context, const struct entry *entry, const char *why)
{
    char source[SOURCE_TEXT_SIZE];

    (void)context;
    entry_format_source(entry, source);
    log_warning("%s%snew names are refused: %s", source, source[0] ? ": " : "", why);
}

static int open_parts(struct enforcement *enforcement, struct failure *failure)
{
    const struct resolver_options options = {
        .lease_grace_s = enforcement->options->lease_grace_s,
        .stale_max_s = STALE_MAX_S,
    };
    int r;

    enforcement->leases = leases_new(enforcement->firewall);
    r = resolver_new(enforcement->loop, &options, enforcement->leases, &enforcement->counters,
                     &enforcement->resolver);
    if (r == 0)
        resolver_observe_budgets(enforcement->resolver, on_budget_spent, NULL);
    if (r == 0)
        r = refresh_new(enforcement->loop, enforcement->resolver,
                        enforcement->options->refresh_min_s, &enforcement->counters,
                        &enforcement->refresh);
    if (r == 0)
        r = gate_open(enforcement->loop, enforcement->resolver, RESOLVER_ROUTE_NORMAL,
                      GATE_LOOPBACK, &enforcement->counters, &enforcement->gate);
    if (r == 0)
        r = gate_open(enforcement->loop, enforcement->resolver, RESOLVER_ROUTE_NORMAL,
                      GATE_EVERYWHERE, &enforcement->counters, &enforcement->inner_gate);
    if (r < 0)
        return failure_set(failure, EX_UNAVAILABLE,
                           "cannot listen for DNS questions: %s; everything is denied",
                           strerror(-r));
    return 0;
}

void enforcement_hand_out_policy(struct enforcement *enforcement, const struct policy *policy)
{
    resolver_set_policy(enforcement->resolver, policy);
    gate_set_policy(enforcement->gate, policy);
    gate_set_policy(enforcement->inner_gate, policy);
    if (enforcement->dockerd_gate)
        gate_set_policy(enforcement->dockerd_gate, policy);
}

int enforcement_fill(struct enforcement *enforcement, struct failure *failure)
{
    const struct policy *policy;
    struct text_error error = {0};
    char *before;
    int r;

    read_configuration(enforcement);
    policy = enforcement_policy(enforcement);
    r = open_parts(enforcement, failure);
    if (r < 0)
        return r;
    enforcement_observe_gates(enforcement);
    enforcement_hand_out_policy(enforcement, policy);
    enforcement_find_servers(enforcement, policy, &enforcement->servers);
    resolver_set_servers(enforcement->resolver, &enforcement->servers);
    r = leases_restore(enforcement->leases, policy);
    if (r < 0)
        log_warning("the leases that an earlier daemon left cannot be read: %s, ignoring; names "
                    "are asked anew",
                    strerror(-r));
    enforcement_learn_names(enforcement);
    if (enforcement_load_table(enforcement, policy, &enforcement->servers, &error) < 0)
        return failure_set(failure, EX_UNAVAILABLE, "%s", error.message);
    r = firewall_flush_dns_flows(enforcement->firewall);
    if (r < 0)
        return failure_set(failure, EX_UNAVAILABLE,
                           "DNS flows that are older than the gate cannot be ended (conntrack: "
                           "%s): the kernel needs CONFIG_NF_CT_NETLINK; everything is denied",
                           strerror(-r));
    before = enforcement_earlier_outline(enforcement);
    enforcement->outline = outline_of(policy);
    enforcement_compare_with_earlier(enforcement, before);
    /* Without its table, the flows of that time are judged like any other. */
    enforcement_cut_flows(enforcement, enforcement->found_table ? before : NULL);
    free(before);
    enforcement_hear_refusals(enforcement);
    return 0;
}

int enforcement_verify(struct enforcement *enforcement, struct failure *failure)
{
    struct text_error error = {0};

    if (firewall_verify(enforcement->firewall, &error) < 0)
        return failure_set(failure, EX_UNAVAILABLE,
                           "the kernel's table is not what was put there: %s", error.message);
    enforcement->verified_ms = clock_now_ms();
    return 0;
}

static void on_servers_known(struct enforcement *enforcement)
{
    if (enforcement->state == VIEW_STARTING)
        enforcement_set_in_force(enforcement);
    refresh_set_policy(enforcement->refresh, enforcement_policy(enforcement));
}

void enforcement_begin(struct enforcement *enforcement)
{
    enforcement_guard(enforcement);
    enforcement_watch_links(enforcement);
    enforcement_find_dockerd(enforcement, on_servers_known);
}

/* --- looking ---------------------------------------------------------------------------------- */

static const char *workspace_policy_text(enum configuration_workspace_policy policy)
{
    switch (policy) {
    case CONFIGURATION_PIN:
        return "pin";
    case CONFIGURATION_FOLLOW:
        return "follow";
    case CONFIGURATION_IGNORE:
        break;
    }
    return "ignore";
}

static void add_weakness(struct view *view, const char *text)
{
    if (view->weakness_count < VIEW_WEAKNESSES_MAX)
        view->weaknesses[view->weakness_count++] = text;
}

void enforcement_view(struct enforcement *enforcement, struct view *ret_view)
{
    const struct configuration *configuration = &enforcement->configuration;
    const char *weakness;
    size_t index = 0;

    if (clock_now_ms() - enforcement->counted_ms >= COUNT_INTERVAL_MS)
        enforcement_count_refused(enforcement);
    *ret_view = (struct view){
        .state = enforcement->state,
        .reason = enforcement->reason[0] ? enforcement->reason : NULL,
        .reload_error = enforcement->reload_error[0] ? enforcement->reload_error : NULL,
        .since_ms = enforcement->since_ms,
        .policy = enforcement_policy(enforcement),
        .workspace_policy = workspace_policy_text(configuration->workspace_policy),
        .devcontainer_file = configuration->devcontainer_file,
        .devcontainer_why = configuration->devcontainer_why,
        .pinned = configuration->pinned,
        .pending = configuration_is_pending(configuration),
        .pending_added = configuration->pending.added,
        .pending_removed = configuration->pending.removed,
        .pending_error = configuration->pending.error,
        .changed_added = enforcement->started_added,
        .changed_removed = enforcement->started_removed,
        .policy_files = enforcement->options->policies,
        .policy_file_count = enforcement->options->policy_count,
        .servers = &enforcement->servers,
        .resolver = enforcement->resolver,
        .leases = enforcement->leases,
        .counters = &enforcement->counters,
        .journal = enforcement->journal,
        .tells_packets = enforcement->refusals != NULL,
        .untold = enforcement->untold,
        .verified_ms = enforcement->verified_ms,
        .owns_table = firewall_owns_table(enforcement->firewall),
        .restored = enforcement->guard.restored,
        .restored_ms = enforcement->guard.restored_ms,
        .restored_from = &enforcement->guard.last,
        .findings = enforcement->findings,
        .finding_count = enforcement->finding_count,
    };
    if (enforcement->table_failure[0]) {
        ret_view->state = VIEW_FAILED;
        ret_view->reason = enforcement->table_failure;
    }
    while ((weakness = firewall_weakness(enforcement->firewall, index++)))
        add_weakness(ret_view, weakness);
    if (enforcement->untellable)
        add_weakness(ret_view, enforcement->untellable);
    if (enforcement->guard.rewriter[0])
        add_weakness(ret_view, enforcement->guard.rewriter);
    if (enforcement->has_uncut_flows)
        add_weakness(ret_view, "flows that are no longer allowed could not be ended: they go on "
                               "until that succeeds, which is tried every few seconds");
    if (enforcement->has_stray_questions)
        add_weakness(ret_view, "DNS flows that began without the gate could not be ended: they go "
                               "on until that succeeds, which is tried every few seconds");
    if (enforcement->servers.ordinary_count == 0)
        add_weakness(ret_view, "no DNS server is known (resolv.conf, \"upstreams\" of the "
                               "policy): no name can be reached");
}

/* --- end -------------------------------------------------------------------------------------- */

static void on_resolver_closed(void *context)
{
    struct enforcement *enforcement = context;

    leases_free(enforcement->leases);
    firewall_close(enforcement->firewall);
    configuration_done(&enforcement->configuration);
    policy_free(enforcement->deny_all);
    free(enforcement->outline);
    free(enforcement->started_added);
    free(enforcement->started_removed);
    enforcement_free_journal(enforcement);
    enforcement->on_closed(enforcement->closed_context);
}

/* Who uses the resolver goes before it. */
static void on_part_closed(void *context)
{
    struct enforcement *enforcement = context;

    if (--enforcement->parts_open > 0)
        return;
    if (enforcement->resolver)
        resolver_close(enforcement->resolver, on_resolver_closed, enforcement);
    else
        on_resolver_closed(enforcement);
}

static void on_links_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

void enforcement_close(struct enforcement *enforcement, void (*on_closed)(void *context),
                       void *context)
{
    enforcement->on_closed = on_closed;
    enforcement->closed_context = context;
    enforcement->parts_open = 1; /* this function itself */
    if (enforcement->docker_probe)
        docker_probe_cancel(enforcement->docker_probe);
    if (enforcement->guard.monitor) {
        enforcement->parts_open++;
        enforcement_unguard(enforcement, on_part_closed);
    }
    if (enforcement->refusals) {
        enforcement->parts_open++;
        enforcement_stop_hearing(enforcement, on_part_closed);
    }
    if (enforcement->watches_links) {
        enforcement->parts_open++;
        uv_close((uv_handle_t *)&enforcement->links, on_links_closed);
    }
    if (enforcement->gate) {
        enforcement->parts_open++;
        gate_close(enforcement->gate, on_part_closed, enforcement);
    }
    if (enforcement->inner_gate) {
        enforcement->parts_open++;
        gate_close(enforcement->inner_gate, on_part_closed, enforcement);
    }
    if (enforcement->dockerd_gate) {
        enforcement->parts_open++;
        gate_close(enforcement->dockerd_gate, on_part_closed, enforcement);
    }
    if (enforcement->refresh) {
        enforcement->parts_open++;
        refresh_close(enforcement->refresh, on_part_closed, enforcement);
    }
    on_part_closed(enforcement);
}
