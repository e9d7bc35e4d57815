/* SPDX-License-Identifier: MIT */
#include "firewall/conntrack.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include "firewall/attributes.h"

static int read_addresses(const struct nlattr *nest, struct flow *flow)
{
    struct attributes ip;
    const uint8_t *source, *destination;

    if (attributes_read_nested(nest, &ip) < 0)
        return -EBADMSG;
    source = attributes_bytes(&ip, CTA_IP_V4_SRC, 4);
    destination = attributes_bytes(&ip, CTA_IP_V4_DST, 4);
    if (source && destination) {
        flow->source = address_from_v4(source);
        flow->destination = address_from_v4(destination);
        return 0;
    }
    source = attributes_bytes(&ip, CTA_IP_V6_SRC, 16);
    destination = attributes_bytes(&ip, CTA_IP_V6_DST, 16);
    if (!source || !destination)
        return -EBADMSG;
    flow->source = address_from_v6(source);
    flow->destination = address_from_v6(destination);
    return 0;
}

static int read_tuple(const struct nlattr *nest, struct flow *flow)
{
    struct attributes tuple, protocol;
    const uint8_t *number;
    int r;

    if (attributes_read_nested(nest, &tuple) < 0 || !tuple.of[CTA_TUPLE_IP] ||
        !tuple.of[CTA_TUPLE_PROTO])
        return -EBADMSG;
    r = read_addresses(tuple.of[CTA_TUPLE_IP], flow);
    if (r < 0)
        return r;
    if (attributes_read_nested(tuple.of[CTA_TUPLE_PROTO], &protocol) < 0)
        return -EBADMSG;
    number = attributes_bytes(&protocol, CTA_PROTO_NUM, 1);
    if (!number)
        return -EBADMSG;
    flow->protocol = *number;
    flow->source_port = attributes_u16(&protocol, CTA_PROTO_SRC_PORT, 0);
    flow->port = attributes_u16(&protocol, CTA_PROTO_DST_PORT, 0);
    return 0;
}

/* TCP: open in both directions. Others: an answer was seen. */
static bool read_liveness(const struct attributes *top, const struct flow *flow)
{
    struct attributes info, tcp;
    const uint8_t *state;

    if (flow->protocol != IPPROTO_TCP)
        return attributes_u32(top, CTA_STATUS, 0) & IPS_SEEN_REPLY;
    if (!top->of[CTA_PROTOINFO] || attributes_read_nested(top->of[CTA_PROTOINFO], &info) < 0 ||
        !info.of[CTA_PROTOINFO_TCP] || attributes_read_nested(info.of[CTA_PROTOINFO_TCP], &tcp) < 0)
        return false;
    state = attributes_bytes(&tcp, CTA_PROTOINFO_TCP_STATE, 1);
    return state && *state == TCP_CONNTRACK_ESTABLISHED;
}

int flow_read(const struct nlmsghdr *message, struct flow *ret_flow)
{
    struct attributes top;
    struct flow flow = {.port = 0}, reply;
    int r;

    if (attributes_read(message, sizeof(struct nfgenmsg), &top) < 0 || !top.of[CTA_TUPLE_ORIG])
        return -EBADMSG;
    r = read_tuple(top.of[CTA_TUPLE_ORIG], &flow);
    if (r < 0)
        return r;
    flow.mark = attributes_u32(&top, CTA_MARK, 0);
    flow.is_live = read_liveness(&top, &flow);
    if (top.of[CTA_TUPLE_REPLY] && read_tuple(top.of[CTA_TUPLE_REPLY], &reply) == 0) {
        flow.answerer = reply.source;
        flow.answerer_port = reply.source_port;
    }
    flow.tuple = top.of[CTA_TUPLE_ORIG];
    flow.id = top.of[CTA_ID];
    flow.zone = top.of[CTA_ZONE];
    *ret_flow = flow;
    return 0;
}

static int on_message(void *context, const struct nlmsghdr *message)
{
    const struct flow_listener *listener = context;
    struct flow flow;

    if (flow_read(message, &flow) < 0)
        return 0; /* a protocol that we do not know: none that the table lets out */
    return listener->on_flow(listener->context, &flow);
}

static void on_restart(void *context)
{
    const struct flow_listener *listener = context;

    if (listener->on_restart)
        listener->on_restart(listener->context);
}

int conntrack_each(struct netlink *netlink, const struct flow_listener *listener)
{
    const struct netlink_listener inner = {on_message, on_restart,
                                           (void *)(uintptr_t)(const void *)listener};
    char buffer[256] = {0};

    return netlink_dump(netlink,
                        netlink_start(netlink, buffer, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET,
                                      AF_UNSPEC, NLM_F_DUMP),
                        &inner);
}

static int on_statistics(void *context, const struct nlmsghdr *message)
{
    struct attributes top;

    if (attributes_read(message, sizeof(struct nfgenmsg), &top) < 0)
        return -EBADMSG;
    *(uint32_t *)context = attributes_u32(&top, CTA_STATS_GLOBAL_ENTRIES, 0);
    return 0;
}

int conntrack_count(struct netlink *netlink)
{
    uint32_t count = 0;
    const struct netlink_listener listener = {on_statistics, NULL, &count};
    char buffer[256] = {0};
    int r = netlink_dump(netlink,
                         netlink_start(netlink, buffer, NFNL_SUBSYS_CTNETLINK,
                                       IPCTNL_MSG_CT_GET_STATS, AF_UNSPEC, NLM_F_ACK),
                         &listener);

    return r < 0 ? r : (int)(count & 0x7fffffff);
}

int conntrack_forget_all(struct netlink *netlink)
{
    char buffer[256] = {0};

    return netlink_request(netlink, netlink_start(netlink, buffer, NFNL_SUBSYS_CTNETLINK,
                                                  IPCTNL_MSG_CT_DELETE, AF_UNSPEC, 0));
}
