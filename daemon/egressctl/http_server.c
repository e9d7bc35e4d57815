/* SPDX-License-Identifier: MIT */
#include "egressctl/http_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "egressctl/http_request.h"

#define BACKLOG 16
#define PATIENCE_MS 10000 /* for a whole request, and again for taking the reply */

struct client {
    int fd; /* -1: nobody */
    uint64_t deadline_ms;
    char request[HTTP_REQUEST_MAX];
    size_t used;
    struct http_reply reply; /* bytes NULL: the request is not complete */
    size_t sent;
};

struct server {
    int listener;
    http_on_request *on_request;
    void *context;
    struct client clients[HTTP_CLIENTS_MAX];
};

/* --- replies ---------------------------------------------------------------------------------- */

static const char *reason_of(enum http_status status)
{
    switch (status) {
    case HTTP_OK:
        return "OK";
    case HTTP_BAD_REQUEST:
        return "Bad Request";
    case HTTP_NOT_FOUND:
        return "Not Found";
    case HTTP_NOT_ALLOWED:
        return "Method Not Allowed";
    case HTTP_MISDIRECTED:
        return "Misdirected Request";
    case HTTP_UNAVAILABLE:
        return "Service Unavailable";
    }
    return "";
}

/* The page has nothing from elsewhere, tells nobody of itself, and no other page may read it. That
 * one may frame it is meant: VS Code shows a forwarded port in a tab of its own so. */
struct http_reply http_reply_make(enum http_status status, const char *type, const void *body,
                                  size_t size)
{
    char *head = xasprintf("HTTP/1.1 %d %s\r\n"
                           "Content-Type: %s; charset=utf-8\r\n"
                           "Content-Length: %zu\r\n"
                           "Allow: GET\r\n"
                           "Cache-Control: no-store\r\n"
                           "Content-Security-Policy: default-src 'self'; base-uri 'none'; "
                           "form-action 'none'\r\n"
                           "Cross-Origin-Resource-Policy: same-origin\r\n"
                           "Referrer-Policy: no-referrer\r\n"
                           "X-Content-Type-Options: nosniff\r\n"
                           "Connection: close\r\n"
                           "\r\n",
                           status, reason_of(status), type, size);
    size_t head_size = strlen(head);
    struct http_reply reply = {.size = head_size + size};

    reply.bytes = xreallocarray(head, reply.size, 1);
    memcpy(reply.bytes + head_size, body, size);
    return reply;
}

static struct http_reply plain_reply(enum http_status status, const char *text)
{
    return http_reply_make(status, "text/plain", text, strlen(text));
}

/* --- clients ---------------------------------------------------------------------------------- */

static void end_client(struct client *client)
{
    close(client->fd);
    free(client->reply.bytes);
    client->fd = -1;
    client->reply = (struct http_reply){0};
    client->used = client->sent = 0;
}

static bool is_interrupted(ssize_t size)
{
    return size < 0 && (errno == EAGAIN || errno == EINTR);
}

static void send_reply(struct client *client)
{
    ssize_t size = send(client->fd, client->reply.bytes + client->sent,
                        client->reply.size - client->sent, MSG_NOSIGNAL);

    if (is_interrupted(size))
        return;
    if (size > 0)
        client->sent += (size_t)size;
    if (size <= 0 || client->sent == client->reply.size)
        end_client(client);
}

static struct http_reply answer(const struct server *server, int error,
                                const struct http_request *request)
{
    if (error < 0)
        return plain_reply(HTTP_BAD_REQUEST, "This is not a request for this page.\n");
    if (!request->is_for_loopback)
        return plain_reply(HTTP_MISDIRECTED, "This page is called localhost.\n");
    if (!request->is_get)
        return plain_reply(HTTP_NOT_ALLOWED, "This page can only be looked at.\n");
    return server->on_request(server->context, request);
}

static void receive_request(const struct server *server, struct client *client)
{
    struct http_request request;
    ssize_t size =
        recv(client->fd, client->request + client->used, sizeof(client->request) - client->used, 0);
    int r;

    if (is_interrupted(size))
        return;
    if (size <= 0) {
        end_client(client);
        return;
    }
    client->used += (size_t)size;
    r = http_request_read(client->request, client->used, &request);
    if (r == -EAGAIN)
        return;
    client->reply = answer(server, r, &request);
    client->deadline_ms = clock_now_ms() + PATIENCE_MS;
    send_reply(client);
}

/* A free place, or that of who has been here longest: nobody can keep the page's reader out by
 * saying nothing. */
static struct client *make_place(struct server *server)
{
    struct client *oldest = &server->clients[0];

    for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];

        if (client->fd < 0)
            return client;
        if (client->deadline_ms < oldest->deadline_ms)
            oldest = client;
    }
    end_client(oldest);
    return oldest;
}

/* Returns 0, or -errno when there will be no more clients. */
static int accept_client(struct server *server)
{
    int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct client *client;

    if (fd < 0)
        return errno == EBADF || errno == EINVAL || errno == ENOTSOCK ? -errno : 0;
    client = make_place(server);
    client->fd = fd;
    client->deadline_ms = clock_now_ms() + PATIENCE_MS;
    return 0;
}

/* --- serving ---------------------------------------------------------------------------------- */

int http_server_listen(uint16_t port, int *ret_listener, uint16_t *ret_port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
        bind(fd, (const struct sockaddr *)&address, size) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    *ret_listener = fd;
    *ret_port = ntohs(address.sin_port);
    return 0;
}

/* What to wait for, of each client and then of the listener. Returns for how long. */
static int prepare(const struct server *server, struct pollfd polls[static HTTP_CLIENTS_MAX + 1])
{
    uint64_t now_ms = clock_now_ms(), first_ms = now_ms + PATIENCE_MS;

    for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++) {
        const struct client *client = &server->clients[i];

        polls[i] =
            (struct pollfd){.fd = client->fd, .events = client->reply.bytes ? POLLOUT : POLLIN};
        if (client->fd >= 0 && client->deadline_ms < first_ms)
            first_ms = client->deadline_ms;
    }
    polls[HTTP_CLIENTS_MAX] = (struct pollfd){.fd = server->listener, .events = POLLIN};
    return first_ms > now_ms ? (int)(first_ms - now_ms) : 0;
}

static void serve_client(const struct server *server, struct client *client, short happened)
{
    if (client->fd < 0)
        return;
    if (happened != 0 && client->reply.bytes)
        send_reply(client);
    else if (happened != 0)
        receive_request(server, client);
    else if (clock_now_ms() >= client->deadline_ms)
        end_client(client);
}

static int serve_turn(struct server *server)
{
    struct pollfd polls[HTTP_CLIENTS_MAX + 1];
    int wait_ms = prepare(server, polls);

    if (poll(polls, HTTP_CLIENTS_MAX + 1, wait_ms) < 0)
        return errno == EINTR ? 0 : -errno;
    for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++)
        serve_client(server, &server->clients[i], polls[i].revents);
    return polls[HTTP_CLIENTS_MAX].revents != 0 ? accept_client(server) : 0;
}

int http_server_serve(int listener, http_on_request *on_request, void *context)
{
    struct server *server = xcalloc(1, sizeof(*server));
    int r;

    server->listener = listener;
    server->on_request = on_request;
    server->context = context;
    for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++)
        server->clients[i].fd = -1;
    do
        r = serve_turn(server);
    while (r == 0);
    for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++) {
        if (server->clients[i].fd >= 0)
            end_client(&server->clients[i]);
    }
    free(server);
    return r;
}
