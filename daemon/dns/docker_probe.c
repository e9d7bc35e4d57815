/* SPDX-License-Identifier: MIT */
#include "dns/docker_probe.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "dns/exchange.h"
#include "dns/random.h"

#define PATIENCE_MS 1000 /* for dockerd to ask at all */
#define SETTLE_MS 200    /* after a server, for the next one */
#define NAME_SIZE 64

struct docker_probe {
    struct gate *gate;
    struct exchanger *exchanger;
    struct counters counters; /* these questions are not the user's */
    uv_timer_t timer;
    struct address servers[SERVERS_MAX];
    size_t count;
    void (*on_done)(void *context, const struct address *servers, size_t count);
    void *context;
    int open_handles;
};

static void on_part_closed(struct docker_probe *probe)
{
    if (--probe->open_handles == 0)
        free(probe);
}

static void on_exchanger_closed(void *context)
{
    on_part_closed(context);
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

void docker_probe_cancel(struct docker_probe *probe)
{
    gate_watch(probe->gate, NULL, NULL, NULL);
    exchanger_close(probe->exchanger, on_exchanger_closed, probe);
    uv_close((uv_handle_t *)&probe->timer, on_timer_closed);
}

static void on_timer(uv_timer_t *timer)
{
    struct docker_probe *probe = timer->data;

    docker_probe_cancel(probe); /* the memory lives until the loop has closed it */
    probe->on_done(probe->context, probe->servers, probe->count);
}

/* The gate ends the connection, so dockerd goes on to its next server. */
static void on_seen(void *context, const struct address *destination)
{
    struct docker_probe *probe = context;

    if (probe->count < SERVERS_MAX)
        probe->servers[probe->count++] = *destination;
    uv_timer_start(&probe->timer, on_timer, SETTLE_MS, 0);
}

/* Whatever dockerd says, it has asked all that it will ask. */
static void on_reply(void *context, int status, const uint8_t *bytes, size_t size)
{
    struct docker_probe *probe = context;

    (void)status;
    (void)bytes;
    (void)size;
    uv_timer_start(&probe->timer, on_timer, 0, 0);
}

static void make_name(char name[static NAME_SIZE])
{
    uint64_t secret[2];

    random_fill(secret, sizeof(secret));
    snprintf(name, NAME_SIZE, "egressd-%016llx%016llx.invalid", (unsigned long long)secret[0],
             (unsigned long long)secret[1]);
}

int docker_probe_start(uv_loop_t *loop, struct gate *gate, const struct firewall_endpoint *embedded,
                       uint32_t mark,
                       void (*on_done)(void *context, const struct address *servers, size_t count),
                       void *context, struct docker_probe **ret_probe)
{
    struct docker_probe *probe = xcalloc(1, sizeof(*probe));
    struct exchange *exchange;
    char name[NAME_SIZE];
    int r = exchanger_new(loop, mark, &probe->counters, &probe->exchanger);

    if (r < 0) {
        free(probe);
        return r;
    }
    uv_timer_init(loop, &probe->timer);
    probe->timer.data = probe;
    probe->open_handles = 2;
    probe->gate = gate;
    probe->on_done = on_done;
    probe->context = context;
    make_name(name);
    gate_watch(gate, name, on_seen, probe);
    r = exchange_start(probe->exchanger, embedded, EXCHANGE_BY_TCP, name, MESSAGE_A,
                       MESSAGE_WITHOUT_EDNS, on_reply, probe, &exchange);
    if (r < 0) {
        docker_probe_cancel(probe);
        return r;
    }
    uv_timer_start(&probe->timer, on_timer, PATIENCE_MS, 0);
    *ret_probe = probe;
    return 0;
}
