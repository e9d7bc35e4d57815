/* SPDX-License-Identifier: MIT */
#include "firewall/firewall.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "firewall/attributes.h"
#include "firewall/conntrack.h"
#include "firewall/explain.h"
#include "firewall/lease_state.h"
#include "firewall/state.h"

/* --- services --------------------------------------------------------------------------------- */

struct service_list service_list_of(const struct policy *policy)
{
    struct service_list list = {.count = 0};
    const struct port_range *ranges = policy ? policy_services(policy, &list.count) : NULL;

    if (list.count > 0)
        memcpy(list.ranges, ranges, list.count * sizeof(list.ranges[0]));
    return list;
}

uint64_t service_list_at(const struct service_list *services, uint8_t protocol, uint16_t port)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < services->count; i++)
        if (port_range_contains(&services->ranges[i], protocol, port))
            mask |= UINT64_C(1) << i;
    return mask;
}

uint64_t service_list_all(const struct service_list *services)
{
    return services->count == POLICY_SERVICES_MAX ? UINT64_MAX
                                                  : (UINT64_C(1) << services->count) - 1;
}

/* --- the kernel ------------------------------------------------------------------------------- */

static int on_generation(void *context, const struct nlmsghdr *message)
{
    uint32_t *generation = context;
    struct attributes top;

    if (attributes_read(message, sizeof(struct nfgenmsg), &top) < 0)
        return -EBADMSG;
    *generation = attributes_u32(&top, NFTA_GEN_ID, *generation);
    return 0;
}

static int read_generation(struct firewall *firewall, uint32_t *ret_generation)
{
    const struct netlink_listener listener = {on_generation, NULL, ret_generation};
    char buffer[256] = {0};

    return netlink_dump(firewall->netlink,
                        netlink_start(firewall->netlink, buffer, NFNL_SUBSYS_NFTABLES,
                                      NFT_MSG_GETGEN, AF_UNSPEC, NLM_F_ACK),
                        &listener);
}

int firewall_commit(struct firewall *firewall)
{
    int r = transaction_commit(firewall->transaction);

    if (r == 0)
        firewall->generation++;
    return r;
}

bool firewall_owns_table(const struct firewall *firewall)
{
    return firewall->expectation.snapshot && !firewall->features.missing[FEATURE_OWNER];
}

bool firewall_was_disturbed(struct firewall *firewall)
{
    uint32_t generation = firewall->generation - 1;

    if (firewall_owns_table(firewall))
        return false;
    if (read_generation(firewall, &generation) == 0 && generation == firewall->generation)
        return false;
    firewall->generation = generation;
    return true;
}

struct element_dump {
    const struct set *set;
    const struct element_listener *listener;
};

static int on_elements(void *context, const struct nlmsghdr *message)
{
    const struct element_dump *dump = context;

    return elements_read(message, dump->set->family, dump->set->key, dump->listener->on_element,
                         dump->listener->context);
}

static void on_elements_restart(void *context)
{
    const struct element_dump *dump = context;

    if (dump->listener->on_restart)
        dump->listener->on_restart(dump->listener->context);
}

static struct nlmsghdr *start_element_request(struct firewall *firewall, void *buffer,
                                              const struct set *set, uint16_t flags)
{
    struct nlmsghdr *message = netlink_start(firewall->netlink, buffer, NFNL_SUBSYS_NFTABLES,
                                             NFT_MSG_GETSETELEM, NFPROTO_INET, flags);

    mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, FIREWALL_TABLE);
    mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set->name);
    return message;
}

int firewall_dump_elements(struct firewall *firewall, const struct set *set,
                           const struct element_listener *listener)
{
    struct element_dump dump = {set, listener};
    const struct netlink_listener inner = {on_elements, on_elements_restart, &dump};
    char buffer[256] = {0};

    return netlink_dump(firewall->netlink, start_element_request(firewall, buffer, set, NLM_F_DUMP),
                        &inner);
}

/* --- open, close ------------------------------------------------------------------------------ */

int firewall_socket(void)
{
    return netlink_socket(NETLINK_NETFILTER);
}

int firewall_open(int take_socket, struct firewall **ret_firewall, struct text_error *reterr)
{
    struct firewall *firewall = xcalloc(1, sizeof(*firewall));
    int r = take_socket < 0 ? netlink_socket(NETLINK_NETFILTER) : take_socket;

    if (r >= 0)
        r = netlink_open(r, &firewall->netlink);
    if (r == 0) {
        firewall->transaction = transaction_new(firewall->netlink);
        firewall->backstop =
            backstop_new(firewall->netlink, firewall->transaction, &firewall->features);
        r = read_generation(firewall, &firewall->generation);
    }
    if (r < 0) {
        explain_no_netlink(r, reterr);
        firewall_close(firewall);
        return r;
    }
    *ret_firewall = firewall;
    return 0;
}

void firewall_close(struct firewall *firewall)
{
    if (!firewall)
        return;
    snapshot_free(firewall->expectation.snapshot);
    backstop_free(firewall->backstop);
    transaction_free(firewall->transaction);
    netlink_close(firewall->netlink);
    free(firewall);
}

