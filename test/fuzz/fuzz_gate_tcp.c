/* SPDX-License-Identifier: MIT */
/* DNS over TCP as a hostile client does it: bytes in any pieces, a peer that does not listen, ends
 * at any moment, crowds. Each message that was sent whole is taken once, in order and unchanged;
 * each answer arrives whole and in order or the connection ends; what is kept for the peer is
 * bounded, and so are the connections; nothing is left in the end.
 *
 * The input is a list of steps: what happens (low bits, below) to which of the first connections
 * (high bits), and a number (16 bits). */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "dns/gate_internal.h"
#include "fake_streams.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 128
#define PREFIX_SIZE 2
#define PEERS 4
#define SENT_MAX 65536
#define MESSAGE_LONGEST 4096
#define UNSENT_MOST (256 * 1024)
#define WAITING_MOST 64 /* of one connection: then nothing more is read */
#define ANSWER_MOST 16384
#define CROWD 70

/* What becomes of a message: its first byte. */
enum fate { ANSWERED, WAITS, LEFT, ENDS_CONNECTION, FATES };

/* A client, and what it has sent and got. */
struct peer {
    bool is_known;
    uint8_t *sent;
    size_t sent_size, read_size; /* read: as far as its messages were taken */
    size_t got_size, owed_size;  /* of answers: what has come, what was given */
    uint32_t got_sum, owed_sum;
};

static struct {
    struct gate gate;
    uv_connection_cb on_connection;
    struct peer peers[PEERS];
    struct peer crowd; /* all others, who say nothing */
    unsigned crowd_size;
} world;

static uint8_t answer_bytes[PREFIX_SIZE + ANSWER_MOST];

/* --- the other side --------------------------------------------------------------------------- */

/* Order counts. */
static uint32_t add_to_sum(uint32_t sum, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + bytes[i] + 1;
    return sum;
}

static void fake_on_output(struct fake_stream *stream, const uint8_t *bytes, size_t size)
{
    struct peer *peer = stream->peer;

    peer->got_size += size;
    peer->got_sum = add_to_sum(peer->got_sum, bytes, size);
    assert(peer->got_size <= peer->owed_size);
    if (peer->got_size == peer->owed_size)
        assert(peer->got_sum == peer->owed_sum);
}

static struct fake_stream *stream_of(const struct peer *peer)
{
    for (size_t i = 0; i < FAKE_STREAMS_MAX; i++)
        if (fake_streams[i].stream && fake_streams[i].peer == peer)
            return &fake_streams[i];
    return NULL;
}

/* The size of what the gate is to take next; 0: nothing whole has been sent; -1: it is none. */
static int next_size(const struct peer *peer)
{
    const uint8_t *at = peer->sent + peer->read_size;
    size_t left = peer->sent_size - peer->read_size, size;

    if (left < PREFIX_SIZE)
        return 0;
    size = (size_t)at[0] << 8 | at[1];
    if (size < MESSAGE_HEADER_SIZE || size > MESSAGE_LONGEST)
        return -1;
    return left < PREFIX_SIZE + size ? 0 : (int)size;
}

/* --- in place of libuv's TCP ------------------------------------------------------------------ */

int uv_tcp_init(uv_loop_t *loop, uv_tcp_t *tcp)
{
    (void)loop;
    fake_stream_init(tcp);
    return 0;
}

int uv_tcp_open(uv_tcp_t *tcp, uv_os_sock_t fd)
{
    (void)tcp, (void)fd;
    return 0;
}

int uv_listen(uv_stream_t *stream, int backlog, uv_connection_cb on_connection)
{
    (void)stream, (void)backlog;
    world.on_connection = on_connection;
    return 0;
}

/* A peer that nobody is yet, or one of the crowd. */
int uv_accept(uv_stream_t *listener, uv_stream_t *client)
{
    struct fake_stream *fake = fake_stream_of(client);

    (void)listener;
    fake->peer = &world.crowd;
    for (size_t i = 0; i < PEERS; i++)
        if (!world.peers[i].is_known) {
            world.peers[i].is_known = true;
            fake->peer = &world.peers[i];
            break;
        }
    return 0;
}

/* --- in place of gate.c and gate_question.c --------------------------------------------------- */

