/* SPDX-License-Identifier: MIT */
#include "control/server.h"

#include <assert.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/memory.h"
#include "control/request.h"

#define BACKLOG 16
#define CLIENT_PATIENCE_MS 5000        /* for a whole request, and for taking a whole reply */
#define CLIENTS_KEPT_FOR_ROOT 8        /* of CONTROL_CLIENTS_MAX: nobody else can crowd root out */
#define PENDING_MAX (16 * 1024 * 1024) /* bytes of replies that clients are slow to take */

struct control_client {
    struct control_server *server;
    struct control_client *next, **back;
    struct control_caller caller;
    uv_pipe_t pipe;
    uv_timer_t patience;
    uv_write_t write;
    struct json_object *reply; /* being written, or NULL */
    size_t reply_size;
    char line[CONTROL_LINE_MAX];
    size_t used;
    unsigned open_handles;
    uint64_t turn; /* of its next request; 0: none waits */
    bool closing;
    bool ends; /* when its reply has been written */
};

struct control_server {
    uv_pipe_t listener;
    uv_idle_t clerk; /* at work while requests wait */
    control_on_request *on_request;
    void *context;
    struct control_client *clients;
    size_t client_count;
    size_t pending;
    uint64_t last_turn;
    bool closing;
    unsigned open_handles;
    void (*on_closed)(void *context);
    void *closed_context;
};

static void answer_lines(struct control_client *client);

static void end_server(struct control_server *server)
{
    if (!server->closing || server->open_handles > 0 || server->clients)
        return;
    if (server->on_closed)
        server->on_closed(server->closed_context);
    free(server);
}

static void drop_reply(struct control_client *client)
{
    client->server->pending -= client->reply_size;
    json_object_put(client->reply);
    client->reply = NULL;
    client->reply_size = 0;
}

static void on_client_closed(uv_handle_t *handle)
{
    struct control_client *client = handle->data;
    struct control_server *server = client->server;

    if (--client->open_handles > 0)
        return;
    if (client->next)
        client->next->back = client->back;
    *client->back = client->next;
    drop_reply(client);
    free(client);
    end_server(server);
}

static void close_client(struct control_client *client)
{
    if (client->closing)
        return;
    client->closing = true;
    client->turn = 0;
    client->server->client_count--; /* at once: many come in one turn of the loop */
    uv_close((uv_handle_t *)&client->pipe, on_client_closed);
    uv_close((uv_handle_t *)&client->patience, on_client_closed);
}

/* Says why and closes, without waiting for a client that does not listen. */
static void refuse_client(struct control_client *client, int code, const char *why)
{
    struct json_object *reply = reply_error(code, "%s", why);
    const char *text = json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN);
    uv_buf_t buffers[] = {
        uv_buf_init((char *)text, (unsigned)strlen(text)),
        uv_buf_init((char *)"\n", 1),
    };

    uv_try_write((uv_stream_t *)&client->pipe, buffers, 2);
    json_object_put(reply);
    close_client(client);
}

static void on_patience_ended(uv_timer_t *timer)
{
    struct control_client *client = timer->data;

    if (client->closing)
        return;
    if (client->reply)
        close_client(client);
    else
        refuse_client(client, EX_USAGE, "no whole request came in time");
}

static void await(struct control_client *client)
{
    uv_timer_start(&client->patience, on_patience_ended, CLIENT_PATIENCE_MS, 0);
}

static void lend_line(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct control_client *client = handle->data;

    (void)suggested;
    *buffer =
        uv_buf_init(client->line + client->used, (unsigned)(sizeof(client->line) - client->used));
}

static void on_bytes(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct control_client *client = stream->data;

    (void)buffer;
    if (client->closing || size == 0)
        return;
    if (size < 0) {
        close_client(client);
        return;
    }
    client->used += (size_t)size;
    answer_lines(client);
}

static void on_written(uv_write_t *write, int status)
{
    struct control_client *client = write->data;

    drop_reply(client);
    if (client->closing)
        return;
    if (status < 0 || client->ends) {
        close_client(client);
        return;
    }
    if (uv_read_start((uv_stream_t *)&client->pipe, lend_line, on_bytes) < 0) {
        close_client(client);
        return;
    }
    await(client);
    answer_lines(client);
}

static void send_reply(struct control_client *client, struct json_object *reply)
{
    const char *text = json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN |
                                                                 JSON_C_TO_STRING_NOSLASHESCAPE);
    size_t size = strlen(text);
    uv_buf_t buffers[] = {
        uv_buf_init((char *)text, (unsigned)size),
        uv_buf_init((char *)"\n", 1),
    };

    if (client->server->pending + size > PENDING_MAX) {
        json_object_put(reply);
        refuse_client(client, EX_UNAVAILABLE, "too many replies wait to be read: try again");
        return;
    }
    client->reply = reply; /* the text belongs to it */
    client->reply_size = size;
    client->server->pending += size;
    client->write.data = client;
    await(client);
    if (uv_write(&client->write, (uv_stream_t *)&client->pipe, buffers, 2, on_written) < 0)
        close_client(client);
}

