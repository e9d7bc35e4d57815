/* SPDX-License-Identifier: MIT */
/* Serves HTTP to the browsers of this machine alone: on 127.0.0.1, and to who asks for it by a name
 * of loopback. One request a connection. Bounded: clients, their requests, their time. */
#ifndef EGRESSD_EGRESSCTL_HTTP_SERVER_H
#define EGRESSD_EGRESSCTL_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>

struct http_request;

#define HTTP_CLIENTS_MAX 8

enum http_status {
    HTTP_OK = 200,
    HTTP_BAD_REQUEST = 400,
    HTTP_NOT_FOUND = 404,
    HTTP_NOT_ALLOWED = 405,
    HTTP_MISDIRECTED = 421,
    HTTP_UNAVAILABLE = 503,
};

/* Head and body, ready to be sent. */
struct http_reply {
    char *bytes;
    size_t size;
};

struct http_reply http_reply_make(enum http_status status, const char *type, const void *body,
                                  size_t size);

/* Answers a GET for loopback with what http_reply_make made. May wait, if not for long: others wait
 * meanwhile. */
typedef struct http_reply http_on_request(void *context, const struct http_request *request);

/* port 0: any. ret_port is the one that it is. Returns 0 or -errno. */
int http_server_listen(uint16_t port, int *ret_listener, uint16_t *ret_port);

/* Until something is wrong with the listener: returns -errno. */
int http_server_serve(int listener, http_on_request *on_request, void *context);

#endif
