/* SPDX-License-Identifier: MIT */
#include "dns/upstream.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "dns/exchange.h"

#define ATTEMPTS_MAX (2 * SERVERS_MAX)
#define TICK_MS 25
#define SILENCE_MS 10000 /* for so long, a server that was silent is asked last */
#define SILENT_MAX (2 * SERVERS_MAX)

const struct upstream_options upstream_default_options = {
    .mark = FIREWALL_QUESTION_MARK,
    .try_ms = 1000,
    .total_ms = 4400,
};

struct attempt {
    struct upstream_question *question;
    struct exchange *exchange; /* NULL: over */
    size_t server;
    enum message_edns edns;
};

struct upstream_question {
    struct upstream *upstream;
    struct upstream_question *next, *previous;
    upstream_on_answer *on_answer;
    void *context;
    char name[WIRE_NAME_TEXT_SIZE];
    uint16_t type;
    struct firewall_endpoint servers[SERVERS_MAX];
    bool is_useless[SERVERS_MAX]; /* answered, but not usefully: is not asked again */
    size_t server_count;
    /* Attempts go round the servers. Earlier ones keep listening: a slow answer is an answer. */
    struct attempt attempts[ATTEMPTS_MAX];
    size_t attempt_count, attempts_max;
    uint64_t next_at_ms, deadline_ms;
    uint32_t interval_ms;
    int status; /* of the last failure */
};

struct silence {
    struct firewall_endpoint server;
    uint64_t until_ms;
};

struct upstream {
    struct exchanger *exchanger;
    struct upstream_options options;
    struct counters *counters;
    uv_timer_t tick; /* runs only while there are questions */
    struct upstream_question *questions;
    struct silence silences[SILENT_MAX];
    size_t next_silence;
    struct message_answer answer; /* being read; large, so not on the stack */
    int open_handles;
    void (*on_closed)(void *context);
    void *closed_context;
};

static bool endpoint_equal(const struct firewall_endpoint *a, const struct firewall_endpoint *b)
{
    return a->port == b->port && address_equal(&a->address, &b->address);
}

static struct silence *find_silence(struct upstream *upstream,
                                    const struct firewall_endpoint *server)
{
    for (size_t i = 0; i < SILENT_MAX; i++)
        if (upstream->silences[i].until_ms && endpoint_equal(&upstream->silences[i].server, server))
            return &upstream->silences[i];
    return NULL;
}

static void note_silence(struct upstream *upstream, const struct firewall_endpoint *server)
{
    struct silence *silence = find_silence(upstream, server);

    if (!silence) {
        silence = &upstream->silences[upstream->next_silence++ % SILENT_MAX];
        silence->server = *server;
    }
    silence->until_ms = clock_now_ms() + SILENCE_MS;
}

static void note_answer(struct upstream *upstream, const struct firewall_endpoint *server)
{
    struct silence *silence = find_silence(upstream, server);

    if (silence)
        silence->until_ms = 0;
}

void upstream_forget_silence(struct upstream *upstream)
{
    memset(upstream->silences, 0, sizeof(upstream->silences));
}

/* The order is the user's, except that servers that were silent just now come last. */
static void order_servers(struct upstream_question *question,
                          const struct firewall_endpoint *servers, size_t count)
{
    uint64_t now_ms = clock_now_ms();

    for (int silent = 0; silent <= 1; silent++)
        for (size_t i = 0; i < count; i++) {
            struct silence *silence = find_silence(question->upstream, &servers[i]);

            if ((silence && silence->until_ms > now_ms) == silent)
                question->servers[question->server_count++] = servers[i];
        }
}

/* The one way out of every question. */
static void end(struct upstream_question *question)
{
    struct upstream *upstream = question->upstream;

    for (size_t i = 0; i < question->attempt_count; i++)
        if (question->attempts[i].exchange)
            exchange_cancel(question->attempts[i].exchange);
    if (question->previous)
        question->previous->next = question->next;
    else
        upstream->questions = question->next;
    if (question->next)
        question->next->previous = question->previous;
    if (!upstream->questions && upstream->open_handles > 0)
        uv_timer_stop(&upstream->tick);
    free(question);
}

static void finish(struct upstream_question *question, int status,
                   const struct message_answer *answer)
{
    upstream_on_answer *on_answer = question->on_answer;
    void *context = question->context;

    end(question);
    on_answer(context, status, answer);
}

static bool is_waiting(const struct upstream_question *question)
{
    for (size_t i = 0; i < question->attempt_count; i++)
        if (question->attempts[i].exchange)
            return true;
    return false;
}

static exchange_on_reply on_reply;

/* Starts the next attempt with a server that may still be of use. False: there is none left. */
static bool try_next(struct upstream_question *question)
{
    struct upstream *upstream = question->upstream;

    while (question->attempt_count < question->attempts_max) {
        struct attempt *attempt = &question->attempts[question->attempt_count];
        size_t server = question->attempt_count % question->server_count;
        int r;

        attempt->question = question;
        attempt->server = server;
        /* Some boxes cannot bear EDNS: the second round goes without. */
        attempt->edns = question->attempt_count < question->server_count ? MESSAGE_WITH_EDNS
                                                                         : MESSAGE_WITHOUT_EDNS;
        question->attempt_count++;
        if (question->is_useless[server])
            continue;
        r = exchange_start(upstream->exchanger, &question->servers[server], EXCHANGE_BY_UDP,
                           question->name, question->type, attempt->edns, on_reply, attempt,
                           &attempt->exchange);
        if (r == 0) {
            question->next_at_ms = clock_now_ms() + question->interval_ms;
            return true;
        }
        question->status = r;
        question->is_useless[server] = true;
    }
    return false;
}

