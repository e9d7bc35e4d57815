/* SPDX-License-Identifier: MIT */
#include "dns/gate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "dns/gate_internal.h"

int gate_open(uv_loop_t *loop, struct resolver *resolver, enum resolver_route route,
              enum gate_reach reach, struct counters *counters, struct gate **ret_gate)
{
    struct gate_sockets sockets;
    struct gate *gate;
    int r = gate_sockets_open(reach, &sockets);

    if (r < 0)
        return r;
    gate = xcalloc(1, sizeof(*gate));
    gate->loop = loop;
    gate->resolver = resolver;
    gate->route = route;
    gate->counters = counters;
    gate->port = sockets.port;
    gate->has_ipv6 = sockets.has_ipv6;
    gate->open_handles = 1; /* ours, so that no failure below frees it */
    for (int i = 0; i <= (int)sockets.has_ipv6 && r == 0; i++) {
        r = gate_udp_open(gate, &gate->udp[i], sockets.udp[i]);
        sockets.udp[i] = -1;
        if (r == 0) {
            r = gate_tcp_open(gate, &gate->tcp[i], sockets.tcp[i]);
            sockets.tcp[i] = -1;
        }
    }
    if (r < 0) {
        gate_sockets_close(&sockets);
        gate_close(gate, NULL, NULL); /* some handles live: only the loop may free it */
        return r;
    }
    *ret_gate = gate;
    return 0;
}

void gate_handle_closed(struct gate *gate)
{
    if (--gate->open_handles > 0)
        return;
    assert(gate->is_closing && gate->question_count == 0 && gate->connection_count == 0);
    if (gate->on_closed)
        gate->on_closed(gate->closed_context);
    free(gate->spare);
    free(gate);
}

static void on_handle_closed(uv_handle_t *handle)
{
    gate_handle_closed(handle->data);
}

static void close_handle(struct gate *gate, uv_handle_t *handle)
{
    if (handle->data != gate) /* never opened */
        return;
    uv_close(handle, on_handle_closed);
}

void gate_close(struct gate *gate, void (*on_closed)(void *context), void *context)
{
    assert(!gate->is_closing);
    gate->is_closing = true;
    gate->on_closed = on_closed;
    gate->closed_context = context;
    gate_forget_questions(&gate->questions);
    gate_tcp_close_all(gate);
    for (int i = 0; i < 2; i++) {
        close_handle(gate, (uv_handle_t *)&gate->udp[i]);
        close_handle(gate, (uv_handle_t *)&gate->tcp[i]);
    }
    gate_handle_closed(gate);
}

uint16_t gate_port(const struct gate *gate)
{
    return gate->port;
}

bool gate_has_ipv6(const struct gate *gate)
{
    return gate->has_ipv6;
}

void gate_set_policy(struct gate *gate, const struct policy *policy)
{
    gate->policy = policy;
}

void gate_observe(struct gate *gate,
                  void (*on_told)(void *context, const struct gate_question_told *told),
                  void *context)
{
    gate->on_told = on_told;
    gate->observer = context;
}

void gate_watch(struct gate *gate, const char *name,
                void (*on_seen)(void *context, const struct address *destination), void *context)
{
    snprintf(gate->watched_name, sizeof(gate->watched_name), "%s", name ? name : "");
    gate->on_seen = on_seen;
    gate->watcher = context;
}
