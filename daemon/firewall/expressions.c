/* SPDX-License-Identifier: MIT */
#include "firewall/expressions.h"

#include <stddef.h>
#include <stdio.h>

/* libnftnl 1.2.4 uses FILE without including it. */
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

/* A key's first field, and what follows an address of each family. Where a register of sixteen
 * bytes begins the kernel gives back its old name, so it is put in by that name. */
enum {
    REGISTER_0 = NFT_REG_1,
    REGISTER_BEHIND_V4 = NFT_REG32_01,
    REGISTER_BEHIND_V6 = NFT_REG_2,
};

/* Both TCP and UDP begin with source port and destination port. */
enum { PORT_SIZE = 2, SOURCE_PORT_OFFSET = 0, DESTINATION_PORT_OFFSET = 2 };

static const char loopback[IFNAMSIZ] = "lo";

static struct nftnl_expr *append(struct nftnl_rule *rule, const char *name)
{
    struct nftnl_expr *expr = nftnl_expr_alloc(name);

    if (!expr)
        abort();
    nftnl_rule_add_expr(rule, expr);
    return expr;
}

static void load_meta(struct nftnl_rule *rule, uint32_t key, uint32_t reg)
{
    struct nftnl_expr *expr = append(rule, "meta");

    nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, key);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_META_DREG, reg);
}

static void load_ct(struct nftnl_rule *rule, uint32_t key, uint32_t reg)
{
    struct nftnl_expr *expr = append(rule, "ct");

    nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, key);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_DREG, reg);
}

static void load_original_port(struct nftnl_rule *rule, uint32_t reg)
{
    struct nftnl_expr *expr = append(rule, "ct");

    nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, NFT_CT_PROTO_DST);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_DREG, reg);
    nftnl_expr_set_u8(expr, NFTNL_EXPR_CT_DIR, IP_CT_DIR_ORIGINAL);
}

static void load_payload(struct nftnl_rule *rule, uint32_t base, size_t offset, uint32_t size,
                         uint32_t reg)
{
    struct nftnl_expr *expr = append(rule, "payload");

    nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, base);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, (uint32_t)offset);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, size);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

static void compare(struct nftnl_rule *rule, uint32_t operation, const void *data, uint32_t size)
{
    struct nftnl_expr *expr = append(rule, "cmp");

    nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, REGISTER_0);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, operation);
    nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, data, size);
}

static void compare_u32(struct nftnl_rule *rule, uint32_t operation, uint32_t value)
{
    compare(rule, operation, &value, sizeof(value));
}

static void compare_u8(struct nftnl_rule *rule, uint32_t operation, uint8_t value)
{
    compare(rule, operation, &value, sizeof(value));
}

static void compare_port(struct nftnl_rule *rule, uint32_t operation, uint16_t port)
{
    uint16_t value = htons(port);

    compare(rule, operation, &value, sizeof(value));
}

/* The register becomes (register & mask) ^ flip. */
static void apply_mask(struct nftnl_rule *rule, const void *mask, const void *flip, uint32_t size)
{
    struct nftnl_expr *expr = append(rule, "bitwise");

    nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_SREG, REGISTER_0);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_DREG, REGISTER_0);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_LEN, size);
    nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_MASK, mask, size);
    nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_XOR, flip, size);
}

static void mask_u32(struct nftnl_rule *rule, uint32_t mask)
{
    const uint32_t none = 0;

    apply_mask(rule, &mask, &none, sizeof(mask));
}

static void look_up(struct nftnl_rule *rule, const char *set, uint32_t set_id)
{
    struct nftnl_expr *expr = append(rule, "lookup");

    nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_SREG, REGISTER_0);
    nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, set);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_FLAGS, 0); /* said, for the kernel says it too */
    if (set_id)
        nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_SET_ID, set_id);
}

/* --- matches ---------------------------------------------------------------------------------- */

void match_ip_options(struct nftnl_rule *rule)
{
    const uint8_t mask = 0x0f, none = 0; /* of version and header length, in words */

    match_family(rule, ADDRESS_V4);
    load_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, 0, 1, REGISTER_0);
    apply_mask(rule, &mask, &none, sizeof(mask));
    compare_u8(rule, NFT_CMP_NEQ, sizeof(struct iphdr) / 4);
}

void match_routing_header(struct nftnl_rule *rule)
{
    struct nftnl_expr *expr = append(rule, "exthdr");

    nftnl_expr_set_u32(expr, NFTNL_EXPR_EXTHDR_DREG, REGISTER_0);
    nftnl_expr_set_u8(expr, NFTNL_EXPR_EXTHDR_TYPE, IPPROTO_ROUTING);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_EXTHDR_OFFSET, 0);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_EXTHDR_LEN, 1);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_EXTHDR_FLAGS, NFT_EXTHDR_F_PRESENT);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_IPV6);
    compare_u8(rule, NFT_CMP_EQ, 1);
}

