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

#define REPORT_SIZE 4096
/* While it is dead no name is answered, so it is not dead for long: not even somebody who can make
 * it crash again and again makes more of it than a start a second. A stub waits 5 s. */
#define BACKOFF_FIRST_MS 10
#define BACKOFF_MOST_MS 1000
#define STEADY_MS 10000 /* who lived so long was well: the next start comes at once again */

struct supervisor_report {
    int fd; /* -1: to the log, or said already */
    bool said;
};

/* What came over a pipe: "CODE TEXT". */
struct heard {
    char text[REPORT_SIZE];
    size_t size;
};

static void log_report(int exit_code, const char *text)
{
    if (exit_code == 0)
        log_info("%s", text);
    else
        log_error("%s", text);
}

static void write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);

        if (written < 0 && errno != EINTR)
            return; /* nobody waits any more */
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
}

void supervisor_report(struct supervisor_report *report, int exit_code, const char *text)
{
    char line[REPORT_SIZE];
    int size;

    if (report->said)
        return;
    report->said = true;
    if (report->fd < 0) {
        log_report(exit_code, text);
        return;
    }
    size = snprintf(line, sizeof(line), "%d %s", exit_code, text);
    write_all(report->fd, line, MIN((size_t)size, sizeof(line) - 1));
    close(report->fd);
    report->fd = -1;
}

int supervisor_run_foreground(supervisor_work *work, void *context)
{
    struct supervisor_report report = {.fd = -1};

    return work(context, &report);
}

/* Until the other side has closed. */
static void hear(int fd, struct heard *heard)
{
    heard->size = 0;
    for (;;) {
        ssize_t size = read(fd, heard->text + heard->size, sizeof(heard->text) - 1 - heard->size);

        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            break;
        heard->size += (size_t)size;
    }
    heard->text[heard->size] = '\0';
}

/* Logs what was heard and returns the exit code in it. */
static int repeat(const struct heard *heard)
{
    const char *text = strchr(heard->text, ' ');
    int code = (int)strtol(heard->text, NULL, 10);

    if (!text) {
        log_error("the daemon died before it could say ready or why not; what it had put into the "
                  "kernel stays, so the container is closed rather than open. Please report "
                  "this, with the log above");
        return EX_UNAVAILABLE;
    }
    log_report(code, text + 1);
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

/* One life of the daemon. The first report goes to whoever waits for it, later ones to the log. */
static void live_once(struct supervisor *supervisor)
{
    struct heard heard;
    int report_fd = -1;
    pid_t pid = start_daemon(supervisor, &report_fd);

    supervisor->daemon_status = EX_UNAVAILABLE << 8;
    if (pid < 0) {
        log_error("cannot start a process: %s", strerror((int)-pid));
        return;
    }
    supervisor->daemon = pid;
    hear(report_fd, &heard);
    close(report_fd);
    if (supervisor->first_report_fd >= 0) {
        write_all(supervisor->first_report_fd, heard.text, heard.size);
        close(supervisor->first_report_fd);
        supervisor->first_report_fd = -1;
        supervisor->was_ready = strncmp(heard.text, "0 ", 2) == 0;
    } else {
        repeat(&heard);
    }
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

int supervisor_run_background(supervisor_work *work, void *context)
{
    struct supervisor supervisor = {.work = work, .context = context};
    struct heard heard;
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
    hear(ends[0], &heard);
    close(ends[0]);
    return repeat(&heard);
}