static int ignore_message(void *context, const struct nlmsghdr *message)
{
    (void)context, (void)message;
    return 0;
}

bool firewall_table_exists(struct firewall *firewall)
{
    static const struct netlink_listener listener = {ignore_message, NULL, NULL};
    char buffer[256] = {0};
    struct nlmsghdr *message = netlink_start(firewall->netlink, buffer, NFNL_SUBSYS_NFTABLES,
                                             NFT_MSG_GETTABLE, NFPROTO_INET, NLM_F_ACK);

    mnl_attr_put_strz(message, NFTA_TABLE_NAME, FIREWALL_TABLE);
    return netlink_dump(firewall->netlink, message, &listener) == 0;
}

/* --- load ------------------------------------------------------------------------------------- */

/* What is tried next when the kernel refuses: less features, or the whole table in place of what is
 * in it. */
struct attempt {
    const struct firewall_plan *plan;
    struct leases *leases;
    struct snapshot *existing; /* NULL: replace the whole table */
    struct snapshot *expected;
};

static void replace_whole(struct attempt *attempt)
{
    snapshot_free(attempt->existing);
    attempt->existing = NULL;
}

static bool is_table_refused(const struct firewall *firewall)
{
    struct netlink_refusal refusal;
    const struct nlmsghdr *message = transaction_refused_message(firewall->transaction, &refusal);

    return message && (message->nlmsg_type & 0xff) == NFT_MSG_NEWTABLE &&
           message_family(message) == NFPROTO_INET;
}

static int load_once(struct firewall *firewall, struct attempt *attempt)
{
    struct service_list services = service_list_of(attempt->plan->policy);
    enum ruleset_way way;
    int r;

    snapshot_free(attempt->expected);
    attempt->expected = snapshot_new();
    transaction_begin(firewall->transaction);
    way = ruleset_put(firewall->transaction, attempt->plan, &firewall->features, attempt->existing,
                      attempt->expected);
    backstop_put(firewall->backstop);
    if (attempt->leases)
        leases_put_load(attempt->leases, &services, firewall->transaction);
    r = firewall_commit(firewall);
    if (r == 0)
        return 0;
    if (way == RULESET_KEEPS_CHAINS && is_table_refused(firewall)) {
        replace_whole(attempt); /* it may be a table of no owner, as older egressds made them */
        return -EAGAIN;
    }
    if (backstop_may_retry(firewall->backstop) ||
        features_give_up(&firewall->features, firewall->transaction, r))
        return -EAGAIN;
    if (way == RULESET_KEEPS_CHAINS) { /* the table is not what it was a moment ago */
        replace_whole(attempt);
        return -EAGAIN;
    }
    return r;
}

static void probe_updates(struct firewall *firewall);

static void take_over(struct firewall *firewall, const struct firewall_plan *plan,
                      struct snapshot *expected)
{
    backstop_take_over(firewall->backstop);
    snapshot_free(firewall->expectation.snapshot);
    firewall->expectation = (struct expectation){.snapshot = expected};
    firewall->services = service_list_of(plan->policy);
    firewall->lease_idle_s = plan->lease_idle_s;
    firewall->gate_port = plan->gate_port;
    firewall->dockerd_gate_port = plan->dockerd_gate_port;
    transaction_begin(firewall->transaction); /* gives back the memory of a large one */
    probe_updates(firewall);
}

/* The kernel begins to track when it prepares our rules, and to ask them when it is done. Where
 * nothing was tracked before, what came between the two began a flow that nobody has judged: the
 * next packet of a server that was there before us makes it an inbound one, whose answers pass. */
static bool begins_tracking(struct firewall *firewall)
{
    return !firewall->expectation.snapshot && conntrack_count(firewall->netlink) == 0;
}

/* A connection that began in this very moment is forgotten too, and is refused: it can be tried
 * again. */
static int forget_unjudged(struct firewall *firewall, struct text_error *reterr)
{
    int r = conntrack_forget_all(firewall->netlink);

    if (r < 0)
        text_error_set(reterr, 0, 0,
                       "flows that began while the table was loaded cannot be ended: %s",
                       strerror(-r));
    return r;
}

int firewall_load(struct firewall *firewall, const struct firewall_plan *plan,
                  struct leases *leases, struct text_error *reterr)
{
    struct attempt attempt = {.plan = plan, .leases = leases, .existing = snapshot_new()};
    bool has_unjudged = begins_tracking(firewall);
    int r;

    if (snapshot_read(attempt.existing, firewall->netlink, NFPROTO_INET) < 0) {
        snapshot_free(attempt.existing); /* what cannot be read is replaced as a whole */
        attempt.existing = NULL;
    }
    if (leases)
        leases_prepare_load(leases, plan->policy);
    do
        r = load_once(firewall, &attempt);
    while (r == -EAGAIN);
    if (r < 0)
        explain_refusal(firewall->transaction, r, reterr);
    if (leases)
        leases_finish_load(leases, r < 0 ? LOAD_FAILED : LOAD_DONE);
    snapshot_free(attempt.existing);
    if (r < 0)
        snapshot_free(attempt.expected);
    else
        take_over(firewall, plan, attempt.expected);
    if (r == 0 && has_unjudged)
        r = forget_unjudged(firewall, reterr);
    return r;
}

