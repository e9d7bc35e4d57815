/* SPDX-License-Identifier: MIT */
#include "egressctl/diagnosis.h"

#include <errno.h>
#include <json-c/json.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "control/request.h"
#include "control/target.h"
#include "egressctl/screen.h"
#include "egressctl/trial.h"

#define SENTENCE_SIZE 1024

/* --- what happened ---------------------------------------------------------------------------- */

static const char *result_text(enum attempt_result result)
{
    static const char *const texts[] = {
        [ATTEMPT_CONNECTED] = "connected",
        [ATTEMPT_ANSWERED] = "answered",
        [ATTEMPT_SENT] = "sent",
        [ATTEMPT_FAILED] = "failed",
    };

    return texts[result];
}

static const char *resolve_error_text(int error)
{
    switch (error) {
    case EAI_NONAME:
        return "EAI_NONAME";
    case EAI_NODATA:
        return "EAI_NODATA";
    case EAI_AGAIN:
        return "EAI_AGAIN";
    case EAI_FAIL:
        return "EAI_FAIL";
    default:
        return "EAI_SYSTEM";
    }
}

bool diagnosis_is_reached(const struct diagnosis *about)
{
    for (size_t i = 0; i < about->trial->count; i++) {
        if (about->trial->attempts[i].result != ATTEMPT_FAILED)
            return true;
    }
    return false;
}

static struct json_object *describe_attempts(const struct trial *trial)
{
    struct json_object *attempts = json_object_new_array();

    for (size_t i = 0; i < trial->count; i++) {
        const struct attempt *attempt = &trial->attempts[i];
        struct json_object *object = json_object_new_object();
        char address[ADDRESS_TEXT_SIZE];

        reply_add_text(object, "address", address_format(&attempt->address, address));
        reply_add_text(object, "result", result_text(attempt->result));
        reply_add_text(object, "error",
                       attempt->result == ATTEMPT_FAILED ? strerrorname_np(attempt->error) : NULL);
        reply_add_number(object, "took_ms", attempt->took_ms);
        json_object_array_add(attempts, object);
    }
    return attempts;
}

/* --- whose doing it was ----------------------------------------------------------------------- */

enum cause { CAUSE_NONE, CAUSE_POLICY, CAUSE_NAME, CAUSE_NETWORK, CAUSE_SERVER, CAUSE_UNKNOWN };

static const char *cause_text(enum cause cause)
{
    static const char *const texts[] = {
        [CAUSE_POLICY] = "policy", [CAUSE_NAME] = "name",       [CAUSE_NETWORK] = "network",
        [CAUSE_SERVER] = "server", [CAUSE_UNKNOWN] = "unknown",
    };

    return texts[cause];
}

static bool allows(struct json_object *explanation)
{
    return json_object_get_boolean(screen_member(explanation, "allowed"));
}

/* No policy is asked about what stays in the container. */
static bool is_loopback(const struct trial *trial)
{
    static const struct prefix v4 = {{ADDRESS_V4, {127}}, 8};
    static const struct prefix v6 = {{ADDRESS_V6, {[15] = 1}}, 128};

    for (size_t i = 0; i < trial->count; i++) {
        const struct address *address = &trial->attempts[i].address;

        if (!prefix_contains(&v4, address) && !prefix_contains(&v6, address))
            return false;
    }
    return trial->count > 0;
}

/* Of several failures the one that tells most: that somebody refused, before that nobody answered,
 * before that there is no way (as there is none for IPv6 on many machines). */
static int telling_error(const struct trial *trial)
{
    int error = 0;

    for (size_t i = 0; i < trial->count; i++) {
        int other = trial->attempts[i].error;

        if (error == 0 || other == ECONNREFUSED || (other == ETIMEDOUT && error != ECONNREFUSED))
            error = other;
    }
    return error;
}

static enum cause find_cause(const struct diagnosis *about)
{
    const struct trial *trial = about->trial;

    if (diagnosis_is_reached(about))
        return CAUSE_NONE;
    if (is_loopback(trial))
        return CAUSE_SERVER;
    if (!about->explanation)
        return CAUSE_UNKNOWN;
    if (!allows(about->explanation) && !about->is_audit)
        return CAUSE_POLICY;
    if (trial->resolve_error != 0)
        return trial->resolve_error == EAI_AGAIN ? CAUSE_NETWORK : CAUSE_NAME;
    if (about->address_explanation && !allows(about->address_explanation) && !about->is_audit)
        return CAUSE_POLICY;
    return telling_error(trial) == ECONNREFUSED ? CAUSE_SERVER : CAUSE_NETWORK;
}

/* --- in words --------------------------------------------------------------------------------- */

