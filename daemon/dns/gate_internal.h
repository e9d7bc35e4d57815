/* SPDX-License-Identifier: MIT */
/* What gate.c (life), gate_question.c (deciding), gate_udp.c and gate_tcp.c (carrying) share;
 * nobody else's. */
#ifndef EGRESSD_DNS_GATE_INTERNAL_H
#define EGRESSD_DNS_GATE_INTERNAL_H

#include <netinet/in.h>

#include "dns/gate.h"
#include "dns/gate_sockets.h"
#include "dns/message.h"

#define GATE_QUESTIONS_MAX 4096 /* waiting for an answer: the resolver stops earlier */
#define GATE_CONNECTIONS_MAX 64

struct gate_connection;

/* Whom to answer. */
struct gate_peer {
    struct gate_connection *connection; /* NULL: by UDP */
    uv_udp_t *socket;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
};

/* A question that waits for the resolver. */
struct gate_question {
    struct gate *gate;
    struct gate_question *next, *previous; /* of the connection, or of the gate for UDP */
    struct gate_peer peer;
    struct resolver_waiter *waiter;
    bool is_told; /* to the observer, already */
    struct message_question message;
};

struct gate {
    uv_loop_t *loop;
    struct resolver *resolver;
    enum resolver_route route;
    struct counters *counters;
    const struct policy *policy;
    uint16_t port;
    bool has_ipv6;
    uv_udp_t udp[2];
    uv_tcp_t tcp[2];
    struct gate_question *questions; /* by UDP */
    size_t question_count;           /* all */
    struct gate_question *spare;     /* memory of one that did not have to wait, for the next */
    struct gate_connection *connections;
    size_t connection_count;
    char watched_name[WIRE_NAME_TEXT_SIZE]; /* "": none */
    void (*on_seen)(void *context, const struct address *destination);
    void *watcher;
    void (*on_told)(void *context, const struct gate_question_told *told);
    void *observer;
    int open_handles; /* connections count as one each */
    bool is_closing;
    void (*on_closed)(void *context);
    void *closed_context;
};

/* One of the gate's handles, or connections, is gone. */
void gate_handle_closed(struct gate *gate);

/* A whole message has come. */
void gate_take_message(struct gate *gate, const struct gate_peer *peer, const uint8_t *bytes,
                       size_t size);
/* Nobody waits for these any more. */
void gate_forget_questions(struct gate_question **questions);

/* Each takes over the descriptor, also on failure. */
int gate_udp_open(struct gate *gate, uv_udp_t *handle, int fd);
int gate_tcp_open(struct gate *gate, uv_tcp_t *handle, int fd);
void gate_udp_send(const struct gate_peer *peer, uint8_t *bytes, size_t size);
/* bytes has room for a length prefix before it. */
void gate_tcp_send(struct gate_connection *connection, uint8_t *bytes, size_t size);
struct gate_question **gate_tcp_questions(struct gate_connection *connection);
void gate_tcp_question_began(struct gate_connection *connection);
/* Perhaps so has the connection. */
void gate_tcp_question_ended(struct gate_connection *connection);
int gate_tcp_client(const struct gate_connection *connection, struct address *ret_client,
                    uint16_t *ret_port);
/* Where the client meant to go before the redirect. */
int gate_tcp_destination(const struct gate_connection *connection, struct address *ret_destination);
void gate_tcp_close(struct gate_connection *connection);
void gate_tcp_close_all(struct gate *gate);

#endif
