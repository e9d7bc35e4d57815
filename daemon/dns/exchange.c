/* SPDX-License-Identifier: MIT */
#include "dns/exchange.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "dns/random.h"

#define EVENTS_PER_WAKE 64
/* After so many answers that are not ours, someone is guessing. Nobody can guess into TCP. */
#define MISMATCHES_MAX 4
#define UDP_RECEIVE_MAX 4096
#define CASE_NUDGES 3 /* the honest answer may be right behind */
/* An open port serves again while others do, chosen by chance among no fewer than IDLE_MIN (RFC
 * 5452 9.2 wants ports that nobody can predict, not new ones). Alone, every question has a new one.
 */
#define IDLE_MIN 16
#define IDLE_MAX 64
#define USES_MAX 16
#define PORTS_TRIED 16
#define PORT_LOWEST 1024
#define PORTS_ENOUGH 4096

enum exchange_state { EXCHANGE_UDP, EXCHANGE_TCP_SENDING, EXCHANGE_TCP_RECEIVING };

/* A socket in the epoll. */
struct channel {
    int fd;
    struct exchange *user; /* NULL: idle, or dead */
    struct firewall_endpoint server;
    unsigned uses;
    bool is_dead;
    struct channel *next; /* among the dead */
};

/* Ports that the kernel gives to nobody by itself. A flow lives on in conntrack for a while after
 * its last packet: a question of ours from the port of a client's flow, which is redirected, would
 * come back to our own gate. */
struct port_choice {
    unsigned first_end;            /* from PORT_LOWEST to before this */
    unsigned second, second_count; /* and so many from there */
};

struct exchange {
    struct exchanger *exchanger;
    struct exchange *next, *previous;
    enum exchange_state state;
    struct channel *channel;
    struct firewall_endpoint server;
    unsigned mismatches;
    unsigned nudges_left; /* until TCP; 0: no need */
    exchange_on_reply *on_reply;
    void *context;
    /* TCP: the length prefix goes before, or comes before, the message. */
    size_t done;
    uint8_t prefix[2];
    uint8_t *reply;
    struct message_query query;
};

struct exchanger {
    uv_poll_t poll;
    int epoll_fd;
    uint32_t mark;
    struct counters *counters;
    struct exchange *living;
    struct port_choice ports;
    struct channel *idle[IDLE_MAX]; /* UDP */
    size_t idle_count;
    bool is_awake;
    struct channel *dead; /* freed when no event of this wake can name them any more */
    void (*on_closed)(void *context);
    void *context;
};

static void free_dead(struct exchanger *exchanger)
{
    while (exchanger->dead) {
        struct channel *channel = exchanger->dead;

        exchanger->dead = channel->next;
        free(channel);
    }
}

/* Must not be among the idle. */
static void close_channel(struct exchanger *exchanger, struct channel *channel)
{
    close(channel->fd); /* leaves the epoll by itself */
    if (!exchanger->is_awake) {
        free(channel);
        return;
    }
    channel->user = NULL;
    channel->is_dead = true;
    channel->next = exchanger->dead;
    exchanger->dead = channel;
}

/* Once a process, early: later on files may be out of reach. */
static struct port_choice read_ports(void)
{
    static struct port_choice ports;
    unsigned low = 32768, high = 60999;
    FILE *file;

    if (ports.first_end > 0)
        return ports;
    file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    if (file) {
        /* NOLINTNEXTLINE(cert-err34-c): the kernel wrote it, and the bounds are checked */
        if (fscanf(file, "%u %u", &low, &high) != 2 || low < PORT_LOWEST || high < low ||
            high > UINT16_MAX) {
            low = PORT_LOWEST;
            high = UINT16_MAX;
        }
        fclose(file);
    }
    ports = (struct port_choice){low, high + 1, UINT16_MAX - high};
    return ports;
}

/* 0: the kernel may choose, because it keeps too few for itself to leave others. */
static uint16_t choose_port(const struct port_choice *ports)
{
    unsigned first_count = ports->first_end - PORT_LOWEST;
    unsigned count = first_count + ports->second_count;
    uint32_t random;

    if (count < PORTS_ENOUGH)
        return 0;
    random_fill(&random, sizeof(random));
    random %= count; /* of 2^32: no port is noticeably more likely */
    return (uint16_t)(random < first_count ? PORT_LOWEST + random
                                           : ports->second + (random - first_count));
}

