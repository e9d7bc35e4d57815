/* SPDX-License-Identifier: MIT */
/* The sets of the table: what they are called and what their elements are made of. */
#ifndef EGRESSD_FIREWALL_SETS_H
#define EGRESSD_FIREWALL_SETS_H

#include <stdint.h>

#include "base/address.h"
#include "firewall/transaction.h"
#include "policy/ports.h"

#define FIREWALL_TABLE "egressd"
#define SET_NAME_SIZE 48

/* Fields of a key are padded to four bytes each, as the registers of nft are. */
enum set_key {
    SET_KEY_ADDRESS,          /* address */
    SET_KEY_ADDRESS_SERVICE,  /* address . protocol . port */
    SET_KEY_ADDRESS_PORT,     /* address . port */
    SET_KEY_ADDRESS_INTERVAL, /* from address to address */
};

enum set_lifetime {
    SET_FIXED,         /* elements change only with the whole table */
    SET_WITH_TIMEOUTS, /* elements end by themselves */
    SET_DYNAMIC,       /* ... and rules add and prolong them */
};

struct set {
    char name[SET_NAME_SIZE];
    enum address_family family;
    enum set_key key;
    enum set_lifetime lifetime;
    const char *comment;
};

/* Learned addresses: "allow4", and one "range4_tcp_8000_8100" for each range of ports that a policy
 * has. */
struct set set_of_leases(enum address_family family);
struct set set_of_range(enum address_family family, const struct port_range *range);
/* What the packet path saw in use: "lease4". */
struct set set_in_use(enum address_family family);
/* Addresses and prefixes of the policy: "net4_tcp_22", "deny4_tcp_22", "deny4_any" (range NULL). */
struct set set_of_nets(enum address_family family, const struct port_range *range);
struct set set_of_denied(enum address_family family, const struct port_range *range);
/* Where our own questions go: "upstream4"; whom dockerd asks: "dockerd4". */
struct set set_of_upstreams(enum address_family family);
struct set set_of_dockerd(enum address_family family);

/* Appends the message that creates the set. */
struct nftnl_set;
struct nftnl_set *set_build(const struct set *set); /* the caller frees */

#define COMMENT_SIZE_MAX 256
/* The user data that nft shows as a comment: one item of this type. Returns its size; a comment
 * that is too long is cut. */
uint32_t comment_pack(uint8_t type, const char *comment, uint8_t data[static COMMENT_SIZE_MAX]);

#endif
