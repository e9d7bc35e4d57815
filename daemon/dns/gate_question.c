/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dns/gate_internal.h"

#define LOCALHOST_TTL_S 3600
#define TEXT_SIZE 384

static const struct address localhosts[] = {
    {ADDRESS_V4, {127, 0, 0, 1}},
    {ADDRESS_V6, {[15] = 1}},
};

static void send_reply(const struct gate_peer *peer, const struct message_question *question,
                       const struct message_reply *reply)
{
    static uint8_t buffer[2 + MESSAGE_TCP_MAX]; /* a length prefix may go before */
    size_t limit = peer->connection ? MESSAGE_TCP_MAX : question->udp_size;
    size_t size = message_write_reply(question, reply, buffer + 2, limit);

    if (peer->connection)
        gate_tcp_send(peer->connection, buffer + 2, size);
    else
        gate_udp_send(peer, buffer + 2, size);
}

static void send_rcode(const struct gate_peer *peer, const struct message_question *question,
                       enum message_rcode rcode)
{
    struct message_reply reply = {.rcode = rcode, .extended_error = MESSAGE_EXTENDED_NONE};

    send_reply(peer, question, &reply);
}

static const char *subject_of(const struct message_question *question)
{
    return question->name[0] ? question->name : "this name";
}

/* What people see in dig, and programs that log extended errors. */
static void send_with_text(const struct gate_peer *peer, const struct message_question *question,
                           enum message_rcode rcode, int extended_error, const char *subject,
                           const char *joint, const char *text)
{
    char full_text[TEXT_SIZE];
    struct message_reply reply = {
        .rcode = rcode,
        .extended_error = extended_error,
        .extended_text = full_text,
    };

    if (question->has_edns)
        snprintf(full_text, sizeof(full_text), "egressd: %s%s%s", subject, joint, text);
    send_reply(peer, question, &reply);
}

/* Only whether it is told, and why, is the caller's to say; the rest is found here. */
static void tell(struct gate *gate, const struct gate_peer *peer,
                 const struct message_question *question, struct gate_question_told told)
{
    if (!gate->on_told)
        return;
    told.name = question->name[0] ? question->name : NULL;
    told.protocol = peer->connection ? IPPROTO_TCP : IPPROTO_UDP;
    if (peer->connection && !told.is_granted) {
        gate_tcp_client(peer->connection, &told.client, &told.client_port);
        gate_tcp_destination(peer->connection, &told.server);
    } else if (!peer->connection) {
        address_from_sockaddr(&peer->address.any, &told.client, &told.client_port);
    }
    gate->on_told(gate->observer, &told);
}

/* NXDOMAIN by default: with it getaddrinfo fails at once and for good; after REFUSED it retries. */
static void refuse(struct gate *gate, const struct gate_peer *peer,
                   const struct message_question *question, enum journal_reason reason,
                   const char *subject, const char *why)
{
    bool says_refused = gate->policy && policy_refusal_answer(gate->policy) == POLICY_REFUSED;

    gate->counters->questions_refused++;
    tell(
        gate, peer, question,
        (struct gate_question_told){.reason = reason, .why = reason == JOURNAL_SPENT ? why : NULL});
    send_with_text(peer, question, says_refused ? MESSAGE_REFUSED : MESSAGE_NXDOMAIN,
                   MESSAGE_EXTENDED_BLOCKED, subject, *subject ? " " : "", why);
}

