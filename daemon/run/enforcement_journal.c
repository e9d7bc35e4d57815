/* SPDX-License-Identifier: MIT */
/* What is refused and granted, written down for people: what the gates say, and what the kernel
 * tells. */
#include "run/enforcement_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "dns/gate.h"
#include "dns/resolver.h"
#include "firewall/firewall.h"
#include "firewall/leases.h"
#include "firewall/owner.h"
#include "firewall/refusals.h"
#include "journal/journal.h"
#include "journal/judge.h"
#include "journal/names.h"
#include "run/asker.h"

#define DNS_PORT 53

static enum journal_verdict refused(const struct enforcement *enforcement)
{
    return policy_mode(enforcement_policy(enforcement)) == POLICY_AUDIT ? JOURNAL_WOULD_REFUSE
                                                                        : JOURNAL_REFUSED;
}

/* Of what is new: whose is it? What a container inside sends is no socket of ours. What the kernel
 * said of a packet itself counts for more than whose socket has its port by now. */
static void record(struct enforcement *enforcement, struct journal_event event,
                   const struct owner_question *question)
{
    struct asker asker;

    if (event.via == JOURNAL_VIA_OUT && !journal_knows_user(enforcement->journal, &event) &&
        askers_find(enforcement->askers, question, &asker) == 0 &&
        (event.uid == JOURNAL_NO_USER || event.uid == asker.uid)) {
        event.uid = asker.uid;
        if (asker.program.process[0]) {
            event.process = asker.program.process;
            event.command = asker.program.command;
        }
    }
    journal_record(enforcement->journal, &event, clock_now_ms());
}

/* --- questions -------------------------------------------------------------------------------- */

static void record_question(struct enforcement *enforcement, enum journal_via via,
                            const struct gate_question_told *told)
{
    const struct owner_question question = {
        .protocol = told->protocol,
        .local = told->client,
        .remote = told->server,
        .local_port = told->client_port,
        .remote_port = DNS_PORT,
    };
    const struct journal_event event = {
        .kind = told->is_granted ? JOURNAL_GRANT : JOURNAL_QUESTION,
        .verdict = told->is_granted ? JOURNAL_GRANTED : refused(enforcement),
        .via = via,
        .reason = told->reason,
        .name = told->name,
        .protocol = JOURNAL_NO_PROTOCOL,
        .port = JOURNAL_NO_PORT,
        .uid = JOURNAL_NO_USER,
        .detail = told->why,
    };

    if (told->is_granted)
        journal_record(enforcement->journal, &event, clock_now_ms());
    else
        record(enforcement, event, &question);
}

static void on_told(void *context, const struct gate_question_told *told)
{
    record_question(context, JOURNAL_VIA_OUT, told);
}

static void on_told_inside(void *context, const struct gate_question_told *told)
{
    record_question(context, JOURNAL_VIA_FORWARD, told);
}

static void on_addresses(void *context, const char *name, const struct address *addresses,
                         size_t count)
{
    struct enforcement *enforcement = context;

    for (size_t i = 0; i < count; i++)
        names_learn(enforcement->names, &addresses[i], name);
}

void enforcement_observe_gates(struct enforcement *enforcement)
{
    resolver_observe_addresses(enforcement->resolver, on_addresses, enforcement);
    gate_observe(enforcement->gate, on_told, enforcement);
    gate_observe(enforcement->inner_gate, on_told_inside, enforcement);
}

static void on_lease(void *context, const struct lease_view *lease)
{
    on_addresses(context, lease->name, &lease->address, 1);
}

void enforcement_learn_names(struct enforcement *enforcement)
{
    leases_each(enforcement->leases, on_lease, enforcement);
}

/* --- packets ---------------------------------------------------------------------------------- */

/* A connection that is reset has no socket any more when we hear of it. */
static bool lives_on(const struct refusal *refusal, enum journal_verdict verdict)
{
    if (refusal->source_port == REFUSAL_NO_PORT)
        return false;
    return refusal->protocol == IPPROTO_UDP ||
           (refusal->protocol == IPPROTO_TCP && verdict == JOURNAL_WOULD_REFUSE);
}

