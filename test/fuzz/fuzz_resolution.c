/* SPDX-License-Identifier: MIT */
/* From the bytes of upstreams, however they lie, to what is granted: only addresses that the chain
 * of the asked name owns, none in a special range, none when the chain leads over a denied name,
 * none after the policy refuses the name; for longer than the client is told; and the client is
 * told nothing that is not granted.
 *
 * The input is a list of steps: what happens (below), and for a reply its length (16 bits) and all
 * that comes behind its header's flags and the question, which are ours. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/make_policy.h"
#include "base/cursor.h"
#include "dns/exchange.h"
#include "dns/resolver.h"
#include "dns/upstream.h"
#include "plain_dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EXCHANGES_MAX 64
#define STEPS_MAX 64
#define RELATIONS_MAX 256
#define GRANTED_MAX 2048
#define GRACE_S 60

static const char asked_name[] = "a.wild.example";
static const char denied_name[] = "denied.example";

struct exchange {
    exchange_on_reply *on_reply; /* NULL: free */
    void *context;
    char name[WIRE_NAME_TEXT_SIZE];
    uint16_t type;
};

/* What any reply has said so far: owner -> target of a CNAME, or owner -> address. */
struct relation {
    struct plain_name owner, target;
    struct address address; /* family NONE: a CNAME */
};

static struct {
    struct exchange exchanges[EXCHANGES_MAX];
    struct relation relations[RELATIONS_MAX];
    size_t relation_count;
    struct address granted[GRANTED_MAX];
    size_t granted_count;
    uint32_t lifetime_s; /* of the last grant */
    const struct policy *policy;
    bool is_full; /* the kernel refuses */
} world;

static struct policy *policies[2]; /* allowing, refusing */
static uv_loop_t loop;

/* --- what must hold --------------------------------------------------------------------------- */

/* RFC 6890 and IANA's registries once more, as a plain list. */
static bool is_special(const struct address *address)
{
    static const char *const prefixes[] = {
        "0.0.0.0/8",     "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4",   "240.0.0.0/4", "::/96",
        "::ffff:0:0/96", "64:ff9b::/96",   "2001::/32",     "2002::/16",   "fc00::/7",
        "fe80::/10",     "ff00::/8",
    };
    struct prefix prefix;

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (prefix_parse(prefixes[i], &prefix) < 0)
            abort();
        if (prefix_contains(&prefix, address))
            return true;
    }
    return false;
}

/* Whether some way along the CNAMEs leads from the name to the address. */
static bool leads_to(const struct plain_name *from, const struct address *address, unsigned depth)
{
    for (size_t i = 0; depth > 0 && i < world.relation_count; i++) {
        const struct relation *relation = &world.relations[i];

        if (!plain_name_equal(&relation->owner, from))
            continue;
        if (relation->address.family == ADDRESS_NONE
                ? leads_to(&relation->target, address, depth - 1)
                : address_equal(&relation->address, address))
            return true;
    }
    return false;
}

static bool is_granted(const struct address *address)
{
    for (size_t i = 0; i < world.granted_count; i++)
        if (address_equal(&world.granted[i], address))
            return true;
    return false;
}

static void check_grant(const struct address *address)
{
    struct plain_name asked = plain_name_of(asked_name);

    assert(!is_special(address));
    assert(leads_to(&asked, address, MESSAGE_CHAIN_MAX + 2));
}

static void on_answer(void *context, const struct resolver_answer *answer)
{
    --*(unsigned *)context;
    assert(answer->count == 0 || answer->status == RESOLVER_OK);
    assert(answer->count == 0 || world.lifetime_s > answer->ttl_s);
    for (size_t i = 0; i < answer->count; i++)
        assert(is_granted(&answer->addresses[i]));
}

/* --- in place of leases.c --------------------------------------------------------------------- */

