/* SPDX-License-Identifier: MIT */
/* From the bytes that servers send, by UDP and TCP, to the reply that is believed: it has the id
 * and the question of who gets it, by UDP to the letters' case; it comes once, and not to whom has
 * cancelled; a few guesses are all that anybody has; and every socket is closed in the end.
 *
 * The input is a list of steps: what happens (low bits, below), to which asker or socket (high
 * bits), and what a server sends. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "dns/exchange.h"
#include "plain_dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 64
#define ASKERS 4
#define CHANNELS_MAX 128
#define GUESSES_MOST 4
#define HEADER 12
#define PREFIX 2
#define TRUNCATED 0x02
#define OTHER_CASE 0x01

/* A question as a server has got it, without the length before it that it has by TCP. */
struct question {
    uint8_t bytes[MESSAGE_QUERY_SIZE];
    size_t size;
};

/* The server's end of a socket. */
struct channel {
    int fd;
    bool is_stream, is_shut, is_news;
    struct question question; /* the last one */
};

struct asker {
    struct exchange *exchange; /* NULL: none is under way */
    struct question question;
};

static struct {
    struct channel channels[CHANNELS_MAX];
    size_t channel_count;
    struct asker askers[ASKERS];
    unsigned asked;
} world;

/* --- in place of the network ------------------------------------------------------------------ */

int socket(int domain, int type, int protocol)
{
    struct channel *channel = &world.channels[world.channel_count];
    int ends[2];

    (void)domain, (void)protocol;
    if (world.channel_count == CHANNELS_MAX) {
        errno = EMFILE;
        return -1;
    }
    if (socketpair(AF_UNIX, type, 0, ends) < 0)
        abort();
    world.channel_count++;
    *channel = (struct channel){
        .fd = ends[1],
        .is_stream = (type & (SOCK_STREAM | SOCK_DGRAM)) == SOCK_STREAM,
    };
    return ends[0];
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
    (void)fd, (void)address, (void)size;
    return 0;
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    (void)fd, (void)address, (void)size;
    return 0;
}

