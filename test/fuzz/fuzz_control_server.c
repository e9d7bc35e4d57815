/* SPDX-License-Identifier: MIT */
/* The control socket as any local user may treat it: requests in pieces, many in a line, too long,
 * never ended; readers that do not read; crowds. Each line is answered once and in order, by a
 * line; nothing more is read before that was taken; what is kept and how many are served is
 * bounded; nothing is left in the end.
 *
 * The input is a list of steps: what happens (low bits, below) to which of the first clients (high
 * bits), and a number (16 bits). */
#include <assert.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cursor.h"
#include "control/request.h"
#include "control/server.h"
#include "fake_streams.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 128
#define PEERS 4
#define CROWD 40
#define PENDING_MOST (16 * 1024 * 1024)
#define SOME_TEXT 4000 /* of a long reply; ten times that of a very long one */

/* A client, and what it has sent and got. */
struct peer {
    bool is_known;
    size_t lines_sent, requests, lines_got;
};

static struct {
    uv_connection_cb on_connection;
    uv_stream_t *listener;
    struct peer peers[PEERS];
    struct peer crowd; /* all others, who say nothing */
    uv_idle_t *clerk;
    uv_idle_cb on_turn; /* NULL: nothing is to be done */
    unsigned crowd_size;
    size_t reply_size;
    bool is_root, is_closed;
} world;

static size_t count_lines(const uint8_t *bytes, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++)
        count += bytes[i] == '\n';
    return count;
}

static void fake_on_output(struct fake_stream *stream, const uint8_t *bytes, size_t size)
{
    struct peer *peer = stream->peer;

    peer->lines_got += count_lines(bytes, size);
}

static struct fake_stream *stream_of(const struct peer *peer)
{
    for (size_t i = 0; i < FAKE_STREAMS_MAX; i++)
        if (fake_streams[i].stream && fake_streams[i].peer == peer && !fake_streams[i].is_closing)
            return &fake_streams[i];
    return NULL;
}

/* --- in place of libuv's pipes and idle handles, and the kernel's word on who is there
 * --------------------------
 */

int uv_pipe_init(uv_loop_t *loop, uv_pipe_t *pipe, int ipc)
{
    (void)loop, (void)ipc;
    fake_stream_init(pipe);
    return 0;
}

int uv_pipe_bind(uv_pipe_t *pipe, const char *path)
{
    (void)pipe, (void)path;
    return 0;
}

int chmod(const char *path, mode_t mode)
{
    (void)path, (void)mode;
    return 0;
}

int uv_listen(uv_stream_t *stream, int backlog, uv_connection_cb on_connection)
{
    (void)backlog;
    world.listener = stream;
    world.on_connection = on_connection;
    return 0;
}

/* A peer that nobody is yet, or one of the crowd. */
int uv_accept(uv_stream_t *listener, uv_stream_t *client)
{
    struct fake_stream *fake = fake_stream_of(client);

    (void)listener;
    fake->room = 100;
    fake->peer = &world.crowd;
    for (size_t i = 0; i < PEERS; i++)
        if (!world.peers[i].is_known) {
            world.peers[i].is_known = true;
            fake->peer = &world.peers[i];
            break;
        }
    return 0;
}

int uv_fileno(const uv_handle_t *handle, uv_os_fd_t *ret_fd)
{
    *ret_fd = (int)(fake_stream_of(handle) - fake_streams);
    return 0;
}

/* Closed as timers are. */
int uv_idle_init(uv_loop_t *loop, uv_idle_t *idle)
{
    world.clerk = idle;
    return uv_timer_init(loop, (uv_timer_t *)idle);
}

int uv_idle_start(uv_idle_t *idle, uv_idle_cb on_turn)
{
    assert(idle == world.clerk);
    world.on_turn = on_turn;
    return 0;
}

int uv_idle_stop(uv_idle_t *idle)
{
    assert(idle == world.clerk);
    world.on_turn = NULL;
    return 0;
}

/* The process tells which peer it is. */
int getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
    const struct peer *peer = fake_streams[fd].peer;
    const struct ucred caller = {.pid = peer == &world.crowd ? 0 : (pid_t)(peer - world.peers) + 1,
                                 .uid = world.is_root ? 0 : 1000};

    assert(level == SOL_SOCKET && option == SO_PEERCRED && *size == sizeof(caller));
    memcpy(value, &caller, sizeof(caller));
    return 0;
}

/* --- the server's owner ----------------------------------------------------------------------- */

static struct json_object *on_request(void *context, const struct control_caller *caller,
                                      struct json_object *request)
{
    struct json_object *reply = reply_new();
    char *text = malloc(world.reply_size + 1);

