/* SPDX-License-Identifier: MIT */
/* One question to one server until its answer: by UDP from a socket, and so a random port, of its
 * own; by TCP when the answer is truncated or when somebody seems to guess. Does not watch the
 * time: whoever waits cancels. The sockets of all exchanges sit in one epoll, which the loop sees
 * as a single descriptor. */
#ifndef EGRESSD_DNS_EXCHANGE_H
#define EGRESSD_DNS_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "dns/message.h"
#include "firewall/firewall.h"
#include "journal/counters.h"

struct exchanger;
struct exchange;

/* mark: for SO_MARK, which needs CAP_NET_ADMIN; 0: none. Returns 0 or -errno. */
int exchanger_new(uv_loop_t *loop, uint32_t mark, struct counters *counters,
                  struct exchanger **ret_exchanger);
/* Cancels what is under way. */
void exchanger_close(struct exchanger *exchanger, void (*on_closed)(void *context), void *context);

/* status 0: an answer to this very question, whose rest is unchecked; borrowed for the call. Or
 * -errno, as -ECONNREFUSED. The exchange is gone then. */
typedef void exchange_on_reply(void *context, int status, const uint8_t *bytes, size_t size);

enum exchange_transport {
    EXCHANGE_BY_UDP, /* and TCP, if it must be */
    EXCHANGE_BY_TCP,
};

/* 0: on_reply runs exactly once, later, unless cancelled. Or -errno: it never runs. */
int exchange_start(struct exchanger *exchanger, const struct firewall_endpoint *server,
                   enum exchange_transport transport, const char *name, uint16_t type,
                   enum message_edns edns, exchange_on_reply *on_reply, void *context,
                   struct exchange **ret_exchange);
void exchange_cancel(struct exchange *exchange);

/* Call every few ms while waiting. Some servers mangle the case of names: when such an answer has
 * come and no better one after it, TCP decides. on_reply may run from within. Returns whether
 * anything was done. */
bool exchange_nudge(struct exchange *exchange);

#endif