void gate_handle_closed(struct gate *gate)
{
    gate->open_handles--;
}

static void unlink_question(struct gate_question *question)
{
    struct gate_question **list = gate_tcp_questions(question->peer.connection);

    if (question->previous)
        question->previous->next = question->next;
    else
        *list = question->next;
    if (question->next)
        question->next->previous = question->previous;
    world.gate.question_count--;
}

void gate_forget_questions(struct gate_question **questions)
{
    while (*questions) {
        struct gate_question *question = *questions;

        unlink_question(question);
        free(question);
    }
}

static void wait(struct gate_connection *connection)
{
    struct gate_question **list = gate_tcp_questions(connection);
    struct gate_question *question = calloc(1, sizeof(*question));

    if (!question)
        abort();
    question->peer.connection = connection;
    question->next = *list;
    if (question->next)
        question->next->previous = question;
    *list = question;
    world.gate.question_count++;
    gate_tcp_question_began(connection);
}

/* size_hint, of two bytes, makes the answer's size and its bytes. */
static void answer(struct gate_connection *connection, struct peer *peer, unsigned size_hint)
{
    size_t size = MESSAGE_HEADER_SIZE + size_hint % (ANSWER_MOST - MESSAGE_HEADER_SIZE);
    const uint8_t prefix[PREFIX_SIZE] = {(uint8_t)(size >> 8), (uint8_t)size};

    memset(answer_bytes + PREFIX_SIZE, (int)(size_hint & 0xff), size);
    peer->owed_size += PREFIX_SIZE + size;
    peer->owed_sum = add_to_sum(peer->owed_sum, prefix, PREFIX_SIZE);
    peer->owed_sum = add_to_sum(peer->owed_sum, answer_bytes + PREFIX_SIZE, size);
    gate_tcp_send(connection, answer_bytes + PREFIX_SIZE, size);
}

static struct fake_stream *stream_of_connection(const struct gate_connection *connection)
{
    for (size_t i = 0; i < FAKE_STREAMS_MAX; i++)
        if (fake_streams[i].stream && fake_streams[i].stream->data == connection)
            return &fake_streams[i];
    abort();
}

void gate_take_message(struct gate *gate, const struct gate_peer *from, const uint8_t *bytes,
                       size_t size)
{
    struct fake_stream *stream = stream_of_connection(from->connection);
    struct peer *peer = stream->peer;

    assert(gate == &world.gate && !stream->is_closing);
    assert((int)size == next_size(peer));
    assert(memcmp(bytes, peer->sent + peer->read_size + PREFIX_SIZE, size) == 0);
    peer->read_size += PREFIX_SIZE + size;
    switch ((enum fate)(bytes[0] % FATES)) {
    case ANSWERED:
        answer(from->connection, peer, (unsigned)(bytes[1] << 8 | bytes[2]));
        break;
    case WAITS:
        wait(from->connection);
        break;
    case ENDS_CONNECTION:
        gate_tcp_close(from->connection);
        break;
    case LEFT:
    case FATES:
        break;
    }
}

/* --- the steps -------------------------------------------------------------------------------- */

static void connect_one(uv_tcp_t *listener)
{
    if (!fake_stream_of(NULL) || !fake_timer_of(NULL))
        return; /* too many are being closed */
    world.on_connection((uv_stream_t *)listener, 0);
    assert(world.gate.connection_count <= GATE_CONNECTIONS_MAX);
}

static void send_bytes(struct fake_stream *stream, struct peer *peer, const uint8_t *bytes,
                       size_t size)
{
    if (peer->sent_size + size > SENT_MAX)
        size = SENT_MAX - peer->sent_size;
    while (size > 0 && stream->on_read) {
        size_t before = peer->sent_size, taken;

        /* Noted before it is taken: what is taken is looked up there. */
        memcpy(peer->sent + before, bytes, size);
        peer->sent_size += fake_measure(stream, size);
        taken = fake_send(stream, bytes, size);
        assert(peer->sent_size == before + taken);
        bytes += taken;
        size -= taken;
    }
}

