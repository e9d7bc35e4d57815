/* SPDX-License-Identifier: MIT */
#include "egressctl/client.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "control/protocol.h"

#define CHUNK_SIZE 65536
#define CROWDED_PAUSE_NS (10 * 1000 * 1000)

struct reply_text {
    char *bytes;
    size_t size;
};

static int wait_for(int fd, short events, uint64_t deadline_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    uint64_t now_ms = clock_now_ms();
    int r;

    if (now_ms >= deadline_ms)
        return -ETIMEDOUT;
    r = poll(&poll_fd, 1, (int)(deadline_ms - now_ms));
    if (r < 0)
        return errno == EINTR ? 0 : -errno;
    return r == 0 ? -ETIMEDOUT : 0;
}

static int connect_until(int fd, const struct sockaddr_un *address, uint64_t deadline_ms)
{
    const struct timespec pause = {.tv_nsec = CROWDED_PAUSE_NS};

    while (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
        /* A UNIX socket whose queue is full has nothing to poll for. */
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        if (clock_now_ms() >= deadline_ms)
            return -ETIMEDOUT;
        nanosleep(&pause, NULL);
    }
    return 0;
}

static int send_all(int fd, const char *bytes, size_t size, uint64_t deadline_ms)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        int r;

        if (sent >= 0) {
            bytes += sent;
            size -= (size_t)sent;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        r = wait_for(fd, POLLOUT, deadline_ms);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Up to the newline. A reply that was cut short is none. */
static int receive_line(int fd, uint64_t deadline_ms, struct reply_text *text)
{
    size_t room = 0;

    for (;;) {
        ssize_t size;
        int r;

        if (room - text->size < CHUNK_SIZE) {
            room += CHUNK_SIZE + room / 2;
            if (room > CONTROL_REPLY_MAX)
                return -EBADMSG;
            text->bytes = xreallocarray(text->bytes, room, 1);
        }
        size = recv(fd, text->bytes + text->size, room - text->size, 0);
        if (size == 0)
            return -EBADMSG;
        if (size > 0) {
            text->size += (size_t)size;
            if (text->bytes[text->size - 1] == '\n')
                return 0;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        r = wait_for(fd, POLLIN, deadline_ms);
        if (r < 0)
            return r;
    }
}

int client_parse_reply(const char *line, size_t size, struct json_object **ret_reply)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *reply;

    if (!tokener)
        abort();
    reply = json_tokener_parse_ex(tokener, line, (int)size);
    json_tokener_free(tokener);
    if (!json_object_is_type(reply, json_type_object)) {
        json_object_put(reply);
        return -EBADMSG;
    }
    *ret_reply = reply;
    return 0;
}

struct json_object *client_request(const char *command)
{
    struct json_object *request = json_object_new_object();

    json_object_object_add(request, "command", json_object_new_string(command));
    return request;
}

struct client {
    int fd;
};

int client_open(const char *runtime_dir, int timeout_ms, struct client **ret_client)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int r = control_socket_path(runtime_dir, address.sun_path);
    int fd;

    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    r = connect_until(fd, &address, clock_now_ms() + (uint64_t)timeout_ms);
    if (r < 0) {
        close(fd);
        return r;
    }

    struct client *client = xcalloc(1, sizeof(*client));

    client->fd = fd;
    *ret_client = client;
    return 0;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    close(client->fd);
    free(client);
}

int client_exchange(struct client *client, struct json_object *take_request, int timeout_ms,
                    struct json_object **ret_reply)
{
    uint64_t deadline_ms = clock_now_ms() + (uint64_t)timeout_ms;
    struct reply_text text = {0};
    char *line =
        xasprintf("%s\n", json_object_to_json_string_ext(take_request, JSON_C_TO_STRING_PLAIN));
    int r = send_all(client->fd, line, strlen(line), deadline_ms);

    if (r == 0)
        r = receive_line(client->fd, deadline_ms, &text);
    if (r == 0)
        r = client_parse_reply(text.bytes, text.size, ret_reply);
    free(text.bytes);
    free(line);
    json_object_put(take_request);
    return r;
}

int client_ask(const char *runtime_dir, struct json_object *take_request, int timeout_ms,
               struct json_object **ret_reply)
{
    uint64_t began_ms = clock_now_ms(), took_ms;
    struct client *client = NULL;
    int r = client_open(runtime_dir, timeout_ms, &client);

    if (!client) {
        json_object_put(take_request);
        return r;
    }
    took_ms = clock_now_ms() - began_ms;
    r = client_exchange(client, take_request,
                        took_ms < (uint64_t)timeout_ms ? timeout_ms - (int)took_ms : 0, ret_reply);
    client_close(client);
    return r;
}