static void fail_attempt(struct attempt *attempt, int status)
{
    struct upstream_question *question = attempt->question;
    bool was_last = attempt == &question->attempts[question->attempt_count - 1];

    question->status = status;
    if ((!was_last || !try_next(question)) && !is_waiting(question))
        finish(question, status, NULL);
}

static void on_reply(void *context, int status, const uint8_t *bytes, size_t size)
{
    struct attempt *attempt = context;
    struct upstream_question *question = attempt->question;
    struct message_answer *answer = &question->upstream->answer;

    attempt->exchange = NULL;
    if (status == 0) {
        note_answer(question->upstream, &question->servers[attempt->server]);
        status = message_read_answer(bytes, size, question->name, question->type, answer);
    }
    if (status == 0 && (answer->rcode == MESSAGE_NOERROR || answer->rcode == MESSAGE_NXDOMAIN)) {
        finish(question, 0, answer);
        return;
    }
    /* RFC 6891 7: what does not know EDNS says FORMERR, and may be asked again without. */
    if (status < 0 || answer->rcode != MESSAGE_FORMERR || attempt->edns == MESSAGE_WITHOUT_EDNS)
        question->is_useless[attempt->server] = true;
    fail_attempt(attempt, status < 0 ? status : -EREMOTEIO);
}

/* Whoever was asked last has had its time. */
static void pass_on(struct upstream_question *question)
{
    struct attempt *attempt = &question->attempts[question->attempt_count - 1];

    if (attempt->exchange) {
        question->upstream->counters->upstream_timeouts++;
        note_silence(question->upstream, &question->servers[attempt->server]);
    }
    question->next_at_ms = UINT64_MAX;
    if (!try_next(question) && !is_waiting(question))
        finish(question, question->status, NULL);
}

/* True: the question may be over. */
static bool nudge(struct upstream_question *question)
{
    for (size_t i = 0; i < question->attempt_count; i++)
        if (question->attempts[i].exchange && exchange_nudge(question->attempts[i].exchange))
            return true;
    return false;
}

static void on_tick(uv_timer_t *timer)
{
    struct upstream *upstream = timer->data;
    uint64_t now_ms = clock_now_ms();
    struct upstream_question *next;

    for (struct upstream_question *question = upstream->questions; question; question = next) {
        next = question->next;
        if (nudge(question))
            continue;
        if (now_ms >= question->deadline_ms)
            finish(question, -ETIMEDOUT, NULL);
        else if (now_ms >= question->next_at_ms)
            pass_on(question);
    }
}

static void link_question(struct upstream_question *question)
{
    struct upstream *upstream = question->upstream;

    if (!upstream->questions)
        uv_timer_start(&upstream->tick, on_tick, TICK_MS, TICK_MS);
    question->next = upstream->questions;
    if (question->next)
        question->next->previous = question;
    upstream->questions = question;
}

uint64_t upstream_deadline_ms(const struct upstream *upstream)
{
    return clock_now_ms() + upstream->options.total_ms;
}

int upstream_ask(struct upstream *upstream, const char *name, uint16_t type,
                 const struct firewall_endpoint *servers, size_t server_count, uint64_t deadline_ms,
                 upstream_on_answer *on_answer, void *context,
                 struct upstream_question **ret_question)
{
    struct upstream_question *question;
    uint64_t now_ms = clock_now_ms();
    int r;

    if (server_count == 0)
        return -EDESTADDRREQ;
    if (server_count > SERVERS_MAX || strlen(name) >= sizeof(question->name))
        return -EINVAL;
    if (now_ms >= deadline_ms)
        return -ETIMEDOUT;

    question = xcalloc(1, sizeof(*question));
    question->upstream = upstream;
    question->on_answer = on_answer;
    question->context = context;
    memcpy(question->name, name, strlen(name) + 1);
    question->type = type;
    order_servers(question, servers, server_count);
    question->attempts_max = server_count == 1 ? 3 : 2 * server_count;
    question->interval_ms = (uint32_t)((deadline_ms - now_ms) / question->attempts_max);
    if (question->interval_ms > upstream->options.try_ms)
        question->interval_ms = upstream->options.try_ms;
    question->deadline_ms = deadline_ms;
    if (!try_next(question)) {
        r = question->status;
        free(question);
        return r;
    }
    link_question(question);
    *ret_question = question;
    return 0;
}

void upstream_cancel(struct upstream_question *question)
{
    end(question);
}

int upstream_new(uv_loop_t *loop, const struct upstream_options *options, struct counters *counters,
                 struct upstream **ret_upstream)
{
    struct upstream *upstream = xcalloc(1, sizeof(*upstream));
    int r = exchanger_new(loop, options->mark, counters, &upstream->exchanger);

    if (r < 0) {
        free(upstream);
        return r;
    }
    upstream->options = *options;
    upstream->counters = counters;
    uv_timer_init(loop, &upstream->tick);
    upstream->tick.data = upstream;
    upstream->open_handles = 2;
    *ret_upstream = upstream;
    return 0;
}

static void on_part_closed(struct upstream *upstream)
{
    if (--upstream->open_handles > 0)
        return;
    if (upstream->on_closed)
        upstream->on_closed(upstream->closed_context);
    free(upstream);
}

static void on_exchanger_closed(void *context)
{
    on_part_closed(context);
}

static void on_tick_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

void upstream_close(struct upstream *upstream, void (*on_closed)(void *context), void *context)
{
    while (upstream->questions) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the first has left the list */
        assert(!upstream->questions->previous);
        end(upstream->questions);
    }
    upstream->on_closed = on_closed;
    upstream->closed_context = context;
    exchanger_close(upstream->exchanger, on_exchanger_closed, upstream);
    uv_close((uv_handle_t *)&upstream->tick, on_tick_closed);
}