static int verify_table(struct firewall *firewall, struct text_error *reterr)
{
    struct snapshot *actual;
    int r;

    if (!firewall->expectation.snapshot) {
        text_error_set(reterr, 0, 0, "nothing was loaded yet");
        return -ENOENT;
    }
    actual = snapshot_new();
    r = snapshot_read(actual, firewall->netlink, NFPROTO_INET);
    if (r < 0)
        text_error_set(reterr, 0, 0, "cannot read the table back: %s", strerror(-r));
    else
        r = expectation_meet(&firewall->expectation, &actual, reterr);
    snapshot_free(actual);
    return r;
}

/* An interface that came or went is no damage, not even in the moment between the two. */
static int verify_backstop(struct firewall *firewall, struct text_error *reterr)
{
    int r = firewall_follow_links(firewall, reterr);

    if (r == 0)
        r = backstop_verify(firewall->backstop, reterr);
    if (r < 0 && backstop_look(firewall->backstop) > 0)
        r = firewall_follow_links(firewall, reterr);
    return r;
}

int firewall_verify(struct firewall *firewall, struct text_error *reterr)
{
    int r = verify_table(firewall, reterr);

    return r < 0 ? r : verify_backstop(firewall, reterr);
}

int firewall_links_fd(const struct firewall *firewall)
{
    return backstop_fd(firewall->backstop);
}

static int put_backstop(struct firewall *firewall)
{
    int r;

    transaction_begin(firewall->transaction);
    backstop_put(firewall->backstop);
    r = firewall_commit(firewall);
    if (r == 0)
        backstop_take_over(firewall->backstop);
    else if (backstop_may_retry(firewall->backstop) ||
             features_give_up(&firewall->features, firewall->transaction, r))
        return -EAGAIN;
    return r;
}

int firewall_follow_links(struct firewall *firewall, struct text_error *reterr)
{
    int r = backstop_look(firewall->backstop);

    if (r <= 0) /* what cannot be listed now will be at the next look */
        return 0;
    do
        r = put_backstop(firewall);
    while (r == -EAGAIN);
    if (r < 0)
        explain_refusal(firewall->transaction, r, reterr);
    return r;
}

const char *firewall_weakness(const struct firewall *firewall, size_t index)
{
    return features_weakness(&firewall->features, index);
}

/* --- what this kernel does with an element that is added again -------------------------------- */

#define PROBE_SHORT_MS 1000
#define PROBE_LONG_MS 8000

static int change_probe(struct firewall *firewall, const struct set *set, uint16_t type,
                        uint64_t timeout_ms)
{
    struct element_writer writer;

    transaction_begin(firewall->transaction);
    elements_begin(&writer, firewall->transaction, set, type);
    elements_put(&writer, &(struct element){.address = {.family = ADDRESS_V4},
                                            .timeout_ms = timeout_ms,
                                            .comment = "probe"});
    elements_end(&writer);
    return firewall_commit(firewall);
}

static int on_probe(void *context, const struct element_read *element)
{
    if (element->protocol == 0 && element->port == 0)
        *(uint64_t *)context = element->expires_ms;
    return 0;
}

/* Asks for the one element, of key 0.0.0.0 . 0 . 0, which opens nothing. */
static uint64_t read_probe(struct firewall *firewall, const struct set *set)
{
    static const uint8_t key[12];
    uint64_t expires_ms = 0;
    const struct element_listener listener = {on_probe, NULL, &expires_ms};
    struct element_dump dump = {set, &listener};
    const struct netlink_listener inner = {on_elements, NULL, &dump};
    char buffer[512] = {0};
    struct nlmsghdr *message = start_element_request(firewall, buffer, set, NLM_F_ACK);
    struct nlattr *list = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
    struct nlattr *item = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
    struct nlattr *value = mnl_attr_nest_start(message, NFTA_SET_ELEM_KEY);

    mnl_attr_put(message, NFTA_DATA_VALUE, sizeof(key), key);
    mnl_attr_nest_end(message, value);
    mnl_attr_nest_end(message, item);
    mnl_attr_nest_end(message, list);
    netlink_dump(firewall->netlink, message, &inner);
    return expires_ms;
}

static void probe_updates(struct firewall *firewall)
{
    struct set set = set_of_leases(ADDRESS_V4);

    firewall->updates_in_place =
        change_probe(firewall, &set, NFT_MSG_NEWSETELEM, PROBE_SHORT_MS) == 0 &&
        change_probe(firewall, &set, NFT_MSG_NEWSETELEM, PROBE_LONG_MS) == 0 &&
        read_probe(firewall, &set) > PROBE_SHORT_MS;
    change_probe(firewall, &set, NFT_MSG_DELSETELEM, 0);
}
