/* SPDX-License-Identifier: MIT */
/* From a client's bytes to our reply, with a resolver that says what the input wants. The reply is
 * a message that can be read, carries nothing of the client's but id, flags and the question, no
 * address that the resolver did not give, says when it was cut short; and the resolver hears only
 * of names that the policy allows. */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/make_policy.h"
#include "dns/gate_internal.h"
#include "plain_dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FLAG_QR 0x8000
#define FLAG_TC 0x0200
#define OPCODE_AND_RD_CD 0x7910
#define OPTION_EXTENDED_ERROR 15
#define ADDRESSES_MAX 200
#define BY_TCP 0x80
#define AT_ONCE 0x40
#define WATCHED 0x20
#define STATUS_MASK 0x07

struct resolver_waiter {
    resolver_on_answer *on_answer;
    void *context;
};

static struct {
    const uint8_t *question;
    size_t size;
    uint8_t how; /* flags above */
    size_t address_count;
    bool was_asked;
    struct address given[ADDRESSES_MAX];
    struct resolver_waiter waiter; /* on_answer NULL: nobody waits */
    struct gate_question *of_connection;
    unsigned waiting, replies;
    size_t limit;
} now;

static struct policy *policy;

static enum resolver_status wanted_status(void)
{
    return (enum resolver_status)((now.how & STATUS_MASK) % (RESOLVER_FAILED + 1));
}

/* --- what the gate gives back ----------------------------------------------------------------- */

static bool was_given(const struct plain_record *record)
{
    static const uint8_t localhost[16] = {[15] = 1};

    for (size_t i = 0; now.was_asked && i < now.address_count; i++)
        if (address_size(&now.given[i]) == record->size &&
            memcmp(now.given[i].bytes, record->data, record->size) == 0)
            return true;
    return !now.was_asked && (record->size == 4 ? memcmp(record->data, "\x7f\0\0\1", 4)
                                                : memcmp(record->data, localhost, 16)) == 0;
}

static void check_answers(const struct plain_message *reply)
{
    for (size_t i = 0; i < reply->counts[PLAIN_ANSWER]; i++) {
        const struct plain_record *record = &reply->records[i];
        struct plain_name asked;
        size_t end;

        assert(plain_read_name(reply->bytes, reply->size, 12, &asked, &end));
        assert(plain_name_equal(&record->owner, &asked));
        assert(record->class == 1);
        assert((record->type == MESSAGE_A && record->size == 4) ||
               (record->type == MESSAGE_AAAA && record->size == 16));
        assert(was_given(record));
    }
}

/* Our own words, in which the name asked for may stand. */
static void check_opt(const struct plain_record *opt)
{
    const uint8_t *data = opt->data;

    assert(opt->section == PLAIN_ADDITIONAL && opt->type == MESSAGE_OPT && opt->owner.size == 1);
    assert(opt->class == MESSAGE_UDP_EDNS);
    if (opt->size == 0)
        return;
    assert(opt->size >= 6 && data[0] == 0 && data[1] == OPTION_EXTENDED_ERROR);
    assert(opt->size == 4u + (size_t)(data[2] << 8 | data[3]));
    for (size_t i = 6; i < opt->size; i++)
        assert(isprint(data[i]));
}

static void check_reply(const uint8_t *bytes, size_t size)
{
    static struct plain_message reply;
    size_t section_size;
    bool is_cut;

    now.replies++;
    assert(now.replies == 1);
    assert(size <= now.limit);
    assert(plain_read(bytes, size, &reply) && reply.end == size);
    assert(reply.flags & FLAG_QR);
    assert(memcmp(bytes, now.question, 2) == 0);
    assert(((reply.flags ^ (now.question[2] << 8 | now.question[3])) & OPCODE_AND_RD_CD) == 0);
    assert(reply.question_count <= 1 && reply.counts[PLAIN_AUTHORITY] == 0 &&
           reply.counts[PLAIN_ADDITIONAL] <= 1);

    section_size = reply.question_end - 12;
    assert(section_size == 0 || (now.size >= 12 + section_size &&
                                 memcmp(bytes + 12, now.question + 12, section_size) == 0));
    check_answers(&reply);
    if (reply.counts[PLAIN_ADDITIONAL] > 0)
        check_opt(&reply.records[reply.record_count - 1]);
    is_cut = now.was_asked && wanted_status() == RESOLVER_OK &&
             reply.counts[PLAIN_ANSWER] < now.address_count;
    assert(!(reply.flags & FLAG_TC) == !is_cut);
}

/* --- in place of gate_udp.c and gate_tcp.c ---------------------------------------------------- */

void gate_udp_send(const struct gate_peer *peer, uint8_t *bytes, size_t size)
{
    assert(!peer->connection);
    check_reply(bytes, size);
}

void gate_tcp_send(struct gate_connection *connection, uint8_t *bytes, size_t size)
{
    assert(connection);
    memset(bytes - 2, 0, 2); /* there is room for the prefix */
    check_reply(bytes, size);
}