/* What has been sent, to the last question. */
static void hear(struct channel *channel)
{
    uint8_t bytes[PREFIX + MESSAGE_QUERY_SIZE];
    const size_t prefix = channel->is_stream ? PREFIX : 0;

    for (;;) {
        ssize_t size = recv(channel->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

        if (size <= (ssize_t)prefix)
            return;
        channel->is_news = true;
        channel->question.size = (size_t)size - prefix;
        memcpy(channel->question.bytes, bytes + prefix, channel->question.size);
    }
}

static void hear_all(void)
{
    for (size_t i = 0; i < world.channel_count; i++)
        hear(&world.channels[i]);
}

/* --- what must hold --------------------------------------------------------------------------- */

/* Of the question that a message begins with; 0: it has none. */
static size_t measure_question(const uint8_t *bytes, size_t size)
{
    struct plain_name name;
    size_t end;

    return plain_read_name(bytes, size, HEADER, &name, &end) && end + 4 <= size ? end + 4 - HEADER
                                                                                : 0;
}

static bool was_asked_by_tcp(const struct question *question)
{
    hear_all();
    for (size_t i = 0; i < world.channel_count; i++)
        if (world.channels[i].is_stream && world.channels[i].question.size > HEADER &&
            memcmp(world.channels[i].question.bytes, question->bytes, 2) == 0)
            return true;
    return false;
}

static void on_reply(void *context, int status, const uint8_t *bytes, size_t size)
{
    struct asker *asker = context;
    const struct question *question = &asker->question;
    size_t length = measure_question(question->bytes, question->size);
    struct plain_name asked, answered;
    size_t end;

    assert(asker->exchange);
    asker->exchange = NULL;
    if (status < 0)
        return;
    assert(size >= HEADER && bytes[2] & 0x80 && bytes[4] == 0 && bytes[5] == 1);
    assert(memcmp(bytes, question->bytes, 2) == 0);
    assert(measure_question(bytes, size) == length);
    assert(plain_read_name(question->bytes, question->size, HEADER, &asked, &end) &&
           plain_read_name(bytes, size, HEADER, &answered, &end) &&
           plain_name_equal(&asked, &answered));
    assert(memcmp(bytes + end, question->bytes + end, 4) == 0);
    assert(memcmp(bytes + HEADER, question->bytes + HEADER, length) == 0 ||
           was_asked_by_tcp(question));
}

/* --- the steps -------------------------------------------------------------------------------- */

static void turn(uv_loop_t *loop)
{
    for (int i = 0; i < 3; i++)
        uv_run(loop, UV_RUN_NOWAIT);
}

/* Returns when the question is with the server. */
static void ask(uv_loop_t *loop, struct exchanger *exchanger, struct asker *asker,
                enum exchange_transport transport)
{
    static const struct firewall_endpoint server = {{ADDRESS_V4, {192, 0, 2, 53}}, 53};

    if (asker->exchange)
        return;
    hear_all();
    for (size_t i = 0; i < world.channel_count; i++)
        world.channels[i].is_news = false;
    if (exchange_start(exchanger, &server, transport, "www.example", MESSAGE_A, MESSAGE_WITH_EDNS,
                       on_reply, asker, &asker->exchange) < 0) {
        asker->exchange = NULL;
        return;
    }
    world.asked++;
    if (transport == EXCHANGE_BY_TCP)
        turn(loop);
    hear_all();
    for (size_t i = 0; i < world.channel_count; i++)
        if (world.channels[i].is_news)
            asker->question = world.channels[i].question;
}

static void serve(const struct channel *channel, const uint8_t *bytes, size_t size)
{
    if (send(channel->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return; /* the buffer is full, or the other side is closed */
}

/* A reply that fits an asker's question, but for what the input says: how (below), and what
 * follows.
 */
static void serve_honestly(const struct channel *channel, const struct question *question,
                           uint8_t how, struct cursor rest)
{
    uint8_t reply[PREFIX + MESSAGE_QUERY_SIZE + UINT8_MAX];
    uint8_t *message = reply + PREFIX;
    size_t size = HEADER + measure_question(question->bytes, question->size);

    if (question->size == 0)
        return;
    memcpy(message, question->bytes, size);
    message[2] |= 0x80 | (how & TRUNCATED);
    if (how & OTHER_CASE)
        message[HEADER + 1] ^= 0x20;
    memset(message + 6, 0, 6); /* counts of records */
    while (cursor_left(&rest) > 0)
        message[size++] = cursor_u8(&rest);
    reply[0] = (uint8_t)(size >> 8);
    reply[1] = (uint8_t)size;
    if (channel->is_stream)
        serve(channel, reply, PREFIX + size);
    else
        serve(channel, message, size);
}

/* So many of the input's bytes, or those that are left. */
static struct cursor take(struct cursor *c, size_t size)
{
    const uint8_t *bytes;

    size = size < cursor_left(c) ? size : cursor_left(c);
    bytes = cursor_take(c, size);
    return cursor_over(bytes ? bytes : (const uint8_t *)"", size);
}

static void cancel(struct asker *asker)
{
    if (asker->exchange)
        exchange_cancel(asker->exchange);
    asker->exchange = NULL;
}

/* One of the last four. */
static struct channel *choose_channel(unsigned back)
{
    static struct channel none = {.fd = -1};

    return back < world.channel_count ? &world.channels[world.channel_count - 1 - back] : &none;
}

static void take_step(uv_loop_t *loop, struct exchanger *exchanger, struct cursor *c)
{
    uint8_t what = cursor_u8(c), how;
    struct asker *asker = &world.askers[what >> 4 & (ASKERS - 1)];
    struct channel *channel = choose_channel(what >> 6);
    struct cursor rest;

    switch (what & 0x07) {
    case 0:
        ask(loop, exchanger, asker, what & 0x08 ? EXCHANGE_BY_TCP : EXCHANGE_BY_UDP);
        break;
    case 1:
        cancel(asker);
        break;
    case 2:
        if (asker->exchange)
            exchange_nudge(asker->exchange);
        break;
    case 3:
        how = cursor_u8(c);
        serve_honestly(channel, &asker->question, how, take(c, cursor_u8(c)));
        break;
    case 4:
        rest = take(c, cursor_u16(c));
        serve(channel, rest.at, cursor_left(&rest));
        break;
    case 5:
        shutdown(channel->fd, SHUT_WR);
        channel->is_shut = true;
        break;
    default:
        turn(loop);
        break;
    }
}

/* The other side is closed, so nothing can be sent there. */
static void close_channels(void)
{
    for (size_t i = 0; i < world.channel_count; i++) {
        const struct channel *channel = &world.channels[i];

        assert(channel->is_shut ||
               (send(channel->fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN));
        close(channel->fd);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_over(data, size);
    struct counters counters = {0};
    struct exchanger *exchanger;
    uv_loop_t loop;

    memset(&world, 0, sizeof(world));
    if (uv_loop_init(&loop) < 0 || exchanger_new(&loop, 0, &counters, &exchanger) < 0)
        abort();
    for (int i = 0; i < STEPS_MAX && cursor_left(&c) > 0; i++)
        take_step(&loop, exchanger, &c);
    turn(&loop);
    assert(counters.upstream_mismatches <= GUESSES_MOST * world.asked);
    exchanger_close(exchanger, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert(uv_loop_close(&loop) == 0);
    close_channels();
    return 0;
}