static int bind_port(struct exchanger *exchanger, int fd, enum address_family family)
{
    struct address any = {.family = family};

    for (int i = 0; i < PORTS_TRIED; i++) {
        struct sockaddr_storage storage;
        uint16_t port = choose_port(&exchanger->ports);
        socklen_t size = address_to_sockaddr(&any, port, &storage);

        if (port == 0 || bind(fd, (struct sockaddr *)&storage, size) == 0)
            return 0;
        if (errno != EADDRINUSE)
            break;
    }
    return -errno;
}

/* connect() has the kernel drop what comes from elsewhere. */
static int set_up_channel(struct exchanger *exchanger, struct channel *channel, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = channel};
    struct sockaddr_storage address;
    socklen_t size = address_to_sockaddr(&channel->server.address, channel->server.port, &address);
    int r;

    if (exchanger->mark &&
        setsockopt(channel->fd, SOL_SOCKET, SO_MARK, &exchanger->mark, sizeof(exchanger->mark)) < 0)
        return -errno;
    r = bind_port(exchanger, channel->fd, channel->server.address.family);
    if (r < 0)
        return r;
    if ((connect(channel->fd, (struct sockaddr *)&address, size) < 0 && errno != EINPROGRESS) ||
        epoll_ctl(exchanger->epoll_fd, EPOLL_CTL_ADD, channel->fd, &event) < 0)
        return -errno;
    return 0;
}

static int open_channel(struct exchanger *exchanger, const struct firewall_endpoint *server,
                        int type, uint32_t events, struct channel **ret_channel)
{
    struct channel *channel = xcalloc(1, sizeof(*channel));
    int family = server->address.family == ADDRESS_V4 ? AF_INET : AF_INET6;
    int r;

    channel->server = *server;
    channel->fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    r = channel->fd < 0 ? -errno : set_up_channel(exchanger, channel, events);
    if (r < 0) {
        if (channel->fd >= 0)
            close(channel->fd);
        free(channel);
        return r;
    }
    *ret_channel = channel;
    return 0;
}

static struct channel *take_idle(struct exchanger *exchanger, size_t place)
{
    struct channel *channel = exchanger->idle[place];

    exchanger->idle[place] = exchanger->idle[--exchanger->idle_count];
    return channel;
}

static void drop_idle(struct exchanger *exchanger, const struct channel *channel)
{
    for (size_t i = 0; i < exchanger->idle_count; i++)
        if (exchanger->idle[i] == channel) {
            close_channel(exchanger, take_idle(exchanger, i));
            return;
        }
}

static void drop_all_idle(struct exchanger *exchanger)
{
    while (exchanger->idle_count > 0)
        close_channel(exchanger, take_idle(exchanger, 0));
}

static void release_channel(struct exchanger *exchanger, struct channel *channel)
{
    channel->user = NULL;
    if (exchanger->idle_count == IDLE_MAX || channel->uses >= USES_MAX)
        close_channel(exchanger, channel);
    else
        exchanger->idle[exchanger->idle_count++] = channel;
}

static int take_udp_channel(struct exchanger *exchanger, const struct firewall_endpoint *server,
                            struct channel **ret_channel)
{
    if (exchanger->idle_count >= IDLE_MIN) {
        struct channel *channel = take_idle(exchanger, random_u16() % exchanger->idle_count);

        if (channel->server.port == server->port &&
            address_equal(&channel->server.address, &server->address)) {
            *ret_channel = channel;
            return 0;
        }
        close_channel(exchanger, channel);
    }
    return open_channel(exchanger, server, SOCK_DGRAM, EPOLLIN, ret_channel);
}

/* The one way out of every exchange. Its channel has been seen to. */
static void end(struct exchange *exchange)
{
    if (exchange->previous)
        exchange->previous->next = exchange->next;
    else
        exchange->exchanger->living = exchange->next;
    if (exchange->next)
        exchange->next->previous = exchange->previous;
    if (!exchange->exchanger->living)
        drop_all_idle(exchange->exchanger);
    free(exchange->reply);
    free(exchange);
}

void exchange_cancel(struct exchange *exchange)
{
    if (exchange->channel)
        close_channel(exchange->exchanger, exchange->channel);
    end(exchange);
}

static void fail(struct exchange *exchange, int status)
{
    exchange_on_reply *on_reply = exchange->on_reply;
    void *context = exchange->context;

    exchange_cancel(exchange);
    on_reply(context, status, NULL, 0);
}

static int start_udp(struct exchange *exchange)
{
    struct exchanger *exchanger = exchange->exchanger;
    struct channel *channel;
    int r = take_udp_channel(exchanger, &exchange->server, &channel);

    if (r < 0)
        return r;
    if (send(channel->fd, exchange->query.bytes, exchange->query.size, 0) < 0) {
        r = -errno;
        close_channel(exchanger, channel);
        return r;
    }
    channel->uses++;
    channel->user = exchange;
    exchange->channel = channel;
    return 0;
}

