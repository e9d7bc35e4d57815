/* SPDX-License-Identifier: MIT */
/* One question to whichever server answers it usefully: in order, the next one after a failure or a
 * silence, each more than once, all within less than the 5 s that a stub resolver waits. */
#ifndef EGRESSD_DNS_UPSTREAM_H
#define EGRESSD_DNS_UPSTREAM_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "dns/message.h"
#include "dns/servers.h"
#include "journal/counters.h"

struct upstream;
struct upstream_question;

struct upstream_options {
    uint32_t mark;     /* SO_MARK of every socket; 0: none */
    uint32_t try_ms;   /* silence of a server after which the next one is asked as well */
    uint32_t total_ms; /* after which there is no answer */
};
extern const struct upstream_options upstream_default_options;

int upstream_new(uv_loop_t *loop, const struct upstream_options *options, struct counters *counters,
                 struct upstream **ret_upstream);
/* Cancels what is under way. */
void upstream_close(struct upstream *upstream, void (*on_closed)(void *context), void *context);

/* status 0: answer is NOERROR or NXDOMAIN; borrowed for the call. Else: -ETIMEDOUT nobody answered,
 * -EREMOTEIO the servers say that they cannot, -EBADMSG or -ELOOP they answered nonsense, or what
 * the network said. It may ask anew, but not cancel other questions. */
typedef void upstream_on_answer(void *context, int status, const struct message_answer *answer);

/* When whoever asks now is to know at the latest, in terms of clock_now_ms. Several questions for
 * the sake of one client share what it was at the first. */
uint64_t upstream_deadline_ms(const struct upstream *upstream);

/* 0: on_answer runs exactly once, later, unless cancelled. Or -errno: it never runs. */
int upstream_ask(struct upstream *upstream, const char *name, uint16_t type,
                 const struct firewall_endpoint *servers, size_t server_count, uint64_t deadline_ms,
                 upstream_on_answer *on_answer, void *context,
                 struct upstream_question **ret_question);
void upstream_cancel(struct upstream_question *question);

/* Forgets which servers were silent: they changed, or the network did. */
void upstream_forget_silence(struct upstream *upstream);

#endif
