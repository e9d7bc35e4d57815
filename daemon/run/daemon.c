/* SPDX-License-Identifier: MIT */
#include "run/daemon.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <uv.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/privilege.h"
#include "base/seccomp.h"
#include "control/commands.h"
#include "control/protocol.h"
#include "run/enforcement.h"
#include "run/log_file.h"
#include "run/options.h"
#include "run/stamp.h"
#include "run/supervisor.h"

#define WATCH_INTERVAL_MS 2000
#define CHECK_INTERVAL_MS 5000
#define SWEEP_INTERVAL_MS 30000
#define WRITE_INTERVAL_MS 1000
#define NO_SECCOMP                                                                                 \
    "the kernel, or what runs the container, does not filter system calls (seccomp): the policy "  \
    "holds, but a flaw in egressd itself would reach further"

struct daemon {
    const struct run_options *options;
    int socket;  /* until the enforcement takes it */
    int witness; /* borrowed */
    uv_loop_t loop;
    struct enforcement enforcement;
    struct commands commands;
    struct control_server *control;
    uv_timer_t watch, check, sweep, write;
    struct log_file log_file;
    uv_signal_t on_term, on_int, on_hup;
    struct stamp resolv_conf;
    bool is_filtered; /* by seccomp */
    bool stopping;
};

/* --- files that may change -------------------------------------------------------------------- */

/* By looking, not by inotify: both files are usually mounts of their own, whose changes come from
 * outside, and editors and runtimes put new files in their place. */
static void on_watch(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;

    if (daemon->stopping)
        return;
    if (stamp_renew(&daemon->resolv_conf, daemon->options->resolv_conf) ||
        daemon->enforcement.is_resolv_conf_unread)
        enforcement_follow_servers(&daemon->enforcement);
    enforcement_watch_workspace(&daemon->enforcement);
}

static void on_check(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;

    if (!daemon->stopping)
        enforcement_check(&daemon->enforcement);
}

static void on_sweep(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;

    if (daemon->stopping)
        return;
    enforcement_sweep(&daemon->enforcement);
    enforcement_examine_surroundings(&daemon->enforcement);
}

static void on_write(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    struct view view;

    if (daemon->stopping)
        return;
    enforcement_view(&daemon->enforcement, &view);
    log_file_write(&daemon->log_file, &view);
}

/* --- end -------------------------------------------------------------------------------------- */

static void on_enforcement_closed(void *context)
{
    (void)context;
}

static void stop(struct daemon *daemon)
{
    uv_handle_t *handles[] = {
        (uv_handle_t *)&daemon->watch,  (uv_handle_t *)&daemon->check,
        (uv_handle_t *)&daemon->sweep,  (uv_handle_t *)&daemon->on_term,
        (uv_handle_t *)&daemon->on_int, (uv_handle_t *)&daemon->on_hup,
        (uv_handle_t *)&daemon->write,
    };

    if (daemon->stopping)
        return;
    daemon->stopping = true;
    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
        uv_close(handles[i], NULL);
    log_file_close(&daemon->log_file);
    if (daemon->control)
        control_server_close(daemon->control, NULL, NULL);
    enforcement_close(&daemon->enforcement, on_enforcement_closed, NULL);
}

static void on_end_signal(uv_signal_t *handle, int number)
{
    struct daemon *daemon = handle->data;

    log_info("signal %d: ending. The kernel's table stays: what is leased runs out once nobody "
             "uses it, and then everything is denied until egressd runs again",
             number);
    stop(daemon);
}

static void on_hang_up(uv_signal_t *handle, int number)
{
    struct daemon *daemon = handle->data;
    struct commands_change change = {0};

    (void)number;
    if (!daemon->stopping)
        enforcement_reload(&daemon->enforcement, COMMANDS_RELOAD, &change);
    commands_change_done(&change);
}

/* --- commands --------------------------------------------------------------------------------- */

static void fill_view(void *context, struct view *ret_view)
{
    struct daemon *daemon = context;

    enforcement_view(&daemon->enforcement, ret_view);
    if (!daemon->is_filtered && ret_view->weakness_count < VIEW_WEAKNESSES_MAX)
        ret_view->weaknesses[ret_view->weakness_count++] = NO_SECCOMP;
}

static int reload(void *context, enum commands_reload how, struct commands_change *ret_change)
{
    struct daemon *daemon = context;

    return enforcement_reload(&daemon->enforcement, how, ret_change);
}

static int open_control(struct daemon *daemon, struct failure *failure)
{
    char path[CONTROL_SOCKET_PATH_SIZE];
    int r = control_socket_path(daemon->options->runtime_dir, path);

    daemon->commands = (struct commands){.context = daemon, .view = fill_view, .reload = reload};
    if (r == 0)
        r = control_server_open(&daemon->loop, path, commands_answer, &daemon->commands,
                                &daemon->control);
    if (r < 0)
        return failure_set(failure, EX_UNAVAILABLE,
                           "cannot listen on %s/" CONTROL_SOCKET_NAME ": %s",
                           daemon->options->runtime_dir, strerror(-r));
    return 0;
}

