/* SPDX-License-Identifier: MIT */
#include "firewall/refusal.h"

#include <errno.h>
#include <netinet/in.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <string.h>

#include "base/cursor.h"
#include "firewall/attributes.h"
#include "firewall/ruleset.h"

#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV6_FRAGMENT_OFFSET 0xfff8
#define IPV6_HEADERS_MAX 8
#define PROTOCOL_DCCP 33

static bool has_ports(int protocol)
{
    switch (protocol) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_SCTP:
    case PROTOCOL_DCCP:
        return true;
    default:
        return false;
    }
}

/* All of them begin with both ports. */
static void read_ports(struct cursor *c, struct refusal *refusal)
{
    uint16_t source = cursor_u16(c), destination = cursor_u16(c);

    if (c->failed || !has_ports(refusal->protocol))
        return;
    refusal->source_port = source;
    refusal->port = destination;
}

static int read_ipv4(struct cursor *c, struct refusal *refusal)
{
    size_t header_size = (size_t)(cursor_u8(c) & 0xf) * 4;
    const uint8_t *source, *destination;
    uint16_t fragment;

    cursor_take(c, 5); /* type of service, length, identification */
    fragment = cursor_u16(c);
    cursor_u8(c); /* time to live */
    refusal->protocol = cursor_u8(c);
    cursor_u16(c); /* checksum */
    source = cursor_take(c, 4);
    destination = cursor_take(c, 4);
    if (!source || !destination || header_size < 20)
        return -EBADMSG;
    refusal->source = address_from_v4(source);
    refusal->destination = address_from_v4(destination);
    cursor_take(c, header_size - 20);
    if ((fragment & IPV4_FRAGMENT_OFFSET) == 0)
        read_ports(c, refusal);
    return 0;
}

/* Goes over one extension header to the next one. false: it is none, or what follows it is not to
 * be seen. */
static bool skip_extension(struct cursor *c, int *protocol)
{
    int next;
    uint8_t size;

    switch (*protocol) {
    case IPPROTO_HOPOPTS:
    case IPPROTO_ROUTING:
    case IPPROTO_DSTOPTS:
        next = cursor_u8(c);
        size = cursor_u8(c);
        cursor_take(c, (size_t)size * 8 + 6);
        break;
    case IPPROTO_FRAGMENT:
        next = cursor_u8(c);
        cursor_u8(c);
        if (cursor_u16(c) & IPV6_FRAGMENT_OFFSET)
            c->failed = true; /* what follows is the middle of something */
        cursor_take(c, 4);
        break;
    case IPPROTO_AH:
        next = cursor_u8(c);
        size = cursor_u8(c);
        cursor_take(c, (size_t)size * 4 + 6); /* in words, less two; RFC 4302 2.2 */
        break;
    default:
        return false;
    }
    *protocol = next;
    return !c->failed;
}

static int read_ipv6(struct cursor *c, struct refusal *refusal)
{
    const uint8_t *source, *destination;

    cursor_take(c, 6); /* version, class, flow, length */
    refusal->protocol = cursor_u8(c);
    cursor_u8(c); /* hop limit */
    source = cursor_take(c, 16);
    destination = cursor_take(c, 16);
    if (!source || !destination)
        return -EBADMSG;
    refusal->source = address_from_v6(source);
    refusal->destination = address_from_v6(destination);
    for (int i = 0; i < IPV6_HEADERS_MAX && skip_extension(c, &refusal->protocol); i++)
        ;
    read_ports(c, refusal);
    return 0;
}

/* From the network header on; what was left out of a long packet is not there. */
static int read_packet(const struct nlattr *payload, struct refusal *refusal)
{
    struct cursor c = cursor_over(mnl_attr_get_payload(payload), mnl_attr_get_payload_len(payload));
    uint8_t version = cursor_left(&c) > 0 ? *c.at >> 4 : 0;

    if (version == 4)
        return read_ipv4(&c, refusal);
    return version == 6 ? read_ipv6(&c, refusal) : -EBADMSG;
}

static bool is_about_packet(const struct nlmsghdr *message)
{
    return message->nlmsg_type == (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET);
}

int refusal_read_sequence(const struct nlmsghdr *message, uint32_t *ret_sequence)
{
    struct attributes attributes;

    if (!is_about_packet(message) ||
        attributes_read(message, sizeof(struct nfgenmsg), &attributes) < 0 ||
        !attributes_bytes(&attributes, NFULA_SEQ, sizeof(*ret_sequence)))
        return -ENOMSG;
    *ret_sequence = attributes_u32(&attributes, NFULA_SEQ, 0);
    return 0;
}

int refusal_read(const struct nlmsghdr *message, struct refusal *ret_refusal)
{
    struct refusal refusal = {
        .source_port = REFUSAL_NO_PORT, .port = REFUSAL_NO_PORT, .uid = REFUSAL_NO_USER};
    const struct nfulnl_msg_packet_hdr *header;
    struct attributes attributes;
    const char *prefix;
    uint32_t uid;
    int r;

    if (!is_about_packet(message))
        return -ENOMSG;
    if (attributes_read(message, sizeof(struct nfgenmsg), &attributes) < 0)
        return -EBADMSG;
    prefix = attributes_text(&attributes, NFULA_PREFIX);
    if (!prefix)
        return -ENOMSG;
    refusal.is_forbidden = strcmp(prefix, REFUSAL_LOG_PREFIX_FORBIDDEN) == 0;
    if (!refusal.is_forbidden && strcmp(prefix, REFUSAL_LOG_PREFIX) != 0)
        return -ENOMSG; /* a rule of somebody else, who uses the same group */
    header = attributes_bytes(&attributes, NFULA_PACKET_HDR, sizeof(*header));
    if (!header || !attributes.of[NFULA_PAYLOAD])
        return -EBADMSG;
    r = read_packet(attributes.of[NFULA_PAYLOAD], &refusal);
    if (r < 0)
        return r;
    refusal.is_forwarded = header->hook == NF_INET_FORWARD;
    uid = attributes_u32(&attributes, NFULA_UID, UINT32_MAX);
    refusal.uid = uid == UINT32_MAX ? REFUSAL_NO_USER : (int64_t)uid;
    *ret_refusal = refusal;
    return 0;
}
