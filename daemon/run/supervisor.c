/* SPDX-License-Identifier: MIT */
#include "run/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/report.h"

/* While it is dead no name is answered, so it is not dead for long: not even somebody who can make
 * it crash again and again makes more of it than a start a second. A stub waits 5 s. */
#define BACKOFF_FIRST_MS 10
#define BACKOFF_MOST_MS 1000
#define STEADY_MS 10000 /* who lived so long was well: the next start comes at once again */

struct supervisor_report {
    int fd; /* -1: to the log, or said already */
    bool said;
};

static void log_report(int exit_code, const char *text)
{
    if (exit_code == 0)
        log_info("%s", text);
    else
        log_error("%s", text);
}

void supervisor_report(struct supervisor_report *report, int exit_code, const char *text)
{
    if (report->said)
        return;
    report->said = true;
    if (report->fd < 0) {
        log_report(exit_code, text);
        return;
    }
    report_send(report->fd, exit_code, text);
    report->fd = -1;
}

int supervisor_run_foreground(supervisor_work *work, void *context)
{
    struct supervisor_report report = {.fd = -1};

    return work(context, &report);
}

/* Logs what was heard and returns the exit code in it. */
static int repeat(const struct report *report)
{
    const char *text;
    int code;

    if (report_read(report, &code, &text) < 0) {
        log_error("the daemon died before it could say ready or why not; what it had put into the "
                  "kernel stays, so the container is closed rather than open. Please report "
                  "this, with the log above");
        return EX_UNAVAILABLE;
    }
    log_report(code, text);
    return code;
}

/* --- the process that starts the daemon again ------------------------------------------------- */

struct supervisor {
    supervisor_work *work;
    void *context;
    sigset_t signals, signals_before;
    int first_report_fd; /* for the first report; -1: that has been passed on */
    pid_t daemon;
    int daemon_status; /* as waitpid gives it */
    bool stopping;
    bool was_ready;
};

static pid_t start_daemon(struct supervisor *supervisor, int *ret_report_fd)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid = fork();
    if (pid == 0) {
        struct supervisor_report report = {.fd = ends[1]};
        int code;

        close(ends[0]);
        if (supervisor->first_report_fd >= 0)
            close(supervisor->first_report_fd); /* its reader waits until all have */
        sigprocmask(SIG_SETMASK, &supervisor->signals_before, NULL);
        code = supervisor->work(supervisor->context, &report);
        exit(code);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return -errno;
    }
    *ret_report_fd = ends[0];
    return pid;
}

static void pass_on(struct supervisor *supervisor, int number)
{
    supervisor->stopping = supervisor->stopping || number == SIGTERM || number == SIGINT;
    if (supervisor->daemon > 0)
        kill(supervisor->daemon, number);
}

/* Lives through signals until the daemon has ended. */
static void await_end(struct supervisor *supervisor)
{
    for (;;) {
        siginfo_t info;
        pid_t ended = waitpid(supervisor->daemon, &supervisor->daemon_status, WNOHANG);

        if (ended == supervisor->daemon || (ended < 0 && errno != EINTR))
            break;
        if (sigwaitinfo(&supervisor->signals, &info) > 0 && info.si_signo != SIGCHLD)
            pass_on(supervisor, info.si_signo);
    }
    supervisor->daemon = 0;
}

static void back_off(struct supervisor *supervisor, uint64_t delay_ms)
{
    struct timespec delay = {.tv_sec = (time_t)(delay_ms / 1000),
                             .tv_nsec = (long)(delay_ms % 1000) * 1000000};
    int number = sigtimedwait(&supervisor->signals, NULL, &delay);

    if (number == SIGTERM || number == SIGINT)
        supervisor->stopping = true;
}

static bool ended_in_order(const struct supervisor *supervisor)
{
    return WIFEXITED(supervisor->daemon_status) && WEXITSTATUS(supervisor->daemon_status) == 0;
}

static void log_death(const struct supervisor *supervisor, uint64_t delay_ms)
{
    int status = supervisor->daemon_status;

    log_error("the daemon ended unexpectedly (%s %d); the kernel keeps denying; starting it again "
              "in %llu ms",
              WIFSIGNALED(status) ? "signal" : "status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
              (unsigned long long)delay_ms);
}

/* To whoever waits for the start; a report that is none is not passed on either. */
static void pass_first_on(struct supervisor *supervisor, const struct report *report)
{
    const char *text;
    int code;

    if (report_read(report, &code, &text) == 0) {
        report_send(supervisor->first_report_fd, code, text);
        supervisor->was_ready = code == 0;
    } else {
        close(supervisor->first_report_fd);
    }
    supervisor->first_report_fd = -1;
}

/* One life of the daemon. The first report goes to whoever waits for it, later ones to the log. */
static void live_once(struct supervisor *supervisor)
{
    struct report report;
    int report_fd = -1;
    pid_t pid = start_daemon(supervisor, &report_fd);

    supervisor->daemon_status = EX_UNAVAILABLE << 8;
    if (pid < 0) {
        log_error("cannot start a process: %s", strerror((int)-pid));
        return;
    }
    supervisor->daemon = pid;
    report_hear(report_fd, &report);
    close(report_fd);
    if (supervisor->first_report_fd >= 0)
        pass_first_on(supervisor, &report);
    else if (repeat(&report) == 0)
        supervisor->was_ready = true;
    await_end(supervisor);
}

static int supervise(struct supervisor *supervisor)
{
    uint64_t delay_ms = BACKOFF_FIRST_MS;

    sigemptyset(&supervisor->signals);
    sigaddset(&supervisor->signals, SIGCHLD);
    sigaddset(&supervisor->signals, SIGTERM);
    sigaddset(&supervisor->signals, SIGINT);
    sigaddset(&supervisor->signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &supervisor->signals, &supervisor->signals_before);

    for (;;) {
        uint64_t started_ms = clock_now_ms();

        live_once(supervisor);
        if (supervisor->stopping || ended_in_order(supervisor) || !supervisor->was_ready)
            break;
        if (clock_now_ms() - started_ms >= STEADY_MS)
            delay_ms = BACKOFF_FIRST_MS;
        log_death(supervisor, delay_ms);
        back_off(supervisor, delay_ms);
        if (supervisor->stopping)
            break;
        delay_ms = MIN(delay_ms * 2, BACKOFF_MOST_MS);
    }
    return WIFEXITED(supervisor->daemon_status) ? WEXITSTATUS(supervisor->daemon_status)
                                                : EX_UNAVAILABLE;
}

/* Away from the terminal and its signals; stdout and stderr stay: they are the container's log. */
static void leave_terminal(void)
{
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    setsid();
    if (null_fd >= 0) {
        dup2(null_fd, STDIN_FILENO);
        close(null_fd);
    }
}

int supervisor_run_first(supervisor_work *work, void *context)
{
    struct supervisor supervisor = {.work = work, .context = context, .first_report_fd = -1};

    return supervise(&supervisor);
}

int supervisor_run_background(supervisor_work *work, void *context)
{
    struct supervisor supervisor = {.work = work, .context = context};
    struct report report;
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        log_error("cannot start a process: %s", strerror(errno));
        return EX_UNAVAILABLE;
    }
    if (pid == 0) {
        close(ends[0]);
        leave_terminal();
        supervisor.first_report_fd = ends[1];
        exit(supervise(&supervisor));
    }
    close(ends[1]);
    report_hear(ends[0], &report);
    close(ends[0]);
    return repeat(&report);
}