static int start_tcp(struct exchange *exchange)
{
    int r = open_channel(exchange->exchanger, &exchange->server, SOCK_STREAM, EPOLLOUT,
                         &exchange->channel);

    if (r < 0)
        return r;
    exchange->channel->user = exchange;
    exchange->state = EXCHANGE_TCP_SENDING;
    exchange->prefix[0] = (uint8_t)(exchange->query.size >> 8);
    exchange->prefix[1] = (uint8_t)exchange->query.size;
    return 0;
}

static void switch_to_tcp(struct exchange *exchange)
{
    int r;

    close_channel(exchange->exchanger, exchange->channel);
    exchange->channel = NULL;
    r = start_tcp(exchange);
    if (r < 0)
        fail(exchange, r);
}

static void on_udp_readable(struct exchange *exchange)
{
    static uint8_t bytes[UDP_RECEIVE_MAX];
    ssize_t size = recv(exchange->channel->fd, bytes, sizeof(bytes), MSG_TRUNC);
    enum message_match match;

    if (size < 0) {
        if (errno != EAGAIN && errno != EINTR)
            fail(exchange, -errno);
        return;
    }
    match = (size_t)size > sizeof(bytes)
                ? MESSAGE_NOT_OURS
                : message_match_reply(&exchange->query, bytes, (size_t)size);
    if (match == MESSAGE_OURS && !message_is_truncated(bytes, (size_t)size)) {
        exchange_on_reply *on_reply = exchange->on_reply;
        void *context = exchange->context;

        release_channel(exchange->exchanger, exchange->channel);
        end(exchange);
        on_reply(context, 0, bytes, (size_t)size);
        return;
    }
    if (match != MESSAGE_OURS)
        exchange->exchanger->counters->upstream_mismatches++;
    if (match == MESSAGE_OURS || ++exchange->mismatches == MISMATCHES_MAX)
        switch_to_tcp(exchange);
    else if (match == MESSAGE_CASE_DIFFERS)
        exchange->nudges_left = CASE_NUDGES;
}

bool exchange_nudge(struct exchange *exchange)
{
    if (exchange->state != EXCHANGE_UDP || exchange->nudges_left == 0 ||
        --exchange->nudges_left > 0)
        return false;
    switch_to_tcp(exchange);
    return true;
}

