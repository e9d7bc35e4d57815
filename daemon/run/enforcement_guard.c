/* SPDX-License-Identifier: MIT */
/* The table is ours: what others do to it is noticed at once, undone, counted and told. */
#include "run/enforcement_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/log.h"
#include "firewall/firewall.h"
#include "firewall/monitor.h"

/* Whoever changes the table in a loop gets it put back each time, but not all of the processor: the
 * guard rests for so many times as long as the work took. */
#define REST_FACTOR 4
#define LOG_INTERVAL_MS 1000
/* As long as the table cannot be put back, it is tried so often. */
#define RETRY_MS 100
/* A listing is interrupted by any commit, hence it may fail now and then. */
#define UNREAD_MAX_MS 30000

/* --- telling ---------------------------------------------------------------------------------- */

static void log_unlogged(struct guard *guard)
{
    if (guard->unlogged == 0)
        return;
    log_error("critical: tampered: %u more times, put back each time", guard->unlogged);
    guard->unlogged = 0;
}

static void note_tampering(struct guard *guard, const struct change *change)
{
    uint64_t now_ms = clock_now_ms();

    guard->restored++;
    guard->restored_ms = now_ms;
    guard->last = *change;
    if (guard->logged_ms && now_ms - guard->logged_ms < LOG_INTERVAL_MS) {
        guard->unlogged++;
        return;
    }
    guard->logged_ms = now_ms;
    log_unlogged(guard);
    log_error("critical: tampered: %s (%u changes) by \"%s\" (process %u of the machine); putting "
              "it back",
              change->what, change->parts, change->process, change->pid);
}

/* --- putting back ----------------------------------------------------------------------------- */

static void on_rested(uv_timer_t *rest);

static void set_table_failure(struct enforcement *enforcement, const char *text)
{
    if (enforcement->guard.monitor)
        uv_timer_start(&enforcement->guard.rest, on_rested, RETRY_MS, 0);
    if (strcmp(enforcement->table_failure, text) != 0)
        log_error("critical: not protected: %s", text);
    snprintf(enforcement->table_failure, sizeof(enforcement->table_failure), "%s", text);
}

/* -ENOENT or -EBADMSG: it is not what was put there. Anything else: it could not be read. */
static int verify(struct enforcement *enforcement, struct failure *failure)
{
    struct text_error error = {0};
    int r = firewall_verify(enforcement->firewall, &error);

    if (r == 0) {
        enforcement->verified_ms = clock_now_ms();
        enforcement->table_failure[0] = '\0';
        return 0;
    }
    failure_set(failure, EX_UNAVAILABLE, "the kernel's table is not what was put there: %s",
                error.message);
    return r;
}

static bool is_wrong(int result)
{
    return result == -ENOENT || result == -EBADMSG;
}

/* Flows that began while the table was another would go on. */
static void end_flows(struct enforcement *enforcement)
{
    enforcement_end_questions(enforcement);
    enforcement_cut_flows(enforcement, NULL);
}

static bool load_again(struct enforcement *enforcement)
{
    struct text_error error = {0};
    struct failure failure;

    if (enforcement_load_table(enforcement, enforcement_policy(enforcement), &enforcement->servers,
                               &error) == 0)
        return true;
    failure_set(&failure, EX_UNAVAILABLE, "the table cannot be put back: %s", error.message);
    set_table_failure(enforcement, failure.text);
    return false;
}

static void restore(struct enforcement *enforcement, const struct change *change)
{
    struct failure failure;

    if (!enforcement->table_failure[0]) /* else it is the same that could not be undone yet */
        note_tampering(&enforcement->guard, change);
    if (load_again(enforcement) && verify(enforcement, &failure) < 0)
        set_table_failure(enforcement, failure.text);
    end_flows(enforcement);
}

/* The table is looked at as a whole. */
static void check(struct enforcement *enforcement)
{
    struct failure failure;
    int r = verify(enforcement, &failure);

    if (is_wrong(r)) {
        struct change change = {.parts = 1, .process = "?"};

        snprintf(change.what, sizeof(change.what), "%.*s", (int)sizeof(change.what) - 1,
                 failure.text);
        restore(enforcement, &change);
    } else if (r < 0 && clock_now_ms() - enforcement->verified_ms > UNREAD_MAX_MS) {
        set_table_failure(enforcement, failure.text);
    }
}

