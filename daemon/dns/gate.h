/* SPDX-License-Identifier: MIT */
/* The DNS listener where every port-53 packet of the container ends: UDP and TCP, over IPv4 and,
 * where there is one, IPv6, on one port number that the kernel picks. Refuses, or asks the resolver
 * and answers when the kernel has the addresses. */
#ifndef EGRESSD_DNS_GATE_H
#define EGRESSD_DNS_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "dns/gate_sockets.h"
#include "dns/resolver.h"
#include "journal/journal.h"

struct gate;

/* Binds and listens. route and reach say for whom this gate is: what runs here, dockerd, or the
 * containers within this one, which cannot be redirected to loopback. Resolver, counters and the
 * policy given to gate_set_policy are borrowed. Returns 0 or -errno. */
int gate_open(uv_loop_t *loop, struct resolver *resolver, enum resolver_route route,
              enum gate_reach reach, struct counters *counters, struct gate **ret_gate);
void gate_close(struct gate *gate, void (*on_closed)(void *context), void *context);

uint16_t gate_port(const struct gate *gate);
bool gate_has_ipv6(const struct gate *gate);
/* on_seen runs for a question by TCP for just this name, whatever the policy says, with where it
 * was really sent to; nobody answers it, the connection ends. Copied; NULL ends it. For
 * docker_probe.h. */
void gate_watch(struct gate *gate, const char *name,
                void (*on_seen)(void *context, const struct address *destination), void *context);

/* What a client was told. Borrowed for the call. */
struct gate_question_told {
    const char *name; /* NULL: bytes that no entry can have */
    bool is_granted;  /* else it is refused */
    enum journal_reason reason;
    const char *why; /* a few words more, or NULL */
    int protocol;    /* IPPROTO_UDP or IPPROTO_TCP: how it was asked */
    /* Of a refused one; ADDRESS_NONE where it is not known. */
    struct address client;
    uint16_t client_port;
    struct address server; /* by TCP: whom the client meant to ask */
};
/* on_told runs for each question that is refused, and for each that is answered with addresses.
 * NULL ends it. */
void gate_observe(struct gate *gate,
                  void (*on_told)(void *context, const struct gate_question_told *told),
                  void *context);

/* The policy must stay until the next call. */
void gate_set_policy(struct gate *gate, const struct policy *policy);

#endif
