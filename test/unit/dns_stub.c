/* SPDX-License-Identifier: MIT */
#include "dns_stub.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/memory.h"

void wire_bytes(struct wire *wire, const void *bytes, size_t size)
{
    if (size > sizeof(wire->bytes) - wire->size)
        abort();
    if (size > 0)
        memcpy(wire->bytes + wire->size, bytes, size);
    wire->size += size;
}

void wire_u8(struct wire *wire, unsigned value)
{
    uint8_t byte = (uint8_t)value;

    wire_bytes(wire, &byte, 1);
}

void wire_u16(struct wire *wire, unsigned value)
{
    wire_u8(wire, value >> 8);
    wire_u8(wire, value);
}

void wire_u32(struct wire *wire, uint32_t value)
{
    wire_u16(wire, value >> 16);
    wire_u16(wire, value & 0xffff);
}

void wire_name(struct wire *wire, const char *name)
{
    while (*name) {
        size_t size = strcspn(name, ".");

        wire_u8(wire, (unsigned)size);
        wire_bytes(wire, name, size);
        name += size + (name[size] == '.');
    }
    wire_u8(wire, 0);
}

void wire_header(struct wire *wire, unsigned id, unsigned flags)
{
    static const uint8_t counts[8];

    wire->size = 0;
    wire_u16(wire, id);
    wire_u16(wire, flags);
    wire_bytes(wire, counts, sizeof(counts));
}

static void count_in(struct wire *wire, size_t at)
{
    if (++wire->bytes[at + 1] == 0)
        wire->bytes[at]++;
}

void wire_question(struct wire *wire, const char *name, unsigned type)
{
    count_in(wire, 4);
    wire_name(wire, name);
    wire_u16(wire, type);
    wire_u16(wire, 1);
}

void wire_record(struct wire *wire, enum wire_section section, const char *owner, unsigned type,
                 uint32_t ttl_s, const void *data, size_t size)
{
    count_in(wire, section);
    wire_name(wire, owner);
    wire_u16(wire, type);
    wire_u16(wire, 1);
    wire_u32(wire, ttl_s);
    wire_u16(wire, (unsigned)size);
    wire_bytes(wire, data, size);
}

void wire_address(struct wire *wire, enum wire_section section, const char *owner, uint32_t ttl_s,
                  const char *text)
{
    struct address address;

    if (address_parse(text, &address) < 0)
        abort();
    wire_record(wire, section, owner, address.family == ADDRESS_V4 ? 1 : 28, ttl_s, address.bytes,
                address_size(&address));
}

void wire_cname(struct wire *wire, const char *owner, uint32_t ttl_s, const char *target)
{
    static struct wire data;

    data.size = 0;
    wire_name(&data, target);
    wire_record(wire, WIRE_ANSWER, owner, 5, ttl_s, data.bytes, data.size);
}

void wire_soa(struct wire *wire, uint32_t ttl_s, uint32_t minimum_s)
{
    static struct wire data;

    data.size = 0;
    wire_name(&data, "ns.test");
    wire_name(&data, "admin.test");
    for (int i = 0; i < 4; i++)
        wire_u32(&data, 1);
    wire_u32(&data, minimum_s);
    wire_record(wire, WIRE_AUTHORITY, "test", 6, ttl_s, data.bytes, data.size);
}

#define CONNECTIONS_MAX 64

struct connection {
    struct dns_stub *stub;
    uv_tcp_t tcp;
    size_t received;
    uint8_t bytes[65537];
};

struct dns_stub {
    uv_udp_t udp;
    uv_tcp_t listener;
    uint16_t port;
    dns_script *script;
    void *context;
    unsigned count;
    int open_handles;
    struct connection *connections[CONNECTIONS_MAX];
    char buffer[65536];
};

static void on_closed(uv_handle_t *handle)
{
    struct dns_stub *stub = handle->data;

    if (--stub->open_handles == 0)
        free(stub);
}

static void on_connection_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    struct dns_stub *stub = connection->stub;

    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (stub->connections[i] == connection)
            stub->connections[i] = NULL;
    free(connection);
    if (--stub->open_handles == 0)
        free(stub);
}

static void lend(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    static char bytes[65536];

    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(bytes, sizeof(bytes));
}

static void take(struct dns_stub *stub, const uint8_t *bytes, size_t size, const void *from,
                 size_t from_size, uv_stream_t *stream)
{
    struct dns_question question = {
        .stub = stub, .number = ++stub->count, .by_tcp = stream, .size = size};
    size_t at = 12, length = 0;

    if (size > sizeof(question.bytes))
        abort();
    memcpy(question.bytes, bytes, size);
    if (from)
        memcpy(&question.from, from, from_size);
    question.stream = stream;
    question.has_edns = bytes[11] > 0;
    while (bytes[at]) {
        if (length > 0)
            question.name[length++] = '.';
        for (size_t i = 1; i <= bytes[at]; i++)
            question.name[length++] = (char)tolower(bytes[at + i]);
        at += bytes[at] + 1u;
    }
    question.type = (unsigned)bytes[at + 1] << 8 | bytes[at + 2];
    stub->script(stub->context, &question);
}

