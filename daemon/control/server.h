/* SPDX-License-Identifier: MIT */
/* The control socket: one JSON object a line in, one a line out. Anyone may ask; what changes
 * something is for root, checked by the peer's credentials. Bounded: clients, line length, time. */
#ifndef EGRESSD_CONTROL_SERVER_H
#define EGRESSD_CONTROL_SERVER_H

#include <stdbool.h>
#include <uv.h>

struct json_object;
struct control_server;

#define CONTROL_LINE_MAX 4096
#define CONTROL_CLIENTS_MAX 32

struct control_caller {
    uid_t uid;
    pid_t pid; /* 0: of a process that cannot be seen from here */
};

/* Root where egressd runs. Where the socket is lent to another container, root over there has the
 * same number, yet is the one to be held: who is root here can also be seen from here. */
bool control_caller_is_root(const struct control_caller *caller);

/* Answers one request: returns a new object, owned by the caller. Never NULL. */
typedef struct json_object *control_on_request(void *context, const struct control_caller *caller,
                                               struct json_object *request);

/* Replaces a stale socket file. path is in a directory that only the daemon can write. */
int control_server_open(uv_loop_t *loop, const char *path, control_on_request *on_request,
                        void *context, struct control_server **ret_server);
void control_server_close(struct control_server *server, void (*on_closed)(void *context),
                          void *context);

#endif