void match_protocol(struct nftnl_rule *rule, uint8_t protocol)
{
    load_meta(rule, NFT_META_L4PROTO, REGISTER_0);
    compare_u8(rule, NFT_CMP_EQ, protocol);
}

void match_protocols(struct nftnl_rule *rule, const char *set, uint32_t set_id)
{
    load_meta(rule, NFT_META_L4PROTO, REGISTER_0);
    look_up(rule, set, set_id);
}

void match_port(struct nftnl_rule *rule, uint16_t port)
{
    load_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, DESTINATION_PORT_OFFSET, PORT_SIZE,
                 REGISTER_0);
    compare_port(rule, NFT_CMP_EQ, port);
}

void match_source_port(struct nftnl_rule *rule, uint16_t port)
{
    load_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, SOURCE_PORT_OFFSET, PORT_SIZE, REGISTER_0);
    compare_port(rule, NFT_CMP_EQ, port);
}

void match_ports(struct nftnl_rule *rule, const struct port_range *range)
{
    match_protocol(rule, range->protocol);
    if (range->from == range->to) {
        match_port(rule, range->from);
        return;
    }
    load_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, DESTINATION_PORT_OFFSET, PORT_SIZE,
                 REGISTER_0);
    compare_port(rule, NFT_CMP_GTE, range->from);
    compare_port(rule, NFT_CMP_LTE, range->to);
}

void match_mark(struct nftnl_rule *rule, uint32_t mark)
{
    load_meta(rule, NFT_META_MARK, REGISTER_0);
    compare_u32(rule, NFT_CMP_EQ, mark);
}

void match_other_mark(struct nftnl_rule *rule, uint32_t mark)
{
    load_meta(rule, NFT_META_MARK, REGISTER_0);
    compare_u32(rule, NFT_CMP_NEQ, mark);
}

void match_uid(struct nftnl_rule *rule, uint32_t uid)
{
    load_meta(rule, NFT_META_SKUID, REGISTER_0);
    compare_u32(rule, NFT_CMP_EQ, uid);
}

void match_other_uid(struct nftnl_rule *rule, uint32_t uid)
{
    load_meta(rule, NFT_META_SKUID, REGISTER_0);
    compare_u32(rule, NFT_CMP_NEQ, uid);
}

void match_any_socket(struct nftnl_rule *rule)
{
    load_meta(rule, NFT_META_SKUID, REGISTER_0);
    compare_u32(rule, NFT_CMP_GTE, 0);
}

void match_routed(struct nftnl_rule *rule)
{
    load_meta(rule, NFT_META_RTCLASSID, REGISTER_0);
    compare_u32(rule, NFT_CMP_GTE, 0);
}

void match_ethertype(struct nftnl_rule *rule, uint16_t ethertype)
{
    const uint16_t value = htons(ethertype);

    load_meta(rule, NFT_META_PROTOCOL, REGISTER_0);
    compare(rule, NFT_CMP_EQ, &value, sizeof(value));
}

void match_to_loopback(struct nftnl_rule *rule)
{
    load_meta(rule, NFT_META_OIFNAME, REGISTER_0);
    compare(rule, NFT_CMP_EQ, loopback, sizeof(loopback));
}

void match_not_to_loopback(struct nftnl_rule *rule)
{
    load_meta(rule, NFT_META_OIFNAME, REGISTER_0);
    compare(rule, NFT_CMP_NEQ, loopback, sizeof(loopback));
}

void match_not_from_loopback(struct nftnl_rule *rule)
{
    load_meta(rule, NFT_META_IIFNAME, REGISTER_0);
    compare(rule, NFT_CMP_NEQ, loopback, sizeof(loopback));
}

void match_state(struct nftnl_rule *rule, uint32_t states)
{
    load_ct(rule, NFT_CT_STATE, REGISTER_0);
    mask_u32(rule, states);
    compare_u32(rule, NFT_CMP_NEQ, 0);
}

void match_original_direction(struct nftnl_rule *rule)
{
    load_ct(rule, NFT_CT_DIRECTION, REGISTER_0);
    compare_u8(rule, NFT_CMP_EQ, IP_CT_DIR_ORIGINAL);
}

void match_reply_direction(struct nftnl_rule *rule)
{
    load_ct(rule, NFT_CT_DIRECTION, REGISTER_0);
    compare_u8(rule, NFT_CMP_EQ, IP_CT_DIR_REPLY);
}