/* The first that has come. */
static void answer_line(struct control_client *client)
{
    struct control_server *server = client->server;
    const char *newline = memchr(client->line, '\n', client->used);
    size_t size = (size_t)(newline - client->line);
    struct json_object *request = NULL;
    struct json_object *reply;
    const char *why;

    if (request_parse(client->line, size, &request, &why) == 0) {
        reply = server->on_request(server->context, &client->caller, request);
    } else {
        reply = reply_error(EX_USAGE, "%s", why);
        client->ends = true;
    }
    json_object_put(request);
    client->used -= size + 1;
    memmove(client->line, client->line + size + 1, client->used);
    send_reply(client, reply);
}

static struct control_client *find_next(const struct control_server *server)
{
    struct control_client *next = NULL;

    for (struct control_client *client = server->clients; client; client = client->next)
        if (client->turn != 0 && (!next || client->turn < next->turn))
            next = client;
    return next;
}

/* One request of all in a turn of the loop, in the order in which they came: a reply may be long,
 * and however many ask here, packets and names are not kept waiting for more than one. */
static void on_turn(uv_idle_t *clerk)
{
    struct control_server *server = clerk->data;
    struct control_client *client = find_next(server);

    if (!client) {
        uv_idle_stop(clerk);
        return;
    }
    client->turn = 0;
    answer_line(client);
}

/* One request of a client at a time: what else it sends waits, at first here and then in its
 * socket. */
static void answer_lines(struct control_client *client)
{
    if (client->reply || client->turn != 0)
        return;
    if (memchr(client->line, '\n', client->used)) {
        client->turn = ++client->server->last_turn;
        uv_read_stop((uv_stream_t *)&client->pipe);
        uv_timer_stop(&client->patience);
        uv_idle_start(&client->server->clerk, on_turn);
    } else if (client->used == sizeof(client->line)) {
        refuse_client(client, EX_USAGE, "the request is too long");
    }
}

/* Who is on the other side, as the kernel noted when they connected. */
static int read_caller(struct control_client *client)
{
    struct ucred credentials;
    socklen_t size = sizeof(credentials);
    uv_os_fd_t fd;
    int r = uv_fileno((uv_handle_t *)&client->pipe, &fd);

    if (r < 0)
        return r;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
        return -errno;
    client->caller = (struct control_caller){.uid = credentials.uid, .pid = credentials.pid};
    return 0;
}

bool control_caller_is_root(const struct control_caller *caller)
{
    return caller->uid == 0 && caller->pid != 0;
}

static struct control_client *add_client(struct control_server *server)
{
    struct control_client *client = xcalloc(1, sizeof(*client));

    client->server = server;
    uv_pipe_init(server->listener.loop, &client->pipe, 0);
    uv_timer_init(server->listener.loop, &client->patience);
    client->pipe.data = client;
    client->patience.data = client;
    client->open_handles = 2;
    client->next = server->clients;
    client->back = &server->clients;
    if (client->next)
        client->next->back = &client->next;
    server->clients = client;
    server->client_count++;
    return client;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct control_server *server = listener->data;
    struct control_client *client;
    size_t most;

    if (status < 0 || server->closing)
        return;
    client = add_client(server);
    if (uv_accept(listener, (uv_stream_t *)&client->pipe) < 0 || read_caller(client) < 0) {
        close_client(client);
        return;
    }
    most =
        CONTROL_CLIENTS_MAX - (control_caller_is_root(&client->caller) ? 0 : CLIENTS_KEPT_FOR_ROOT);
    if (server->client_count > most)
        refuse_client(client, EX_UNAVAILABLE, "too many clients at once: try again");
    else if (uv_read_start((uv_stream_t *)&client->pipe, lend_line, on_bytes) < 0)
        close_client(client);
    else
        await(client);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct control_server *server = handle->data;

    server->open_handles--;
    end_server(server);
}

int control_server_open(uv_loop_t *loop, const char *path, control_on_request *on_request,
                        void *context, struct control_server **ret_server)
{
    struct control_server *server = xcalloc(1, sizeof(*server));
    int r;

    server->on_request = on_request;
    server->context = context;
    uv_pipe_init(loop, &server->listener, 0);
    uv_idle_init(loop, &server->clerk);
    server->listener.data = server->clerk.data = server;
    server->open_handles = 2;

    /* Whoever had it is gone: the daemon holds the lock of the folder. */
    r = unlink(path) < 0 && errno != ENOENT ? -errno : 0;
    if (r == 0)
        r = uv_pipe_bind(&server->listener, path);
    if (r == 0 && chmod(path, 0666) < 0)
        r = -errno;
    if (r == 0)
        r = uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
    if (r < 0) {
        control_server_close(server, NULL, NULL);
        return r;
    }
    *ret_server = server;
    return 0;
}

void control_server_close(struct control_server *server, void (*on_closed)(void *context),
                          void *context)
{
    assert(!server->closing);
    server->closing = true;
    server->on_closed = on_closed;
    server->closed_context = context;
    uv_close((uv_handle_t *)&server->listener, on_handle_closed);
    uv_close((uv_handle_t *)&server->clerk, on_handle_closed);
    for (struct control_client *client = server->clients; client; client = client->next)
        close_client(client);
}