static void on_refusal(void *context, const struct refusal *refusal)
{
    struct enforcement *enforcement = context;
    struct journal_event event = {
        .kind = JOURNAL_PACKET,
        .verdict = refusal->is_forbidden ? JOURNAL_REFUSED : refused(enforcement),
        .reason = JOURNAL_FORBIDDEN,
        .via = refusal->is_forwarded ? JOURNAL_VIA_FORWARD : JOURNAL_VIA_OUT,
        .address = refusal->destination,
        .protocol = refusal->protocol,
        .port = refusal->port,
        .uid = refusal->uid,
    };
    const struct owner_question question = {
        .protocol = refusal->protocol,
        .local = refusal->source,
        .remote = refusal->destination,
        .local_port = (uint16_t)refusal->source_port,
        .remote_port = (uint16_t)refusal->port,
    };

    event.name = names_find(enforcement->names, &refusal->destination, &event.names_more);
    if (!refusal->is_forbidden)
        journal_judge_packet(enforcement_policy(enforcement), &event);
    if (lives_on(refusal, event.verdict))
        record(enforcement, event, &question);
    else
        journal_record(enforcement->journal, &event, clock_now_ms());
}

/* Counted first and heard then: whatever was told of these is heard. */
void enforcement_count_refused(struct enforcement *enforcement)
{
    struct refusals *refusals = enforcement->refusals;
    uint64_t counted = 0, heard, told;

    enforcement->counted_ms = clock_now_ms();
    if (!refusals)
        return;
    if (refusals_count(enforcement->firewall, &counted) < 0) {
        enforcement->untold = refusals_lost(refusals);
        return;
    }
    do {
        heard = refusals_heard(refusals);
        refusals_read(refusals, on_refusal, enforcement);
    } while (refusals_heard(refusals) > heard);
    if (counted < enforcement->refused) /* a load has begun anew */
        enforcement->refused_before += enforcement->refused;
    enforcement->refused = counted;
    counted += enforcement->refused_before;
    told = refusals_heard(refusals);
    if (counted > told && counted - told > enforcement->untold)
        enforcement->untold = counted - told;
}

static void on_refused(uv_poll_t *poll, int status, int events)
{
    struct enforcement *enforcement = poll->data;

    (void)events;
    refusals_read(enforcement->refusals, on_refusal, enforcement);
    if (status < 0) /* an overflow; libuv listens no more */
        uv_poll_start(poll, UV_READABLE, on_refused);
}

void enforcement_hear_refusals(struct enforcement *enforcement)
{
    const char *why = NULL;
    int r;

    if (enforcement->refusals)
        return;
    r = refusals_open(&enforcement->refusals);
    if (r == -EBUSY)
        why = "another program takes what the kernel tells of refused connections (nflog group 5): "
              "they are refused, but not shown";
    else if (r < 0)
        why = "this kernel does not tell which connections are refused (nfnetlink_log): they are "
              "refused, but not shown";
    else if (uv_poll_init(enforcement->loop, &enforcement->refused_news,
                          refusals_fd(enforcement->refusals)) < 0)
        why =
            "no room to listen to what the kernel tells of refused connections: they are refused, "
            "but not shown";
    if (why && why != enforcement->untellable)
        log_warning("%s", why);
    enforcement->untellable = why;
    if (why) {
        refusals_close(enforcement->refusals);
        enforcement->refusals = NULL;
        return;
    }
    enforcement->refused_news.data = enforcement;
    uv_poll_start(&enforcement->refused_news, UV_READABLE, on_refused);
}

/* --- life ------------------------------------------------------------------------------------- */

void enforcement_open_journal(struct enforcement *enforcement, int witness)
{
    enforcement->journal = journal_new(clock_now_ms());
    enforcement->names = names_new();
    enforcement->askers = askers_new(witness);
}

void enforcement_free_journal(struct enforcement *enforcement)
{
    journal_free(enforcement->journal);
    names_free(enforcement->names);
    askers_free(enforcement->askers);
}

static void on_refused_closed(uv_handle_t *handle)
{
    struct enforcement *enforcement = handle->data;

    refusals_close(enforcement->refusals);
    enforcement->on_deaf(enforcement);
}

void enforcement_stop_hearing(struct enforcement *enforcement, void (*on_deaf)(void *context))
{
    enforcement->on_deaf = on_deaf;
    uv_close((uv_handle_t *)&enforcement->refused_news, on_refused_closed);
}