/* --- start ------------------------------------------------------------------------------------ */

static void init_handles(struct daemon *daemon)
{
    uv_timer_t *timers[] = {&daemon->watch, &daemon->check, &daemon->sweep, &daemon->write};
    uv_signal_t *signals[] = {&daemon->on_term, &daemon->on_int, &daemon->on_hup};

    for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
        uv_timer_init(&daemon->loop, timers[i]);
        timers[i]->data = daemon;
    }
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        uv_signal_init(&daemon->loop, signals[i]);
        signals[i]->data = daemon;
    }
}

static void start_handles(struct daemon *daemon)
{
    stamp_renew(&daemon->resolv_conf, daemon->options->resolv_conf);
    uv_timer_start(&daemon->watch, on_watch, WATCH_INTERVAL_MS, WATCH_INTERVAL_MS);
    uv_timer_start(&daemon->check, on_check, CHECK_INTERVAL_MS, CHECK_INTERVAL_MS);
    uv_timer_start(&daemon->sweep, on_sweep, SWEEP_INTERVAL_MS, SWEEP_INTERVAL_MS);
    if (daemon->log_file.file)
        uv_timer_start(&daemon->write, on_write, WRITE_INTERVAL_MS, WRITE_INTERVAL_MS);
    uv_signal_start(&daemon->on_term, on_end_signal, SIGTERM);
    uv_signal_start(&daemon->on_int, on_end_signal, SIGINT);
    uv_signal_start(&daemon->on_hup, on_hang_up, SIGHUP);
}

/* The policy holds without seccomp; what a flaw in us could do would be more. */
static int drop_privileges(struct daemon *daemon, struct failure *failure)
{
    int r = privilege_drop();

    if (r < 0)
        return failure_set(failure, EX_NOPERM,
                           "cannot give up privileges: %s; everything is denied", strerror(-r));
    r = seccomp_install(SECCOMP_SERVES);
    daemon->is_filtered = r == 0;
    if (r < 0)
        log_warning("%s (%s)", NO_SECCOMP, strerror(-r));
    return 0;
}

static int start(struct daemon *daemon, struct failure *failure)
{
    const char *log_dir = daemon->options->log_dir;
    int r = enforcement_open(&daemon->enforcement, &daemon->loop, daemon->options, daemon->socket,
                             daemon->witness, failure);

    if (r == 0)
        r = enforcement_fill(&daemon->enforcement, failure);
    if (r == 0) {
        enforcement_examine_surroundings(&daemon->enforcement);
        r = open_control(daemon, failure);
    }
    if (r == 0)
        r = drop_privileges(daemon, failure);
    if (r == 0)
        r = enforcement_verify(&daemon->enforcement, failure);
    if (r == 0) {
        log_file_open(&daemon->log_file, log_dir ? log_dir : OPTIONS_LOG_DIR, log_dir != NULL);
        start_handles(daemon);
        enforcement_begin(&daemon->enforcement);
    }
    return r;
}

static void report_ready(struct daemon *daemon, struct supervisor_report *report)
{
    const struct enforcement *enforcement = &daemon->enforcement;
    const struct policy *policy = enforcement->configuration.policy;
    char text[160];

    if (enforcement->state == VIEW_INVALID_POLICY) {
        supervisor_report(report, 0, "running, but the policy is invalid: everything is denied");
        return;
    }
    snprintf(text, sizeof(text), "%s: %zu allow and %zu deny entries",
             policy_mode(policy) == POLICY_AUDIT
                 ? "auditing: nothing is refused, what enforce would refuse is recorded"
                 : "enforcing",
             policy_count_written(policy, POLICY_ALLOW), policy_count_written(policy, POLICY_DENY));
    supervisor_report(report, 0, text);
}

int daemon_run(void *context, struct supervisor_report *report)
{
    const struct daemon_setup *setup = context;
    struct daemon *daemon = xcalloc(1, sizeof(*daemon));
    struct failure failure = {0};
    int r;

    daemon->options = setup->options;
    daemon->socket = setup->socket;
    daemon->witness = setup->witness;
    r = uv_loop_init(&daemon->loop);
    if (r < 0) {
        supervisor_report(report, EX_UNAVAILABLE, "cannot make an event loop");
        free(daemon);
        return EX_UNAVAILABLE;
    }
    init_handles(daemon);
    if (start(daemon, &failure) == 0) {
        report_ready(daemon, report);
    } else {
        supervisor_report(report, failure.exit_code, failure.text);
        stop(daemon);
    }
    uv_run(&daemon->loop, UV_RUN_DEFAULT);
    r = uv_loop_close(&daemon->loop);
    assert(r == 0); /* else something still lives in the loop */
    free(daemon);
    return failure.exit_code;
}
