/* SPDX-License-Identifier: MIT */
/* DNS over TCP, RFC 7766: many questions a connection, answered in the order they are ready. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "dns/gate_internal.h"

#define IDLE_MS 10000
#define MESSAGE_MAX 4096 /* of a question; nobody needs a larger one */
#define WAITING_MAX 64   /* questions of one connection; then it is not read for a while */
#define UNSENT_MAX (256 * 1024)
#define LENT_SIZE 4096
#define LISTEN_QUEUE 128
#define PREFIX_SIZE 2
/* SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST, whose headers (linux/netfilter_ipv4.h) cannot stand
 * beside the C library's. */
#define ORIGINAL_DESTINATION 80

struct gate_connection {
    struct gate *gate;
    struct gate_connection *next, *previous;
    uv_tcp_t tcp;
    uv_timer_t idle;
    int open_handles;
    bool is_closing, is_paused;
    bool has_ended; /* the client sends no more, but still reads */
    struct gate_question *questions;
    size_t waiting;
    uint64_t active_ms;
    size_t received;
    uint8_t message[PREFIX_SIZE + MESSAGE_MAX];
};

struct pending_write {
    uv_write_t request;
    uint8_t bytes[];
};

static void on_handle_closed(uv_handle_t *handle)
{
    struct gate_connection *connection = handle->data;
    struct gate *gate = connection->gate;

    if (--connection->open_handles > 0)
        return;
    free(connection);
    gate_handle_closed(gate);
}

/* The one way out of every connection. */
void gate_tcp_close(struct gate_connection *connection)
{
    struct gate *gate = connection->gate;

    if (connection->is_closing)
        return;
    connection->is_closing = true;
    gate_forget_questions(&connection->questions);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        gate->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    gate->connection_count--;
    uv_close((uv_handle_t *)&connection->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&connection->idle, on_handle_closed);
}

void gate_tcp_close_all(struct gate *gate)
{
    while (gate->connections)
        gate_tcp_close(gate->connections);
}

static void on_idle(uv_timer_t *timer)
{
    gate_tcp_close(timer->data);
}

static void note_activity(struct gate_connection *connection)
{
    connection->active_ms = clock_now_ms();
    uv_timer_start(&connection->idle, on_idle, IDLE_MS, 0);
}

static void close_if_done(struct gate_connection *connection)
{
    if (connection->has_ended && connection->waiting == 0 &&
        uv_stream_get_write_queue_size((uv_stream_t *)&connection->tcp) == 0)
        gate_tcp_close(connection);
}

static void on_written(uv_write_t *request, int status)
{
    struct gate_connection *connection = request->data;

    free(request); /* the first member of its pending_write */
    if (connection->is_closing)
        return;
    if (status < 0)
        gate_tcp_close(connection);
    else
        close_if_done(connection);
}

static void queue_rest(struct gate_connection *connection, const uint8_t *bytes, size_t size)
{
    uv_stream_t *stream = (uv_stream_t *)&connection->tcp;
    struct pending_write *write;
    uv_buf_t buffer;

    if (uv_stream_get_write_queue_size(stream) + size > UNSENT_MAX) {
        gate_tcp_close(connection); /* asks but does not listen */
        return;
    }
    write = xcalloc(1, sizeof(*write) + size);
    write->request.data = connection;
    memcpy(write->bytes, bytes, size);
    buffer = uv_buf_init((char *)write->bytes, (unsigned)size);
    if (uv_write(&write->request, stream, &buffer, 1, on_written) < 0) {
        free(write);
        gate_tcp_close(connection);
    }
}

void gate_tcp_send(struct gate_connection *connection, uint8_t *bytes, size_t size)
{
    uv_stream_t *stream = (uv_stream_t *)&connection->tcp;
    uv_buf_t buffer;
    int sent;

    if (connection->is_closing)
        return;
    bytes -= PREFIX_SIZE;
    bytes[0] = (uint8_t)(size >> 8);
    bytes[1] = (uint8_t)size;
    size += PREFIX_SIZE;
    note_activity(connection);

    buffer = uv_buf_init((char *)bytes, (unsigned)size);
    sent = uv_try_write(stream, &buffer, 1);
    if (sent < 0 && sent != UV_EAGAIN)
        gate_tcp_close(connection);
    else if (sent < 0)
        queue_rest(connection, bytes, size);
    else if ((size_t)sent < size)
        queue_rest(connection, bytes + sent, size - (size_t)sent);
}

struct gate_question **gate_tcp_questions(struct gate_connection *connection)
{
    return &connection->questions;
}

static void take_message(struct gate_connection *connection, size_t size)
{
    struct gate_peer peer = {.connection = connection};

    note_activity(connection);
    gate_take_message(connection->gate, &peer, connection->message + PREFIX_SIZE, size);
}