int leases_grant(struct leases *leases, const struct lease_grant *grant)
{
    (void)leases;
    assert(strcmp(grant->name, asked_name) == 0);
    assert(policy_judge_name(world.policy, grant->name).allowed);
    assert(grant->lifetime_s >= GRACE_S);
    assert(grant->count > 0 && grant->count <= LEASE_GRANT_MAX);
    for (size_t i = 0; i < grant->count; i++) {
        assert(grant->services[i] != 0);
        check_grant(&grant->addresses[i]);
    }
    if (world.is_full)
        return -ENFILE;
    world.lifetime_s = grant->lifetime_s;
    for (size_t i = 0; i < grant->count && world.granted_count < GRANTED_MAX; i++)
        if (!is_granted(&grant->addresses[i]))
            world.granted[world.granted_count++] = grant->addresses[i];
    return 0;
}

/* --- in place of exchange.c ------------------------------------------------------------------- */

int exchanger_new(uv_loop_t *of_loop, uint32_t mark, struct counters *counters,
                  struct exchanger **ret_exchanger)
{
    (void)of_loop;
    (void)mark;
    (void)counters;
    *ret_exchanger = NULL;
    return 0;
}

void exchanger_close(struct exchanger *exchanger, void (*on_closed)(void *context), void *context)
{
    (void)exchanger;
    for (size_t i = 0; i < EXCHANGES_MAX; i++)
        assert(!world.exchanges[i].on_reply);
    on_closed(context);
}

int exchange_start(struct exchanger *exchanger, const struct firewall_endpoint *server,
                   enum exchange_transport transport, const char *name, uint16_t type,
                   enum message_edns edns, exchange_on_reply *on_reply, void *context,
                   struct exchange **ret_exchange)
{
    (void)exchanger;
    (void)server;
    (void)transport;
    (void)edns;
    for (size_t i = 0; i < EXCHANGES_MAX; i++) {
        struct exchange *exchange = &world.exchanges[i];

        if (exchange->on_reply)
            continue;
        *exchange = (struct exchange){on_reply, context, "", type};
        memcpy(exchange->name, name, strlen(name) + 1);
        *ret_exchange = exchange;
        return 0;
    }
    return -EMFILE;
}

void exchange_cancel(struct exchange *exchange)
{
    assert(exchange->on_reply);
    exchange->on_reply = NULL;
}

bool exchange_nudge(struct exchange *exchange)
{
    (void)exchange;
    return false;
}

/* --- the steps -------------------------------------------------------------------------------- */

static void add_relation(const struct relation *relation)
{
    if (world.relation_count < RELATIONS_MAX)
        world.relations[world.relation_count++] = *relation;
}

/* Takes down what a reply says, whether it will be believed or not. */
static void note_relations(const uint8_t *bytes, size_t size)
{
    static struct plain_message message;

    if (!plain_read(bytes, size, &message))
        return;
    for (size_t i = 0; i < message.record_count; i++) {
        const struct plain_record *record = &message.records[i];
        struct relation relation = {.owner = record->owner};
        size_t end;

        if (record->section != PLAIN_ANSWER || record->class != 1)
            continue;
        if (record->type == MESSAGE_CNAME &&
            plain_read_name(bytes, size, (size_t)(record->data - bytes), &relation.target, &end))
            add_relation(&relation);
        if (record->type == MESSAGE_A && record->size == 4)
            relation.address = address_from_v4(record->data);
        if (record->type == MESSAGE_AAAA && record->size == 16)
            relation.address = address_from_v6(record->data);
        if (relation.address.family != ADDRESS_NONE)
            add_relation(&relation);
    }
}

static struct exchange *first_exchange(void)
{
    for (size_t i = 0; i < EXCHANGES_MAX; i++)
        if (world.exchanges[i].on_reply)
            return &world.exchanges[i];
    return NULL;
}

static void reply(int status, const uint8_t *bytes, size_t size)
{
    struct exchange *exchange = first_exchange();
    exchange_on_reply *on_reply;

    if (!exchange)
        return;
    on_reply = exchange->on_reply;
    exchange->on_reply = NULL;
    on_reply(exchange->context, status, bytes, size);
}