static void send_answer(const struct gate_question *asked, const struct resolver_answer *answer)
{
    const struct message_question *question = &asked->message;
    const struct gate_peer *peer = &asked->peer;
    struct gate *gate = asked->gate;
    struct message_reply reply = {
        .ttl_s = answer->ttl_s,
        .addresses = answer->addresses,
        .count = answer->count,
        .extended_error = answer->extended_error,
    };

    switch (answer->status) {
    case RESOLVER_OK:
        if (answer->count > 0 && !asked->is_told)
            tell(gate, peer, question, (struct gate_question_told){.is_granted = true});
        send_reply(peer, question, &reply);
        break;
    case RESOLVER_NO_NAME:
        reply.rcode = MESSAGE_NXDOMAIN;
        send_reply(peer, question, &reply);
        break;
    case RESOLVER_REFUSED:
        /* The name exists, and may have addresses of the other family that are fine. */
        if (answer->why) {
            tell(gate, peer, question,
                 (struct gate_question_told){.reason = JOURNAL_ANSWER, .why = answer->why});
            send_with_text(peer, question, MESSAGE_NOERROR, answer->extended_error,
                           subject_of(question), ": ", answer->why);
        } else {
            refuse(gate, peer, question, JOURNAL_NOT_LISTED, subject_of(question),
                   "is not on the allowlist");
        }
        break;
    case RESOLVER_SPENT:
        refuse(gate, peer, question, JOURNAL_SPENT, "",
               answer->why); /* the name may be as long as the text */
        break;
    case RESOLVER_FAILED:
        gate->counters->questions_failed++;
        send_with_text(peer, question, MESSAGE_SERVFAIL, answer->extended_error,
                       subject_of(question), ": ", answer->why);
        break;
    }
}

static struct gate_question **list_of(const struct gate_question *question)
{
    return question->peer.connection ? gate_tcp_questions(question->peer.connection)
                                     : &question->gate->questions;
}

static void link_question(struct gate_question *question)
{
    struct gate_question **list = list_of(question);

    question->previous = NULL;
    question->next = *list;
    if (question->next)
        question->next->previous = question;
    *list = question;
    question->gate->question_count++;
    if (question->peer.connection)
        gate_tcp_question_began(question->peer.connection);
}

static void unlink_question(struct gate_question *question)
{
    if (question->previous)
        question->previous->next = question->next;
    else
        *list_of(question) = question->next;
    if (question->next)
        question->next->previous = question->previous;
    question->gate->question_count--;
}

void gate_forget_questions(struct gate_question **questions)
{
    while (*questions) {
        struct gate_question *question = *questions;

        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the first has left the list */
        resolver_cancel(question->waiter);
        unlink_question(question);
        free(question);
    }
}

static void on_answer(void *context, const struct resolver_answer *answer)
{
    struct gate_question *question = context;
    struct gate_connection *connection = question->peer.connection;

    if (!question->waiter) { /* from within resolver_ask: whoever called has the question */
        send_answer(question, answer);
        return;
    }
    unlink_question(question); /* before sending, which may close the connection with its list */
    send_answer(question, answer);
    free(question);
    if (connection)
        gate_tcp_question_ended(connection);
}

/* True: the question waits for the resolver now. */
static bool ask_resolver(struct gate_question *question)
{
    const struct message_question *message = &question->message;
    struct gate *gate = question->gate;

    if (gate->question_count >= GATE_QUESTIONS_MAX) {
        gate->counters->questions_failed++;
        send_rcode(&question->peer, message, MESSAGE_SERVFAIL);
        return false;
    }
    question->waiter = NULL;
    question->waiter = resolver_ask(gate->resolver, message->name,
                                    message->type == MESSAGE_A ? ADDRESS_V4 : ADDRESS_V6,
                                    gate->route, on_answer, question);
    if (!question->waiter)
        return false;
    link_question(question);
    return true;
}

/* RFC 6761 6.3. Opens nothing: the kernel lets loopback through anyway. */
static bool is_localhost(const char *name)
{
    const char *last = strrchr(name, '.');

    return strcmp(last ? last + 1 : name, "localhost") == 0;
}

static void answer_localhost(const struct gate_peer *peer, const struct message_question *question)
{
    struct message_reply reply = {
        .ttl_s = LOCALHOST_TTL_S,
        .addresses = &localhosts[question->type == MESSAGE_AAAA],
        .count = question->type == MESSAGE_A || question->type == MESSAGE_AAAA,
        .extended_error = MESSAGE_EXTENDED_NONE,
    };

    send_reply(peer, question, &reply);
}