void match_redirected(struct nftnl_rule *rule)
{
    load_ct(rule, NFT_CT_STATUS, REGISTER_0);
    mask_u32(rule, IPS_DST_NAT);
    compare_u32(rule, NFT_CMP_NEQ, 0);
}

void match_not_redirected(struct nftnl_rule *rule)
{
    load_ct(rule, NFT_CT_STATUS, REGISTER_0);
    mask_u32(rule, IPS_DST_NAT);
    compare_u32(rule, NFT_CMP_EQ, 0);
}

void match_original_port(struct nftnl_rule *rule, uint16_t port)
{
    load_original_port(rule, REGISTER_0);
    compare_port(rule, NFT_CMP_EQ, port);
}

void match_flow_mark(struct nftnl_rule *rule, uint32_t bit)
{
    load_ct(rule, NFT_CT_MARK, REGISTER_0);
    mask_u32(rule, bit);
    compare_u32(rule, NFT_CMP_EQ, bit);
}

void match_mid_stream(struct nftnl_rule *rule)
{
    const uint8_t mask = TH_FIN | TH_SYN | TH_RST | TH_ACK, none = 0;

    match_protocol(rule, IPPROTO_TCP);
    load_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(struct tcphdr, th_flags), 1,
                 REGISTER_0);
    apply_mask(rule, &mask, &none, sizeof(mask));
    compare_u8(rule, NFT_CMP_NEQ, TH_SYN);
}

void match_icmpv6_types(struct nftnl_rule *rule, const char *set, uint32_t set_id)
{
    match_protocol(rule, IPPROTO_ICMPV6);
    load_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, REGISTER_0);
    look_up(rule, set, set_id);
}

void match_family(struct nftnl_rule *rule, enum address_family family)
{
    load_meta(rule, NFT_META_NFPROTO, REGISTER_0);
    compare_u8(rule, NFT_CMP_EQ, family == ADDRESS_V4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

static void load_route(struct nftnl_rule *rule, uint32_t result, uint32_t flags)
{
    struct nftnl_expr *expr = append(rule, "fib");

    nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_DREG, REGISTER_0);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_RESULT, result);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR | flags);
}

void match_own_address(struct nftnl_rule *rule)
{
    load_route(rule, NFT_FIB_RESULT_ADDRTYPE, 0);
    compare_u32(rule, NFT_CMP_EQ, RTN_LOCAL);
}

void match_passing_through(struct nftnl_rule *rule)
{
    load_route(rule, NFT_FIB_RESULT_ADDRTYPE, 0);
    compare_u32(rule, NFT_CMP_NEQ, RTN_LOCAL);
    load_route(rule, NFT_FIB_RESULT_OIF, NFTA_FIB_F_IIF | NFTA_FIB_F_PRESENT);
    compare_u32(rule, NFT_CMP_EQ, 0);
}

static void load_address(struct nftnl_rule *rule, enum address_family family, size_t v4_offset,
                         size_t v6_offset)
{
    match_family(rule, family);
    if (family == ADDRESS_V4)
        load_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, v4_offset, 4, REGISTER_0);
    else
        load_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, v6_offset, 16, REGISTER_0);
}

static void load_destination(struct nftnl_rule *rule, enum address_family family)
{
    load_address(rule, family, offsetof(struct iphdr, daddr), offsetof(struct ip6_hdr, ip6_dst));
}

void match_destination(struct nftnl_rule *rule, const struct address *address)
{
    load_destination(rule, address->family);
    compare(rule, NFT_CMP_EQ, address->bytes, (uint32_t)address_size(address));
}

void match_source(struct nftnl_rule *rule, const struct address *address)
{
    load_address(rule, address->family, offsetof(struct iphdr, saddr),
                 offsetof(struct ip6_hdr, ip6_src));
    compare(rule, NFT_CMP_EQ, address->bytes, (uint32_t)address_size(address));
}

void match_loopback_address(struct nftnl_rule *rule, enum address_family family)
{
    static const uint8_t first_byte = IN_LOOPBACKNET;

    if (family == ADDRESS_V6) {
        match_destination(rule, &(struct address){ADDRESS_V6, {[15] = 1}});
        return;
    }
    match_family(rule, family);
    load_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct iphdr, daddr),
                 sizeof(first_byte), REGISTER_0);
    compare(rule, NFT_CMP_EQ, &first_byte, sizeof(first_byte));
}

void match_destination_in(struct nftnl_rule *rule, enum address_family family, const char *set)
{
    load_destination(rule, family);
    look_up(rule, set, 0);
}