/* Flags and counts as the input has them, the question as it was asked. */
static void reply_with(struct cursor *c)
{
    static uint8_t bytes[MESSAGE_TCP_MAX];
    const struct exchange *exchange = first_exchange();
    size_t length = cursor_u16(c), size = MESSAGE_HEADER_SIZE;
    const uint8_t *head = cursor_take(c, 8), *rest;

    if (!head || !exchange)
        return;
    length = length < cursor_left(c) ? length : cursor_left(c);
    if (length > sizeof(bytes) - MESSAGE_HEADER_SIZE - MESSAGE_SECTION_SIZE)
        return;
    rest = cursor_take(c, length);
    memset(bytes, 0, MESSAGE_HEADER_SIZE);
    bytes[2] = head[0];
    bytes[3] = head[1];
    bytes[5] = 1;
    memcpy(bytes + 6, head + 2, 6);
    size += wire_name_write(exchange->name, bytes + size);
    bytes[size++] = (uint8_t)(exchange->type >> 8);
    bytes[size++] = (uint8_t)exchange->type;
    bytes[size++] = 0;
    bytes[size++] = 1;
    memcpy(bytes + size, rest, length);
    note_relations(bytes, size + length);
    reply(0, bytes, size + length);
}

static void set_policy(struct resolver *resolver, const struct policy *policy)
{
    world.policy = policy;
    resolver_set_policy(resolver, policy);
}

static void take_step(struct resolver *resolver, struct cursor *c, unsigned *unanswered)
{
    unsigned step = cursor_u8(c) % 8;

    switch (step) {
    case 0:
        reply_with(c);
        break;
    case 1:
        reply(-ETIMEDOUT, NULL, 0);
        break;
    case 2:
    case 3:
        ++*unanswered;
        resolver_ask(resolver, asked_name, step == 2 ? ADDRESS_V6 : ADDRESS_V4,
                     RESOLVER_ROUTE_NORMAL, on_answer, unanswered);
        break;
    case 4:
        ++*unanswered;
        resolver_refresh(resolver, asked_name, ADDRESS_V4, on_answer, unanswered);
        break;
    case 5:
        set_policy(resolver, policies[1]);
        break;
    case 6:
        set_policy(resolver, policies[0]);
        break;
    case 7:
        world.is_full = !world.is_full;
        break;
    }
}

static void set_up_once(void)
{
    static const char *const allow[] = {"*.wild.example", NULL};
    static const char *const refuse[] = {"www.example", NULL};
    static const char *const deny[] = {denied_name, NULL};

    if (policies[0])
        return;
    policies[0] = make_policy(allow, deny);
    policies[1] = make_policy(refuse, NULL);
    uv_loop_init(&loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct servers servers = {
        .ordinary = {{{ADDRESS_V4, {192, 0, 2, 53}}, 53}, {{ADDRESS_V4, {192, 0, 2, 54}}, 53}},
        .ordinary_count = 2,
    };
    const struct resolver_options options = {.lease_grace_s = GRACE_S, .stale_max_s = 86400};
    struct cursor c = cursor_over(data, size);
    struct counters counters = {0};
    struct resolver *resolver;
    unsigned unanswered = 1;

    set_up_once();
    memset(&world, 0, sizeof(world));
    if (resolver_new(&loop, &options, NULL, &counters, &resolver) < 0)
        abort();
    resolver_set_servers(resolver, &servers);
    set_policy(resolver, policies[0]);
    resolver_ask(resolver, asked_name, ADDRESS_V4, RESOLVER_ROUTE_NORMAL, on_answer, &unanswered);
    for (int i = 0; i < STEPS_MAX && cursor_left(&c) > 0; i++)
        take_step(resolver, &c, &unanswered);
    while (first_exchange())
        reply(-ETIMEDOUT, NULL, 0);
    assert(unanswered == 0); /* whoever asks is answered, once */
    resolver_close(resolver, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    return 0;
}
