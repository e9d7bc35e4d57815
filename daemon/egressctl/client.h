/* SPDX-License-Identifier: MIT */
/* Requests to the daemon, each with its reply. Waits, but never for longer than it was told. */
#ifndef EGRESSD_EGRESSCTL_CLIENT_H
#define EGRESSD_EGRESSCTL_CLIENT_H

#include <stddef.h>

struct client;
struct json_object;

/* {"command":command}, to which members may be added. */
struct json_object *client_request(const char *command);

/* Frees take_request. ret_reply is a new object, owned by the caller. -errno: -ENOENT or
 * -ECONNREFUSED nobody is there, -ETIMEDOUT no answer in time, -EBADMSG an answer that is none. */
int client_ask(const char *runtime_dir, struct json_object *take_request, int timeout_ms,
               struct json_object **ret_reply);

/* The same for several requests, one after the other. After a failure only closing is left. */
int client_open(const char *runtime_dir, int timeout_ms, struct client **ret_client);
int client_exchange(struct client *client, struct json_object *take_request, int timeout_ms,
                    struct json_object **ret_reply);
void client_close(struct client *client); /* NULL-safe */

/* Of the line that came. Pure. */
int client_parse_reply(const char *line, size_t size, struct json_object **ret_reply);

#endif