static const char *what_was_reached(const struct diagnosis *about)
{
    bool answered = false;

    for (size_t i = 0; i < about->trial->count; i++)
        answered = answered || about->trial->attempts[i].result == ATTEMPT_ANSWERED;
    if (is_loopback(about->trial))
        return "it is in this container, where nothing is refused";
    if (!about->explanation)
        return "it was reached, but egressd does not answer: perhaps nothing is held back here";
    if (about->is_audit && !allows(about->explanation))
        return "it was reached because of audit mode: the policy does not allow it";
    if (!allows(about->explanation))
        return "it was reached although no entry allows it: it is an address of this container";
    if (about->target->protocol == IPPROTO_UDP && !answered)
        return "a datagram left, and no error came back: whether it arrived, nobody says";
    return "the policy allows it, and it was reached";
}

static const char *what_failed(const struct diagnosis *about, enum cause cause,
                               char text[static SENTENCE_SIZE])
{
    const char *last_error = screen_text(about->explanation, "last_error");

    switch (cause) {
    case CAUSE_POLICY:
        snprintf(text, SENTENCE_SIZE, "egressd refused it: %s",
                 screen_text(allows(about->explanation) ? about->address_explanation
                                                        : about->explanation,
                             "reason"));
        return text;
    case CAUSE_NAME:
        snprintf(text, SENTENCE_SIZE, "the policy allows the name, but it leads nowhere%s%s",
                 *last_error ? ": " : "", last_error);
        return text;
    case CAUSE_NETWORK:
        if (about->trial->resolve_error != 0)
            snprintf(text, SENTENCE_SIZE,
                     "the policy allows the name, but no DNS server answers%s%s",
                     *last_error ? ": " : "", last_error);
        else
            snprintf(text, SENTENCE_SIZE,
                     "the policy allows it, but the network does not lead there: %s",
                     strerror(telling_error(about->trial)));
        return text;
    case CAUSE_SERVER:
        if (is_loopback(about->trial))
            return "it is in this container, where nothing is refused, but nobody listens there";
        return "the policy allows it and the way is open, but the server refuses the connection";
    default:
        return "it was not reached, and egressd does not answer: whose doing it was cannot be told";
    }
}

static const char *what_to_add(const struct diagnosis *about, char text[static SENTENCE_SIZE])
{
    struct json_object *suggestion = screen_member(about->explanation, "suggestion");
    const char *note = screen_text(about->explanation, "note");

    if (allows(about->explanation))
        return "the name may lead to another address here than in DNS: see /etc/hosts";
    if (!suggestion)
        return *note ? note : "see 'egressctl status'";
    if (*screen_text(suggestion, "entry"))
        snprintf(text, SENTENCE_SIZE, "to allow it, add \"%s\" to \"%s\" in %s; then %s",
                 screen_text(suggestion, "entry"), screen_text(suggestion, "list"),
                 screen_text(suggestion, "where"), screen_text(suggestion, "then"));
    else
        snprintf(text, SENTENCE_SIZE, "to allow it, take that entry out of \"%s\" in %s; then %s",
                 screen_text(suggestion, "list"), screen_text(suggestion, "where"),
                 screen_text(suggestion, "then"));
    return text;
}

static const char *what_next(const struct diagnosis *about, enum cause cause,
                             char text[static SENTENCE_SIZE])
{
    const char *note = screen_text(about->explanation, "note");

    switch (cause) {
    case CAUSE_NONE:
        return about->explanation ? NULL
                                  : "see the container's log, in lines that begin with "
                                    "'egressd:'";
    case CAUSE_POLICY:
        return what_to_add(about, text);
    case CAUSE_NAME:
        return *note ? note : "see that it is spelled right, and that the name exists outside";
    case CAUSE_NETWORK:
        return "it is not egressd, which refuses at once: see the network outside this container "
               "(VPN, proxy, another firewall)";
    case CAUSE_SERVER:
        return "see that the server runs, and that this is its port";
    case CAUSE_UNKNOWN:
        return "see the container's log, in lines that begin with 'egressd:'; while egressd does "
               "not run, no name resolves";
    }
    return NULL;
}

struct json_object *diagnosis_describe(const struct diagnosis *about)
{
    enum cause cause = find_cause(about);
    struct json_object *reply = reply_new();
    char text[SENTENCE_SIZE];

    reply_add_text(reply, "host", about->target->host);
    reply_add_number(reply, "port", about->target->port);
    reply_add_text(reply, "protocol", about->target->protocol == IPPROTO_UDP ? "udp" : "tcp");
    json_object_object_add(reply, "reached", json_object_new_boolean(cause == CAUSE_NONE));
    reply_add_text(
        reply, "resolve_error",
        about->trial->resolve_error != 0 ? resolve_error_text(about->trial->resolve_error) : NULL);
    json_object_object_add(reply, "attempts", describe_attempts(about->trial));
    reply_add_text(reply, "cause", cause_text(cause));
    reply_add_text(reply, "what",
                   cause == CAUSE_NONE ? what_was_reached(about) : what_failed(about, cause, text));
    reply_add_text(reply, "next", what_next(about, cause, text));
    json_object_object_add(reply, "explanation", json_object_get(about->explanation));
    return reply;
}