static void tell_watcher(struct gate *gate, struct gate_connection *connection)
{
    struct address destination;

    if (!connection)
        return;
    if (gate_tcp_destination(connection, &destination) == 0)
        gate->on_seen(gate->watcher, &destination);
    gate_tcp_close(connection);
}

/* --- audit mode ------------------------------------------------------------------------------- */

static bool is_audit(const struct gate *gate)
{
    return gate->policy && policy_mode(gate->policy) == POLICY_AUDIT;
}

/* What some policy could allow. */
static bool is_let_through(const struct gate *gate, const struct message_question *question)
{
    return is_audit(gate) && question->is_internet && question->name[0] &&
           question->type != MESSAGE_PTR;
}

static void tell_refusal(struct gate_question *question, enum journal_reason reason,
                         const char *why)
{
    tell(question->gate, &question->peer, &question->message,
         (struct gate_question_told){.reason = reason, .why = why});
    question->is_told = true; /* no grant besides */
}

static void tell_what_enforce_refuses(struct gate_question *question, const struct verdict *verdict)
{
    const char *name = question->message.name;
    enum budget_standing standing;
    char why[BUDGET_TEXT_SIZE];

    if (!verdict->allowed) {
        tell_refusal(question,
                     verdict->reason == VERDICT_DENIED ? JOURNAL_DENIED : JOURNAL_NOT_LISTED, NULL);
        return;
    }
    standing = resolver_budget_standing(question->gate->resolver, verdict->entry, name);
    if (budget_refuses(standing))
        tell_refusal(question, JOURNAL_SPENT, budgets_explain(verdict->entry, standing, why));
}

/* --- deciding --------------------------------------------------------------------------------- */

/* True: the question waits for the resolver now. */
static bool decide(struct gate_question *question)
{
    const struct message_question *message = &question->message;
    struct gate *gate = question->gate;
    struct verdict verdict = {.reason = VERDICT_NOT_LISTED};
    bool passes;

    if (message->rcode != MESSAGE_NOERROR) {
        send_rcode(&question->peer, message, message->rcode);
        return false;
    }
    if (gate->watched_name[0] && strcmp(message->name, gate->watched_name) == 0) {
        tell_watcher(gate, question->peer.connection);
        return false;
    }
    if (message->is_internet && is_localhost(message->name)) {
        answer_localhost(&question->peer, message);
        return false;
    }
    if (gate->policy && message->is_internet && message->name[0])
        verdict = policy_judge_name(gate->policy, message->name);
    passes = verdict.allowed || is_let_through(gate, message);
    if (!passes && message->type == MESSAGE_PTR) {
        send_rcode(&question->peer, message, MESSAGE_NXDOMAIN); /* nobody tried to get anywhere */
        return false;
    }
    if (!passes) {
        if (verdict.reason == VERDICT_DENIED)
            refuse(gate, &question->peer, message, JOURNAL_DENIED, subject_of(message),
                   "is denied");
        else
            refuse(gate, &question->peer, message, JOURNAL_NOT_LISTED, subject_of(message),
                   "is not on the allowlist");
        return false;
    }
    if (is_audit(gate))
        tell_what_enforce_refuses(question, &verdict);
    if (message->type == MESSAGE_A || message->type == MESSAGE_AAAA)
        return ask_resolver(question);
    send_rcode(&question->peer, message,
               MESSAGE_NOERROR); /* the name is there, such records are not */
    return false;
}

void gate_take_message(struct gate *gate, const struct gate_peer *peer, const uint8_t *bytes,
                       size_t size)
{
    struct gate_question *question = gate->spare;

    gate->spare = NULL;
    if (!question)
        question = xcalloc(1, sizeof(*question));
    question->gate = gate;
    question->peer = *peer;
    question->is_told = false;
    if (message_read_question(bytes, size, &question->message) == 0) {
        gate->counters->questions++;
        if (decide(question))
            return;
    }
    gate->spare = question;
}