static void on_datagram(uv_udp_t *socket, ssize_t size, const uv_buf_t *buffer,
                        const struct sockaddr *from, unsigned flags)
{
    (void)flags;
    if (size > 0 && from)
        take(socket->data, (const uint8_t *)buffer->base, (size_t)size, from,
             sizeof(struct sockaddr_in), NULL);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct connection *connection = stream->data;

    if (size < 0) {
        uv_close((uv_handle_t *)stream, on_connection_closed);
        return;
    }
    memcpy(connection->bytes + connection->received, buffer->base, (size_t)size);
    connection->received += (size_t)size;
    if (connection->received > 2 &&
        connection->received == 2u + ((size_t)connection->bytes[0] << 8 | connection->bytes[1])) {
        connection->received = 0;
        take(connection->stub, connection->bytes + 2,
             (size_t)connection->bytes[0] << 8 | connection->bytes[1], NULL, 0, stream);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct dns_stub *stub = listener->data;
    struct connection *connection = xcalloc(1, sizeof(*connection));
    size_t i = 0;

    (void)status;
    while (stub->connections[i])
        if (++i == CONNECTIONS_MAX)
            abort();
    stub->connections[i] = connection;
    connection->stub = stub;
    uv_tcp_init(listener->loop, &connection->tcp);
    connection->tcp.data = connection;
    stub->open_handles++;
    if (uv_accept(listener, (uv_stream_t *)&connection->tcp) < 0)
        abort();
    uv_read_start((uv_stream_t *)&connection->tcp, lend, on_read);
}

/* One port number for UDP and TCP. The kernel picks it for UDP; somebody may have it for TCP. */
static uint16_t open_pair(int ret_fds[static 2])
{
    for (int i = 0; i < 100; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(address);

        ret_fds[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        ret_fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(ret_fds[0], (struct sockaddr *)&address, size) == 0 &&
            getsockname(ret_fds[0], (struct sockaddr *)&address, &size) == 0 &&
            bind(ret_fds[1], (struct sockaddr *)&address, size) == 0)
            return ntohs(address.sin_port);
        close(ret_fds[0]);
        close(ret_fds[1]);
    }
    abort();
}

struct dns_stub *dns_stub_new(uv_loop_t *loop, dns_script *script, void *context)
{
    struct dns_stub *stub = xcalloc(1, sizeof(*stub));
    int fds[2];

    stub->script = script;
    stub->context = context;
    uv_udp_init(loop, &stub->udp);
    uv_tcp_init(loop, &stub->listener);
    stub->udp.data = stub->listener.data = stub;
    stub->open_handles = 2;
    stub->port = open_pair(fds);
    if (uv_udp_open(&stub->udp, fds[0]) < 0 || uv_tcp_open(&stub->listener, fds[1]) < 0 ||
        uv_listen((uv_stream_t *)&stub->listener, 16, on_connection) < 0 ||
        uv_udp_recv_start(&stub->udp, lend, on_datagram) < 0)
        abort();
    return stub;
}

void dns_stub_close(struct dns_stub *stub)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (stub->connections[i])
            uv_close((uv_handle_t *)&stub->connections[i]->tcp, on_connection_closed);
    uv_close((uv_handle_t *)&stub->udp, on_closed);
    uv_close((uv_handle_t *)&stub->listener, on_closed);
}

struct firewall_endpoint dns_stub_endpoint(const struct dns_stub *stub)
{
    static const uint8_t loopback[4] = {127, 0, 0, 1};

    return (struct firewall_endpoint){address_from_v4(loopback), stub->port};
}

unsigned dns_stub_count(const struct dns_stub *stub)
{
    return stub->count;
}

void wire_reply(struct wire *wire, const struct dns_question *question, unsigned flags)
{
    size_t size = strlen(question->name) + 2 + 4;

    wire_header(wire, (unsigned)question->bytes[0] << 8 | question->bytes[1], 0x8180 | flags);
    wire->bytes[5] = 1;
    wire_bytes(wire, question->bytes + 12, size);
}

void dns_send(const struct dns_question *question, const struct wire *wire)
{
    uint8_t prefix[2] = {(uint8_t)(wire->size >> 8), (uint8_t)wire->size};
    uv_buf_t parts[2] = {uv_buf_init((char *)prefix, 2),
                         uv_buf_init((char *)wire->bytes, (unsigned)wire->size)};

    if (question->stream)
        uv_try_write(question->stream, parts, 2);
    else
        uv_udp_try_send(&question->stub->udp, &parts[1], 1,
                        (const struct sockaddr *)&question->from);
}
