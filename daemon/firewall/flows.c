/* SPDX-License-Identifier: MIT */
/* What is done to flows: those of port 53 deleted, those no longer allowed marked. */
#include "firewall/state.h"

#include <endian.h>
#include <errno.h>
#include <ifaddrs.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "firewall/conntrack.h"
#include "firewall/ruleset.h"

#define DNS_PORT 53
/* Address, protocol and zone of a flow, as attributes. */
#define TUPLE_SIZE_MAX 128

/* Flows picked during a dump, dealt with after it: a table that is changed while it is listed lists
 * some flows twice and some not at all. */
struct picked_flow {
    uint8_t tuple[TUPLE_SIZE_MAX]; /* attributes, as the kernel gave them */
    size_t size;
    uint8_t family;
};

struct pick {
    bool (*is_picked)(const struct pick *pick, const struct flow *flow);
    struct picked_flow *flows;
    size_t count, capacity;

    const struct firewall *firewall; /* for flushing */

    /* For cutting. */
    const struct ifaddrs *interfaces;
    bool (*is_allowed)(void *context, const struct address *destination, uint8_t protocol,
                       uint16_t port);
    void *context;
};

static bool keep_attribute(struct picked_flow *picked, const struct nlattr *attribute)
{
    size_t size = attribute ? MNL_ALIGN(attribute->nla_len) : 0;

    if (size > sizeof(picked->tuple) - picked->size)
        return false;
    if (size > 0)
        memcpy(picked->tuple + picked->size, attribute, size);
    picked->size += size;
    return true;
}

static int on_flow(void *context, const struct flow *flow)
{
    struct pick *pick = context;
    struct picked_flow picked = {.family =
                                     flow->destination.family == ADDRESS_V4 ? AF_INET : AF_INET6};

    if (!pick->is_picked(pick, flow))
        return 0;
    if (!keep_attribute(&picked, flow->tuple) || !keep_attribute(&picked, flow->id) ||
        !keep_attribute(&picked, flow->zone))
        return -EBADMSG;
    if (pick->count == pick->capacity) {
        pick->capacity = pick->capacity ? pick->capacity * 2 : 64;
        pick->flows = xreallocarray(pick->flows, pick->capacity, sizeof(pick->flows[0]));
    }
    pick->flows[pick->count++] = picked;
    return 0;
}

static void on_restart(void *context)
{
    ((struct pick *)context)->count = 0;
}

static int pick_flows(struct firewall *firewall, struct pick *pick)
{
    const struct flow_listener listener = {on_flow, on_restart, pick};

    return conntrack_each(firewall->netlink, &listener);
}

static struct nlmsghdr *start_change(struct firewall *firewall, void *buffer, uint8_t type,
                                     const struct picked_flow *picked)
{
    struct nlmsghdr *message =
        netlink_start(firewall->netlink, buffer, NFNL_SUBSYS_CTNETLINK, type, picked->family, 0);

    memcpy(mnl_nlmsg_get_payload_tail(message), picked->tuple, picked->size);
    message->nlmsg_len += (uint32_t)picked->size;
    return message;
}

/* --- questions that are older than the redirect ----------------------------------------------- */

static bool is_loopback(const struct address *address)
{
    static const struct address v6_loopback = {ADDRESS_V6, {[15] = 1}};

    if (address->family == ADDRESS_V4)
        return address->bytes[0] == 127;
    return address_equal(address, &v6_loopback);
}

static bool is_at_gate(const struct firewall *firewall, const struct flow *flow)
{
    return is_loopback(&flow->answerer) && flow->answerer_port != 0 &&
           (flow->answerer_port == firewall->gate_port ||
            flow->answerer_port == firewall->dockerd_gate_port);
}

/* Egressd's own, so marked by the table, stay: the table lets nobody else send on them. A packet of
 * the server that came while nothing refused it began a flow the other way round, in which
 * questions are answers. Docker's resolver also listens on a hidden port, where nothing but
 * questions goes. */
static bool is_foreign_question(const struct pick *pick, const struct flow *flow)
{
    static const struct address docker_resolver = {ADDRESS_V4, {127, 0, 0, 11}};

    return (flow->protocol == IPPROTO_UDP || flow->protocol == IPPROTO_TCP) &&
           (flow->port == DNS_PORT || flow->source_port == DNS_PORT ||
            address_equal(&flow->destination, &docker_resolver)) &&
           !(flow->mark & FLOW_MARK_OWN) && !is_at_gate(pick->firewall, flow);
}

int firewall_flush_dns_flows(struct firewall *firewall)
{
    struct pick pick = {.is_picked = is_foreign_question, .firewall = firewall};
    int r = pick_flows(firewall, &pick);

    for (size_t i = 0; r == 0 && i < pick.count; i++) {
        char buffer[512] = {0};

        r = netlink_request(firewall->netlink,
                            start_change(firewall, buffer, IPCTNL_MSG_CT_DELETE, &pick.flows[i]));
        if (r == -ENOENT) /* it ended by itself */
            r = 0;
    }
    free(pick.flows);
    return r;
}

/* --- flows that are no longer allowed --------------------------------------------------------- */

static bool is_local(const struct ifaddrs *interfaces, const struct address *address)
{
    struct address own;

    for (const struct ifaddrs *at = interfaces; at; at = at->ifa_next)
        if (at->ifa_addr && address_from_sockaddr(at->ifa_addr, &own, NULL) == 0 &&
            address_equal(&own, address))
            return true;
    return false;
}

/* Questions are not judged here: they end at the gate, or are egressd's own. */
static bool is_to_be_cut(const struct pick *pick, const struct flow *flow)
{
    if (flow->mark & (FLOW_MARK_CUT | FLOW_MARK_OWN))
        return false;
    if ((flow->protocol == IPPROTO_UDP || flow->protocol == IPPROTO_TCP) && flow->port == DNS_PORT)
        return false;
    if (is_loopback(&flow->destination) || is_local(pick->interfaces, &flow->destination))
        return false;
    return !pick->is_allowed(pick->context, &flow->destination, flow->protocol, flow->port);
}

static int cut_flow(struct firewall *firewall, const struct picked_flow *picked)
{
    char buffer[512] = {0};
    struct nlmsghdr *message = start_change(firewall, buffer, IPCTNL_MSG_CT_NEW, picked);

    mnl_attr_put_u32(message, CTA_MARK, htobe32(FLOW_MARK_CUT));
    mnl_attr_put_u32(message, CTA_MARK_MASK, htobe32(FLOW_MARK_CUT));
    return netlink_request(firewall->netlink, message);
}

int firewall_cut_flows(struct firewall *firewall,
                       bool (*is_allowed)(void *context, const struct address *destination,
                                          uint8_t protocol, uint16_t port),
                       void *context, size_t *ret_cut)
{
    struct pick pick = {.is_picked = is_to_be_cut, .is_allowed = is_allowed, .context = context};
    struct ifaddrs *interfaces;
    size_t cut = 0;
    int r;

    if (getifaddrs(&interfaces) < 0)
        return -errno;
    pick.interfaces = interfaces;
    r = pick_flows(firewall, &pick);
    for (size_t i = 0; r == 0 && i < pick.count; i++) {
        r = cut_flow(firewall, &pick.flows[i]);
        if (r == 0)
            cut++;
        else if (r == -ENOENT)
            r = 0;
    }
    freeifaddrs(interfaces);
    free(pick.flows);
    if (r == 0 && ret_cut)
        *ret_cut = cut;
    return r;
}
