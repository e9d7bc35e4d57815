/* SPDX-License-Identifier: MIT */
#include "firewall/sets.h"

#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firewall/leases.h"

/* Key types as nft numbers them (its src/datatype.c); a concatenation has six bits for each. */
enum {
    TYPE_IPADDR = 7,
    TYPE_IP6ADDR = 8,
    TYPE_INET_PROTOCOL = 12,
    TYPE_INET_SERVICE = 13,
    TYPE_BITS = 6,
};
#define BYTEORDER_BIG_ENDIAN 2

static struct set make_set(const char *stem, enum address_family family,
                           const struct port_range *range, enum set_key key,
                           enum set_lifetime lifetime, const char *comment)
{
    struct set set = {.family = family, .key = key, .lifetime = lifetime, .comment = comment};
    const char *protocol = range && range->protocol == IPPROTO_UDP ? "udp" : "tcp";

    if (!range)
        snprintf(set.name, sizeof(set.name), "%s%d", stem, (int)family);
    else if (range->from == range->to)
        snprintf(set.name, sizeof(set.name), "%s%d_%s_%u", stem, (int)family, protocol,
                 range->from);
    else
        snprintf(set.name, sizeof(set.name), "%s%d_%s_%u_%u", stem, (int)family, protocol,
                 range->from, range->to);
    return set;
}

struct set set_of_leases(enum address_family family)
{
    return make_set("allow", family, NULL, SET_KEY_ADDRESS_SERVICE, SET_WITH_TIMEOUTS,
                    "addresses that allowed names led to, until their answers end");
}

struct set set_of_range(enum address_family family, const struct port_range *range)
{
    return make_set("range", family, range, SET_KEY_ADDRESS, SET_WITH_TIMEOUTS,
                    "the same for names that are allowed a range of ports");
}

struct set set_in_use(enum address_family family)
{
    return make_set("lease", family, NULL, SET_KEY_ADDRESS_SERVICE, SET_DYNAMIC,
                    "addresses in use: open until no new connection came for a while");
}

struct set set_of_nets(enum address_family family, const struct port_range *range)
{
    return make_set("net", family, range, SET_KEY_ADDRESS_INTERVAL, SET_FIXED,
                    "addresses and prefixes that the policy allows");
}

struct set set_of_denied(enum address_family family, const struct port_range *range)
{
    struct set set = make_set("deny", family, range, SET_KEY_ADDRESS_INTERVAL, SET_FIXED,
                              "addresses and prefixes that the policy denies");

    if (!range)
        snprintf(set.name, sizeof(set.name), "deny%d_any", (int)family);
    return set;
}

struct set set_of_upstreams(enum address_family family)
{
    return make_set("upstream", family, NULL, SET_KEY_ADDRESS_PORT, SET_FIXED,
                    "name servers that egressd asks");
}

struct set set_of_dockerd(enum address_family family)
{
    return make_set("dockerd", family, NULL, SET_KEY_ADDRESS, SET_FIXED,
                    "name servers that dockerd asks from inside this network namespace");
}

uint32_t comment_pack(uint8_t type, const char *comment, uint8_t data[static COMMENT_SIZE_MAX])
{
    size_t length = strnlen(comment, COMMENT_SIZE_MAX - 3);

    data[0] = type;
    data[1] = (uint8_t)(length + 1);
    memcpy(data + 2, comment, length);
    data[length + 2] = '\0';
    return (uint32_t)(length + 3);
}

static uint32_t key_size(const struct set *set)
{
    uint32_t address = set->family == ADDRESS_V4 ? 4 : 16;

    switch (set->key) {
    case SET_KEY_ADDRESS_SERVICE:
        return address + 8;
    case SET_KEY_ADDRESS_PORT:
        return address + 4;
    case SET_KEY_ADDRESS:
    case SET_KEY_ADDRESS_INTERVAL:
        break;
    }
    return address;
}

static uint32_t key_type(const struct set *set)
{
    uint32_t type = set->family == ADDRESS_V4 ? TYPE_IPADDR : TYPE_IP6ADDR;

    if (set->key == SET_KEY_ADDRESS_SERVICE)
        type = type << TYPE_BITS | TYPE_INET_PROTOCOL;
    if (set->key == SET_KEY_ADDRESS_SERVICE || set->key == SET_KEY_ADDRESS_PORT)
        type = type << TYPE_BITS | TYPE_INET_SERVICE;
    return type;
}

static uint32_t set_flags(const struct set *set)
{
    uint32_t flags = set->key == SET_KEY_ADDRESS_INTERVAL ? NFT_SET_INTERVAL : 0;

    if (set->lifetime != SET_FIXED)
        flags |= NFT_SET_TIMEOUT;
    if (set->lifetime == SET_DYNAMIC)
        flags |= NFT_SET_EVAL;
    return flags;
}

static void put_userdata(struct nftnl_set *built, const struct set *set)
{
    struct nftnl_udata_buf *data = nftnl_udata_buf_alloc(COMMENT_SIZE_MAX);

    if (!data)
        abort();
    nftnl_udata_put_u32(data, NFTNL_UDATA_SET_KEYBYTEORDER, BYTEORDER_BIG_ENDIAN);
    nftnl_udata_put_strz(data, NFTNL_UDATA_SET_COMMENT, set->comment);
    nftnl_set_set_data(built, NFTNL_SET_USERDATA, nftnl_udata_buf_data(data),
                       nftnl_udata_buf_len(data));
    nftnl_udata_buf_free(data);
}

struct nftnl_set *set_build(const struct set *set)
{
    struct nftnl_set *built = nftnl_set_alloc();

    if (!built)
        abort();
    nftnl_set_set_str(built, NFTNL_SET_TABLE, FIREWALL_TABLE);
    nftnl_set_set_str(built, NFTNL_SET_NAME, set->name);
    nftnl_set_set_u32(built, NFTNL_SET_FAMILY, NFPROTO_INET);
    nftnl_set_set_u32(built, NFTNL_SET_KEY_TYPE, key_type(set));
    nftnl_set_set_u32(built, NFTNL_SET_KEY_LEN, key_size(set));
    nftnl_set_set_u32(built, NFTNL_SET_FLAGS, set_flags(set));
    if (set->lifetime != SET_FIXED)
        nftnl_set_set_u32(built, NFTNL_SET_DESC_SIZE, LEASES_MAX);
    put_userdata(built, set);
    return built;
}