/* Returns 0 when all is out, -EAGAIN, or another -errno. */
static int send_tcp(struct exchange *exchange)
{
    struct message_query *query = &exchange->query;
    struct iovec parts[2] = {{exchange->prefix, 2}, {query->bytes, query->size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent;

    if (exchange->done < 2) {
        parts[0].iov_base = exchange->prefix + exchange->done;
        parts[0].iov_len = 2 - exchange->done;
    } else {
        parts[0].iov_len = 0;
        parts[1].iov_base = query->bytes + (exchange->done - 2);
        parts[1].iov_len = query->size - (exchange->done - 2);
    }
    sent = sendmsg(exchange->channel->fd, &message, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    exchange->done += (size_t)sent;
    return exchange->done < 2u + query->size ? -EAGAIN : 0;
}

static void on_tcp_writable(struct exchange *exchange)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = exchange->channel};
    int r = send_tcp(exchange);

    if (r == -EAGAIN)
        return;
    if (r == 0 &&
        epoll_ctl(exchange->exchanger->epoll_fd, EPOLL_CTL_MOD, exchange->channel->fd, &event) < 0)
        r = -errno;
    if (r < 0) {
        fail(exchange, r);
        return;
    }
    exchange->state = EXCHANGE_TCP_RECEIVING;
    exchange->done = 0;
}

/* Reads what is there of the prefix, then of the message. 0 when complete, -EAGAIN, or another
 * -errno. */
static int receive_tcp(struct exchange *exchange, size_t *ret_size)
{
    for (;;) {
        bool in_prefix = exchange->done < 2;
        size_t size = (size_t)exchange->prefix[0] << 8 | exchange->prefix[1];
        uint8_t *to =
            in_prefix ? exchange->prefix + exchange->done : exchange->reply + (exchange->done - 2);
        size_t wanted = in_prefix ? 2 - exchange->done : size - (exchange->done - 2);
        ssize_t received = recv(exchange->channel->fd, to, wanted, 0);

        if (received == 0)
            return -ECONNRESET;
        if (received < 0)
            return errno == EINTR ? -EAGAIN : -errno;
        exchange->done += (size_t)received;
        size = (size_t)exchange->prefix[0] << 8 | exchange->prefix[1];
        if (exchange->done == 2) {
            if (size < MESSAGE_HEADER_SIZE)
                return -EBADMSG;
            exchange->reply = xcalloc(1, size);
        }
        if (exchange->done >= 2 && exchange->done - 2 == size) {
            *ret_size = size;
            return 0;
        }
    }
}

static void on_tcp_readable(struct exchange *exchange)
{
    size_t size = 0;
    int r = receive_tcp(exchange, &size);

    if (r == -EAGAIN)
        return;
    /* Nobody can guess into a stream, so a server that changes the case of names is heard here. */
    if (r == 0 && message_match_reply(&exchange->query, exchange->reply, size) == MESSAGE_NOT_OURS)
        r = -EBADMSG;
    if (r < 0) {
        fail(exchange, r);
    } else {
        uint8_t *reply = exchange->reply;
        exchange_on_reply *on_reply = exchange->on_reply;
        void *context = exchange->context;

        exchange->reply = NULL;
        exchange_cancel(exchange); /* the connection has served */
        on_reply(context, 0, reply, size);
        free(reply);
    }
}

static void on_event(struct exchange *exchange)
{
    switch (exchange->state) {
    case EXCHANGE_UDP:
        on_udp_readable(exchange);
        break;
    case EXCHANGE_TCP_SENDING:
        on_tcp_writable(exchange);
        break;
    case EXCHANGE_TCP_RECEIVING:
        on_tcp_readable(exchange);
        break;
    }
}

static void on_wake(uv_poll_t *poll, int status, int events)
{
    struct exchanger *exchanger = poll->data;
    struct epoll_event ready[EVENTS_PER_WAKE];
    int count;

    (void)status;
    (void)events;
    count = epoll_wait(exchanger->epoll_fd, ready, EVENTS_PER_WAKE, 0);
    exchanger->is_awake = true;
    for (int i = 0; i < count; i++) {
        struct channel *channel = ready[i].data.ptr;

        if (channel->user)
            on_event(channel->user);
        else if (!channel->is_dead) /* or it died of an earlier event of this wake */
            drop_idle(exchanger, channel);
    }
    exchanger->is_awake = false;
    free_dead(exchanger);
}

int exchange_start(struct exchanger *exchanger, const struct firewall_endpoint *server,
                   enum exchange_transport transport, const char *name, uint16_t type,
                   enum message_edns edns, exchange_on_reply *on_reply, void *context,
                   struct exchange **ret_exchange)
{
    struct exchange *exchange = xcalloc(1, sizeof(*exchange));
    int r = message_write_query(name, type, edns, &exchange->query);

    exchange->exchanger = exchanger;
    exchange->server = *server;
    exchange->on_reply = on_reply;
    exchange->context = context;
    if (r == 0)
        r = transport == EXCHANGE_BY_TCP ? start_tcp(exchange) : start_udp(exchange);
    if (r < 0) {
        free(exchange);
        return r;
    }
    exchanger->counters->upstream_questions++;
    exchange->next = exchanger->living;
    if (exchange->next)
        exchange->next->previous = exchange;
    exchanger->living = exchange;
    *ret_exchange = exchange;
    return 0;
}

int exchanger_new(uv_loop_t *loop, uint32_t mark, struct counters *counters,
                  struct exchanger **ret_exchanger)
{
    struct exchanger *exchanger;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    int r;

    if (fd < 0)
        return -errno;
    exchanger = xcalloc(1, sizeof(*exchanger));
    r = uv_poll_init(loop, &exchanger->poll, fd);
    if (r < 0) {
        close(fd);
        free(exchanger);
        return r;
    }
    exchanger->poll.data = exchanger;
    exchanger->epoll_fd = fd;
    exchanger->mark = mark;
    exchanger->counters = counters;
    exchanger->ports = read_ports();
    uv_poll_start(&exchanger->poll, UV_READABLE, on_wake);
    *ret_exchanger = exchanger;
    return 0;
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct exchanger *exchanger = handle->data;

    close(exchanger->epoll_fd);
    if (exchanger->on_closed)
        exchanger->on_closed(exchanger->context);
    free(exchanger);
}

void exchanger_close(struct exchanger *exchanger, void (*on_closed)(void *context), void *context)
{
    while (exchanger->living) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the first has left the list */
        assert(!exchanger->living->previous);
        exchange_cancel(exchanger->living);
    }
    drop_all_idle(exchanger);
    exchanger->on_closed = on_closed;
    exchanger->context = context;
    uv_close((uv_handle_t *)&exchanger->poll, on_poll_closed);
}
