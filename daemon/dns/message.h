/* SPDX-License-Identifier: MIT */
/* The four messages of DNS (RFC 1035 4) that we read or write: a client's question, our question to
 * an upstream, its answer, our answer to the client. Nothing of one is ever copied into another but
 * the question section back to whoever sent it. Pure. */
#ifndef EGRESSD_DNS_MESSAGE_H
#define EGRESSD_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "dns/wire_name.h"

#define MESSAGE_HEADER_SIZE 12
#define MESSAGE_SECTION_SIZE (WIRE_NAME_SIZE + 4) /* one question: name, type, class */
#define MESSAGE_UDP_PLAIN 512                     /* without EDNS, RFC 1035 4.2.1 */
#define MESSAGE_UDP_EDNS 1232                     /* never fragmented, RFC 9715 */
#define MESSAGE_TCP_MAX 65535

enum message_type {
    MESSAGE_A = 1,
    MESSAGE_CNAME = 5,
    MESSAGE_SOA = 6,
    MESSAGE_PTR = 12,
    MESSAGE_AAAA = 28,
    MESSAGE_OPT = 41,
};

enum message_rcode {
    MESSAGE_NOERROR = 0,
    MESSAGE_FORMERR = 1,
    MESSAGE_SERVFAIL = 2,
    MESSAGE_NXDOMAIN = 3,
    MESSAGE_NOTIMP = 4,
    MESSAGE_REFUSED = 5,
    MESSAGE_BADVERS = 16,
};

/* Extended errors, RFC 8914 4. */
enum message_extended_error {
    MESSAGE_EXTENDED_NONE = -1,
    MESSAGE_EXTENDED_OTHER = 0,
    MESSAGE_EXTENDED_STALE = 3,
    MESSAGE_EXTENDED_CACHED_ERROR = 13,
    MESSAGE_EXTENDED_BLOCKED = 15,
    MESSAGE_EXTENDED_NO_AUTHORITY = 22,
    MESSAGE_EXTENDED_NETWORK = 23,
};

/* --- from a client ---------------------------------------------------------------------------- */

struct message_question {
    uint16_t id;
    uint8_t opcode;
    bool recursion_desired, checking_disabled;
    enum message_rcode rcode; /* not NOERROR: the question itself is at fault, answer just this */

    /* What follows means something only with NOERROR (and BADVERS). */
    uint16_t type;
    bool is_internet; /* class IN */
    bool name_is_odd; /* bytes that no entry can have: name is empty then */
    char name[WIRE_NAME_TEXT_SIZE];
    bool has_edns, wants_dnssec;
    uint16_t udp_size;                     /* what the client takes by UDP, within our own bounds */
    uint8_t section[MESSAGE_SECTION_SIZE]; /* the question as it came, to be sent back */
    uint16_t section_size;                 /* 0: send none back */
};

/* -EBADMSG: too short to answer, or itself an answer: say nothing. */
int message_read_question(const uint8_t *bytes, size_t size, struct message_question *ret_question);

/* --- to a client ------------------------------------------------------------------------------ */

struct message_reply {
    enum message_rcode rcode;
    uint32_t ttl_s;
    const struct address *addresses; /* of the family that the question's type asks for */
    size_t count;
    enum message_extended_error extended_error; /* left out when the client sent no EDNS */
    const char *extended_text;                  /* NULL: none; cut to fit */
};

/* The addresses come as records of the asked name itself, the CNAME chain left out: a client does
 * not need it, and nobody learns names that were not asked. What does not fit in limit bytes (at
 * least MESSAGE_UDP_PLAIN) is left out and TC set. Returns the size. */
size_t message_write_reply(const struct message_question *question,
                           const struct message_reply *reply, uint8_t *ret_bytes, size_t limit);

/* --- to an upstream --------------------------------------------------------------------------- */

#define MESSAGE_QUERY_SIZE (MESSAGE_HEADER_SIZE + MESSAGE_SECTION_SIZE + 11)

enum message_edns { MESSAGE_WITHOUT_EDNS, MESSAGE_WITH_EDNS };

struct message_query {
    uint8_t bytes[MESSAGE_QUERY_SIZE];
    uint16_t size;
    uint16_t section_size;
};

/* A new question: random id, letters of the name in random case (0x20), RD, our own EDNS without
 * options. -EINVAL: name is no name. */
int message_write_query(const char *name, uint16_t type, enum message_edns edns,
                        struct message_query *ret_query);

/* --- from an upstream ------------------------------------------------------------------------- */

enum message_match {
    MESSAGE_NOT_OURS,
    MESSAGE_OURS,
    MESSAGE_CASE_DIFFERS, /* but for the case of letters: a server that mangles it, or a guess */
};
enum message_match message_match_reply(const struct message_query *query, const uint8_t *bytes,
                                       size_t size);
bool message_is_truncated(const uint8_t *bytes, size_t size);

#define MESSAGE_CHAIN_MAX 8
#define MESSAGE_ADDRESSES_MAX 1024

struct message_answer {
    enum message_rcode rcode;
    uint32_t ttl_s; /* smallest of chain and addresses, RFC 2181 8; UINT32_MAX: neither is there */
    bool has_soa;
    uint32_t negative_ttl_s; /* RFC 2308 5; with has_soa */
    size_t chain_count;      /* CNAMEs followed; the last target owns the addresses */
    char chain[MESSAGE_CHAIN_MAX + 1][WIRE_NAME_TEXT_SIZE];
    size_t count;
    struct address addresses[MESSAGE_ADDRESSES_MAX]; /* more than these are passed over */
};

/* Reads the answer to a question for name, type A or AAAA. Follows CNAMEs from name only and takes
 * the addresses that the last target owns; whatever else the message holds means nothing. DNAMEs
 * are not followed, the CNAMEs made from them are (RFC 6672 3.1). An answer that is not NOERROR has
 * no addresses. -EBADMSG: malformed, or for another question. -ELOOP: the chain loops or is too
 * long. */
int message_read_answer(const uint8_t *bytes, size_t size, const char *name, uint16_t type,
                        struct message_answer *ret_answer);

#endif