/* Whether there was anything to do. */
static bool hear(struct enforcement *enforcement)
{
    struct monitor_news news;

    if (!enforcement->guard.monitor)
        return false;
    monitor_read(enforcement->guard.monitor, &news);
    if (news.has_others || news.has_gaps)
        enforcement->guard.looks_around = true;
    if (news.commits > 0) {
        restore(enforcement, &news.first);
    } else if (news.has_gaps) {
        check(enforcement);
        if (!firewall_owns_table(enforcement->firewall))
            load_again(enforcement); /* elements may be others', and no check shows that */
    }
    return news.commits > 0 || news.has_gaps;
}

/* --- other tables ----------------------------------------------------------------------------- */

static void look_around(struct enforcement *enforcement)
{
    struct guard *guard = &enforcement->guard;
    char text[OTHERS_TEXT_SIZE] = "";

    if (guard->monitor && !guard->looks_around)
        return;
    if (others_find_rewriter(enforcement->firewall, text) < 0)
        return; /* interrupted: looked at again */
    guard->looks_around = false;
    if (text[0] && strcmp(text, guard->rewriter) != 0)
        log_warning("%s", text);
    memcpy(guard->rewriter, text, sizeof(text));
}

void enforcement_check(struct enforcement *enforcement)
{
    hear(enforcement);
    check(enforcement);
    look_around(enforcement);
    enforcement_end_again(enforcement);
    enforcement_hear_refusals(enforcement);
    log_unlogged(&enforcement->guard);
}

/* --- listening -------------------------------------------------------------------------------- */

static void on_news(uv_poll_t *poll, int status, int events);

static void on_rested(uv_timer_t *rest)
{
    struct enforcement *enforcement = rest->data;

    uv_poll_start(&enforcement->guard.news, UV_READABLE, on_news);
    if (!enforcement->table_failure[0])
        return;
    check(enforcement);
    if (enforcement->table_failure[0])
        uv_timer_start(rest, on_rested, RETRY_MS, 0);
}

static void on_news(uv_poll_t *poll, int status, int events)
{
    struct enforcement *enforcement = poll->data;
    uint64_t began_ns = uv_hrtime();

    (void)events;
    /* An error (the buffer has overflowed) is read like news, and libuv listens no more. */
    if (!hear(enforcement) && status == 0)
        return;
    uv_poll_stop(poll);
    uv_timer_start(&enforcement->guard.rest, on_rested,
                   REST_FACTOR * (uv_hrtime() - began_ns) / 1000000 + 1, 0);
}

void enforcement_listen(struct enforcement *enforcement)
{
    struct guard *guard = &enforcement->guard;
    int r = monitor_open(enforcement->firewall, &guard->monitor);

    if (r == 0)
        r = uv_poll_init(enforcement->loop, &guard->news, monitor_fd(guard->monitor));
    if (r < 0) {
        log_warning("the kernel does not tell who changes its tables: %s, ignoring; they are "
                    "looked at every few seconds all the same",
                    strerror(-r));
        monitor_close(guard->monitor);
        guard->monitor = NULL;
        return;
    }
    uv_timer_init(enforcement->loop, &guard->rest);
    guard->news.data = guard->rest.data = enforcement;
}

void enforcement_guard(struct enforcement *enforcement)
{
    enforcement->guard.looks_around = true;
    look_around(enforcement);
    if (enforcement->guard.monitor)
        uv_poll_start(&enforcement->guard.news, UV_READABLE, on_news);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct enforcement *enforcement = handle->data;
    struct guard *guard = &enforcement->guard;

    if (--guard->handles_open > 0)
        return;
    monitor_close(guard->monitor);
    guard->on_closed(enforcement);
}

void enforcement_unguard(struct enforcement *enforcement, void (*on_closed)(void *context))
{
    struct guard *guard = &enforcement->guard;

    guard->on_closed = on_closed;
    guard->handles_open = 2;
    uv_close((uv_handle_t *)&guard->news, on_handle_closed);
    uv_close((uv_handle_t *)&guard->rest, on_handle_closed);
}