/* A message as it should be: its fate and a number, and so many bytes behind a header. */
static void send_message(struct fake_stream *stream, struct peer *peer, uint8_t fate,
                         unsigned number)
{
    static uint8_t bytes[PREFIX_SIZE + MESSAGE_LONGEST];
    size_t size = MESSAGE_HEADER_SIZE + number % (MESSAGE_LONGEST - MESSAGE_HEADER_SIZE + 1);

    bytes[0] = (uint8_t)(size >> 8);
    bytes[1] = (uint8_t)size;
    bytes[2] = fate;
    bytes[3] = (uint8_t)(number >> 8);
    bytes[4] = (uint8_t)number;
    send_bytes(stream, peer, bytes, PREFIX_SIZE + size);
}

static void answer_first(struct gate_connection *connection, struct peer *peer, unsigned number)
{
    struct gate_question *question = *gate_tcp_questions(connection);

    if (!question)
        return;
    unlink_question(question);
    answer(connection, peer, number);
    free(question);
    gate_tcp_question_ended(connection);
}

/* Of a connection that lives: nothing is lost, and what is kept is bounded. */
static void check(const struct fake_stream *stream)
{
    const struct peer *peer = stream->peer;
    size_t waiting = 0, unsent = stream->stream->write_queue_size;

    for (const struct gate_question *question = *gate_tcp_questions(stream->stream->data); question;
         question = question->next)
        waiting++;
    assert(waiting < WAITING_MOST || !stream->on_read);
    assert(unsent <= UNSENT_MOST);
    assert(peer->got_size + unsent == peer->owed_size);
    assert(next_size(peer) == 0);
}

static void take_step(struct cursor *c, uv_tcp_t *listener)
{
    uint8_t what = cursor_u8(c);
    unsigned number = cursor_u16(c);
    struct peer *peer = &world.peers[what >> 4 & (PEERS - 1)];
    struct fake_stream *stream = stream_of(peer);
    struct gate_connection *connection = stream ? stream->stream->data : NULL;
    size_t size;

    if (stream && stream->is_closing)
        stream = NULL;
    switch (what & 0x0f) {
    case 0:
        size = number < cursor_left(c) ? number : cursor_left(c);
        if (stream)
            send_bytes(stream, peer, cursor_take(c, size), size);
        break;
    case 1:
    case 2:
    case 3:
        if (stream)
            send_message(stream, peer, what >> 6, number);
        break;
    case 4:
        if (stream)
            answer_first(connection, peer, number);
        break;
    case 5:
        if (stream)
            fake_listen(stream, number);
        break;
    case 6:
        if (stream)
            fake_hang_up(stream, number & 1 ? UV_EOF : UV_ECONNRESET);
        break;
    case 7:
        if (stream)
            fake_break(stream);
        break;
    case 8:
        if (stream)
            for (size_t i = 0; i < FAKE_TIMERS_MAX; i++)
                if (fake_timers[i].timer && fake_timers[i].timer->data == connection)
                    fake_let_time_pass(fake_timers[i].timer);
        break;
    case 9:
        for (; world.crowd_size < CROWD; world.crowd_size++) {
            connect_one(listener);
            fake_end_turn();
        }
        break;
    case 10:
        connect_one(listener);
        break;
    default:
        fake_end_turn();
        break;
    }
    stream = stream_of(peer);
    if (stream && !stream->is_closing)
        check(stream);
}

static void on_listener_closed(uv_handle_t *handle)
{
    gate_handle_closed(handle->data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_over(data, size);
    uv_tcp_t listener = {0};
    static uint8_t sent[PEERS][SENT_MAX];

    memset(&world, 0, sizeof(world));
    for (size_t i = 0; i < PEERS; i++)
        world.peers[i].sent = sent[i];
    assert(gate_tcp_open(&world.gate, &listener, -1) == 0);
    connect_one(&listener);
    for (int i = 0; i < STEPS_MAX && cursor_left(&c) > 0; i++)
        take_step(&c, &listener);

    gate_tcp_close_all(&world.gate);
    uv_close((uv_handle_t *)&listener, on_listener_closed);
    fake_end_turn();
    fake_expect_nothing_left();
    assert(world.gate.connection_count == 0 && !world.gate.connections);
    assert(world.gate.question_count == 0 && world.gate.open_handles == 0);
    return 0;
}