struct gate_question **gate_tcp_questions(struct gate_connection *connection)
{
    (void)connection;
    return &now.of_connection;
}

void gate_tcp_question_began(struct gate_connection *connection)
{
    (void)connection;
    now.waiting++;
}

void gate_tcp_question_ended(struct gate_connection *connection)
{
    (void)connection;
    now.waiting--;
}

int gate_tcp_client(const struct gate_connection *connection, struct address *ret_client,
                    uint16_t *ret_port)
{
    (void)connection;
    *ret_client = (struct address){ADDRESS_V4, {192, 0, 2, 7}};
    *ret_port = 40000;
    return 0;
}

int gate_tcp_destination(const struct gate_connection *connection, struct address *ret_destination)
{
    (void)connection;
    *ret_destination = (struct address){ADDRESS_V4, {192, 0, 2, 53}};
    return 0;
}

void gate_tcp_close(struct gate_connection *connection)
{
    (void)connection;
}

/* --- in place of resolver.c ------------------------------------------------------------------- */

static void answer(resolver_on_answer *on_answer, void *context)
{
    enum resolver_status status = wanted_status();
    const struct resolver_answer answer = {
        .status = status,
        .ttl_s = 300,
        .final_name = "final.example",
        .addresses = now.given,
        .count = status == RESOLVER_OK ? now.address_count : 0,
        .why = status == RESOLVER_FAILED || status == RESOLVER_SPENT ? "a few words" : NULL,
        .extended_error = MESSAGE_EXTENDED_NETWORK,
    };

    on_answer(context, &answer);
}

struct resolver_waiter *resolver_ask(struct resolver *resolver, const char *name,
                                     enum address_family family, enum resolver_route route,
                                     resolver_on_answer *on_answer, void *context)
{
    (void)resolver;
    (void)route;
    assert(policy_judge_name(policy, name).allowed);
    now.was_asked = true;
    for (size_t i = 0; i < now.address_count; i++) {
        now.given[i] = (struct address){.family = family};
        memcpy(now.given[i].bytes, "\x20\x01\x0d\xb8", 4);
        now.given[i].bytes[3] = (uint8_t)i;
    }
    if (now.how & AT_ONCE) {
        answer(on_answer, context);
        return NULL;
    }
    now.waiter = (struct resolver_waiter){on_answer, context};
    return &now.waiter;
}

void resolver_cancel(struct resolver_waiter *waiter)
{
    assert(waiter == &now.waiter && waiter->on_answer);
    waiter->on_answer = NULL;
}

enum budget_standing resolver_budget_standing(const struct resolver *resolver,
                                              const struct entry *entry, const char *name)
{
    (void)resolver;
    (void)entry;
    (void)name;
    return BUDGET_NONE;
}

/* --- the input -------------------------------------------------------------------------------- */

static void on_seen(void *context, const struct address *destination)
{
    (void)destination;
    ++*(unsigned *)context;
}

static void end_of_waiting(struct gate *gate, uint8_t how)
{
    struct gate_question **list = how & BY_TCP ? &now.of_connection : &gate->questions;
    struct resolver_waiter waiter = now.waiter;

    assert(gate->question_count == 1 && *list);
    if (now.address_count == 1) {
        gate_forget_questions(list); /* the client is gone */
    } else {
        now.waiter.on_answer = NULL;
        answer(waiter.on_answer, waiter.context);
    }
    assert(!*list && !now.waiter.on_answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const allow[] = {"www.example", "*.wild.example", "db:5432", NULL};
    static const char *const deny[] = {"denied.wild.example", NULL};
    struct gate_connection *connection = (struct gate_connection *)(void *)&now;
    struct counters counters = {0};
    struct gate gate = {.counters = &counters};
    struct gate_peer peer = {.connection = NULL};
    struct message_question question;
    unsigned seen = 0;

    if (!policy)
        policy = make_policy(allow, deny);
    if (size < 2)
        return 0;
    memset(&now, 0, sizeof(now));
    now.how = data[0];
    now.address_count = data[1] % ADDRESSES_MAX;
    now.question = data + 2;
    now.size = size - 2;
    now.limit = MESSAGE_TCP_MAX;
    if (now.how & BY_TCP)
        peer.connection = connection;
    else if (message_read_question(now.question, now.size, &question) == 0)
        now.limit = question.udp_size;
    gate.policy = policy;
    if (now.how & WATCHED) {
        memcpy(gate.watched_name, "secret.invalid", sizeof("secret.invalid"));
        gate.on_seen = on_seen;
        gate.watcher = &seen;
    }

    gate_take_message(&gate, &peer, now.question, now.size);
    if (now.waiter.on_answer)
        end_of_waiting(&gate, now.how);
    assert(now.waiting == 0 || now.address_count == 1);
    assert(gate.question_count == 0);
    assert(seen == 0 || (now.replies == 0 && peer.connection));
    assert(now.size < 12 || !(now.question[2] & 0x80) || now.replies == 0);
    free(gate.spare);
    return 0;
}