    (void)context;
    if (!text)
        abort();
    assert(json_object_is_type(request, json_type_object));
    assert(caller->uid == 0 || caller->uid == 1000);
    memset(text, 'a', world.reply_size);
    text[world.reply_size] = '\0';
    reply_add_text(reply, "text", text);
    free(text);
    assert(caller->pid > 0 && caller->pid <= PEERS);
    world.peers[caller->pid - 1].requests++;
    return reply;
}

static void on_closed(void *context)
{
    (void)context;
    world.is_closed = true;
}

/* --- the steps -------------------------------------------------------------------------------- */

static void check(void)
{
    size_t pending = 0, clients = 0;

    for (size_t i = 0; i < FAKE_STREAMS_MAX; i++) {
        const struct fake_stream *fake = &fake_streams[i];

        if (!fake->stream || fake->stream == world.listener)
            continue;
        pending += fake->stream->write_queue_size;
        clients += !fake->is_closing;
        assert(!fake->writes || !fake->on_read);
        assert(!fake->writes || !fake->writes->next);
    }
    assert(pending <= PENDING_MOST && clients <= CONTROL_CLIENTS_MAX);
    for (size_t i = 0; i < PEERS; i++) {
        const struct peer *peer = &world.peers[i];

        assert(peer->requests <= peer->lines_sent);
        assert(peer->lines_got <= peer->requests + 1); /* at the end one that is refused */
        assert(peer->requests <= peer->lines_got + 1);
    }
}

static void send_bytes(struct peer *peer, const uint8_t *bytes, size_t size)
{
    struct fake_stream *stream = stream_of(peer);

    while (size > 0 && stream && stream->on_read) {
        size_t piece = fake_measure(stream, size), taken;

        peer->lines_sent += count_lines(bytes, piece);
        taken = fake_send(stream, bytes, piece);
        assert(taken == piece);
        bytes += piece;
        size -= piece;
        stream = stream_of(peer);
    }
}

static void connect_one(void)
{
    if (!fake_stream_of(NULL) || !fake_timer_of(NULL))
        return;
    world.on_connection(world.listener, 0);
}

static void take_turn(void)
{
    if (world.on_turn)
        world.on_turn(world.clerk);
}

static void let_patience_end(const struct fake_stream *stream)
{
    for (size_t i = 0; i < FAKE_TIMERS_MAX; i++)
        if (fake_timers[i].timer && fake_timers[i].timer->data == stream->stream->data)
            fake_let_time_pass(fake_timers[i].timer);
}

static void take_step(struct cursor *c)
{
    static const char request[] = "{\"command\":\"status\"}\n";
    static const uint8_t filler[16] = "                ";
    uint8_t what = cursor_u8(c);
    uint16_t number = cursor_u16(c);
    struct peer *peer = &world.peers[what >> 4 & (PEERS - 1)];
    struct fake_stream *stream = stream_of(peer);
    size_t size;

    switch (what & 0x0f) {
    case 0:
        size = number < cursor_left(c) ? number : cursor_left(c);
        send_bytes(peer, cursor_take(c, size), size);
        break;
    case 1:
        for (unsigned i = 0; i <= number % 8; i++)
            send_bytes(peer, (const uint8_t *)request, strlen(request));
        break;
    case 2:
        if (stream)
            fake_listen(stream, number);
        break;
    case 3:
        if (stream)
            fake_listen(stream, (size_t)number * SOME_TEXT);
        break;
    case 4:
        if (stream)
            fake_hang_up(stream, number & 1 ? UV_EOF : UV_ECONNRESET);
        break;
    case 5:
        if (stream)
            fake_break(stream);
        break;
    case 6:
        if (stream)
            let_patience_end(stream);
        break;
    case 7:
        for (; world.crowd_size < CROWD; world.crowd_size++)
            connect_one();
        break;
    case 8:
        connect_one();
        break;
    case 9:
        world.reply_size = number % 3 == 0 ? 10 : number % 3 == 1 ? SOME_TEXT : 10 * SOME_TEXT;
        break;
    case 10:
        world.is_root = !world.is_root;
        break;
    case 11:
        for (unsigned i = 0; i < number % (2 * CONTROL_LINE_MAX); i += sizeof(filler))
            send_bytes(peer, filler, sizeof(filler));
        break;
    case 12:
        take_turn();
        break;
    default:
        take_turn();
        fake_end_turn();
        break;
    }
    check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_over(data, size);
    struct control_server *server;
    uv_loop_t loop;

    memset(&world, 0, sizeof(world));
    if (control_server_open(&loop, "/nowhere/control.sock", on_request, NULL, &server) < 0)
        abort();
    connect_one();
    for (int i = 0; i < STEPS_MAX && cursor_left(&c) > 0; i++)
        take_step(&c);
    control_server_close(server, on_closed, NULL);
    fake_end_turn();
    assert(world.is_closed);
    fake_expect_nothing_left();
    return 0;
}