/* Prefix and message may come in any pieces. False: it is closed, or no client of DNS. */
static bool take_bytes(struct gate_connection *connection, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        const uint8_t *prefix = connection->message;
        size_t whole = PREFIX_SIZE, part;

        if (connection->received >= PREFIX_SIZE)
            whole += (size_t)prefix[0] << 8 | prefix[1];
        part = whole - connection->received;
        if (part > size)
            part = size;
        memcpy(connection->message + connection->received, bytes, part);
        connection->received += part;
        bytes += part;
        size -= part;
        if (connection->received == PREFIX_SIZE) {
            size_t length = (size_t)prefix[0] << 8 | prefix[1];

            if (length < MESSAGE_HEADER_SIZE || length > MESSAGE_MAX)
                return false;
        } else if (connection->received > PREFIX_SIZE && connection->received == whole) {
            connection->received = 0;
            take_message(connection, whole - PREFIX_SIZE);
            if (connection->is_closing)
                return false;
        }
    }
    return true;
}

static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    static char buffer[LENT_SIZE];

    (void)handle;
    (void)suggested;
    *ret_buffer = uv_buf_init(buffer, sizeof(buffer));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct gate_connection *connection = stream->data;

    if (connection->is_closing)
        return;
    if (size == UV_EOF && (connection->waiting > 0 || uv_stream_get_write_queue_size(stream) > 0)) {
        connection->has_ended = true;
        uv_read_stop(stream);
    } else if (size < 0 || !take_bytes(connection, (const uint8_t *)buffer->base, (size_t)size)) {
        gate_tcp_close(connection);
    } else if (connection->waiting >= WAITING_MAX) {
        connection->is_paused = true;
        uv_read_stop(stream);
    }
}

void gate_tcp_question_began(struct gate_connection *connection)
{
    connection->waiting++;
}

void gate_tcp_question_ended(struct gate_connection *connection)
{
    connection->waiting--;
    if (connection->is_closing)
        return;
    if (connection->is_paused && connection->waiting < WAITING_MAX) {
        connection->is_paused = false;
        if (uv_read_start((uv_stream_t *)&connection->tcp, lend_buffer, on_read) < 0)
            gate_tcp_close(connection);
    } else {
        close_if_done(connection);
    }
}

/* When full: the one that has been idle longest, if any is. */
static void make_room(struct gate *gate)
{
    struct gate_connection *oldest = NULL;

    if (gate->connection_count < GATE_CONNECTIONS_MAX)
        return;
    for (struct gate_connection *one = gate->connections; one; one = one->next)
        if (one->waiting == 0 && (!oldest || one->active_ms < oldest->active_ms))
            oldest = one;
    if (oldest)
        gate_tcp_close(oldest);
}

int gate_tcp_client(const struct gate_connection *connection, struct address *ret_client,
                    uint16_t *ret_port)
{
    struct sockaddr_storage storage;
    int size = sizeof(storage);
    int r = uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&storage, &size);

    return r < 0 ? r
                 : address_from_sockaddr((const struct sockaddr *)&storage, ret_client, ret_port);
}

int gate_tcp_destination(const struct gate_connection *connection, struct address *ret_destination)
{
    struct sockaddr_storage storage;
    socklen_t size = sizeof(storage);
    uv_os_fd_t fd;
    int r = uv_fileno((const uv_handle_t *)&connection->tcp, &fd);

    if (r < 0)
        return r;
    if (getsockopt(fd, IPPROTO_IP, ORIGINAL_DESTINATION, &storage, &size) < 0) {
        size = sizeof(storage);
        if (getsockopt(fd, IPPROTO_IPV6, ORIGINAL_DESTINATION, &storage, &size) < 0)
            return -errno;
    }
    return address_from_sockaddr((const struct sockaddr *)&storage, ret_destination, NULL);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct gate *gate = listener->data;
    struct gate_connection *connection;

    if (status < 0 || gate->is_closing)
        return;
    make_room(gate);
    connection = xcalloc(1, sizeof(*connection));
    connection->gate = gate;
    connection->tcp.data = connection->idle.data = connection;
    uv_tcp_init(gate->loop, &connection->tcp);
    uv_timer_init(gate->loop, &connection->idle);
    connection->open_handles = 2;
    connection->next = gate->connections;
    if (connection->next)
        connection->next->previous = connection;
    gate->connections = connection;
    gate->connection_count++;
    gate->open_handles++;
    note_activity(connection);

    /* Accepted even to be closed, or libuv would never look at the queue again. */
    if (uv_accept(listener, (uv_stream_t *)&connection->tcp) < 0 ||
        gate->connection_count > GATE_CONNECTIONS_MAX ||
        uv_read_start((uv_stream_t *)&connection->tcp, lend_buffer, on_read) < 0)
        gate_tcp_close(connection);
}

int gate_tcp_open(struct gate *gate, uv_tcp_t *handle, int fd)
{
    int r = uv_tcp_init(gate->loop, handle);

    if (r == 0) {
        handle->data = gate;
        gate->open_handles++;
        r = uv_tcp_open(handle, fd);
    }
    if (r < 0) {
        close(fd);
        return r;
    }
    return uv_listen((uv_stream_t *)handle, LISTEN_QUEUE, on_connection);
}