void match_service_in(struct nftnl_rule *rule, enum address_family family, const char *set)
{
    load_destination(rule, family);
    load_meta(rule, NFT_META_L4PROTO,
              family == ADDRESS_V4 ? REGISTER_BEHIND_V4 : REGISTER_BEHIND_V6);
    load_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, DESTINATION_PORT_OFFSET, PORT_SIZE,
                 family == ADDRESS_V4 ? NFT_REG32_02 : NFT_REG32_05);
    if (set)
        look_up(rule, set, 0);
}

void match_original_service_in(struct nftnl_rule *rule, enum address_family family, const char *set)
{
    load_destination(rule, family);
    load_original_port(rule, family == ADDRESS_V4 ? REGISTER_BEHIND_V4 : REGISTER_BEHIND_V6);
    look_up(rule, set, 0);
}

/* --- actions ---------------------------------------------------------------------------------- */

void act_prolong(struct nftnl_rule *rule, const char *set, uint64_t timeout_ms)
{
    struct nftnl_expr *expr = append(rule, "dynset");

    nftnl_expr_set_u32(expr, NFTNL_EXPR_DYNSET_SREG_KEY, REGISTER_0);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
    nftnl_expr_set_u64(expr, NFTNL_EXPR_DYNSET_TIMEOUT, timeout_ms);
    nftnl_expr_set_str(expr, NFTNL_EXPR_DYNSET_SET_NAME, set);
}

void act_mark_flow(struct nftnl_rule *rule, uint32_t bit)
{
    const uint32_t others = ~bit;
    struct nftnl_expr *expr;

    load_ct(rule, NFT_CT_MARK, REGISTER_0);
    apply_mask(rule, &others, &bit, sizeof(bit));
    expr = append(rule, "ct");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_SREG, REGISTER_0);
}

void act_redirect(struct nftnl_rule *rule, uint16_t port)
{
    struct nftnl_expr *expr = append(rule, "immediate");
    const uint16_t value = htons(port);

    nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, REGISTER_0);
    nftnl_expr_set(expr, NFTNL_EXPR_IMM_DATA, &value, sizeof(value));
    expr = append(rule, "redir");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_REDIR_REG_PROTO_MIN, REGISTER_0);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_REDIR_REG_PROTO_MAX, REGISTER_0);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_REDIR_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
}

void act_count(struct nftnl_rule *rule)
{
    append(rule, "counter");
}

void act_limit(struct nftnl_rule *rule, uint64_t rate, uint32_t burst)
{
    struct nftnl_expr *expr = append(rule, "limit");

    nftnl_expr_set_u64(expr, NFTNL_EXPR_LIMIT_RATE, rate);
    nftnl_expr_set_u64(expr, NFTNL_EXPR_LIMIT_UNIT, 1);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_LIMIT_BURST, burst);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
}

void act_log(struct nftnl_rule *rule, const char *prefix, uint16_t group, uint32_t snaplen)
{
    struct nftnl_expr *expr = append(rule, "log");

    nftnl_expr_set_str(expr, NFTNL_EXPR_LOG_PREFIX, prefix);
    nftnl_expr_set_u16(expr, NFTNL_EXPR_LOG_GROUP, group);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_LOG_SNAPLEN, snaplen);
    nftnl_expr_set_u16(expr, NFTNL_EXPR_LOG_QTHRESHOLD, 1);
}

void act_reject_tcp(struct nftnl_rule *rule)
{
    struct nftnl_expr *expr;

    match_protocol(rule, IPPROTO_TCP);
    expr = append(rule, "reject");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_TCP_RST);
    nftnl_expr_set_u8(expr, NFTNL_EXPR_REJECT_CODE, 0);
}

void act_reject(struct nftnl_rule *rule)
{
    struct nftnl_expr *expr = append(rule, "reject");

    nftnl_expr_set_u32(expr, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
    nftnl_expr_set_u8(expr, NFTNL_EXPR_REJECT_CODE, NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
}

static void decide(struct nftnl_rule *rule, int verdict, const char *chain)
{
    struct nftnl_expr *expr = append(rule, "immediate");

    nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
    if (chain)
        nftnl_expr_set_str(expr, NFTNL_EXPR_IMM_CHAIN, chain);
}

void act_accept(struct nftnl_rule *rule)
{
    decide(rule, NF_ACCEPT, NULL);
}

void act_drop(struct nftnl_rule *rule)
{
    decide(rule, NF_DROP, NULL);
}

void act_return(struct nftnl_rule *rule)
{
    decide(rule, NFT_RETURN, NULL);
}

void act_goto(struct nftnl_rule *rule, const char *chain)
{
    decide(rule, NFT_GOTO, chain);
}

void act_jump(struct nftnl_rule *rule, const char *chain)
{
    decide(rule, NFT_JUMP, chain);
}
