/* SPDX-License-Identifier: MIT */
/* One item of an allow or deny list, as the user wrote it, understood. */
#ifndef EGRESSD_POLICY_ENTRY_H
#define EGRESSD_POLICY_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/text_error.h"
#include "policy/ports.h"

#define ENTRY_NAME_SIZE 254 /* the longest name without its final dot, RFC 1035 2.3.4, + NUL */
#define ENTRY_TEXT_SIZE 320
#define ENTRY_PORTS_MAX 16
#define ENTRY_GROUP_NAME_SIZE 32

enum entry_kind {
    ENTRY_NAME,     /* exactly this name */
    ENTRY_WILDCARD, /* one or more labels below name, not name itself */
    ENTRY_PREFIX,   /* an address or a CIDR prefix */
    ENTRY_GROUP,    /* @name: stands for the entries of a group; no policy has one, see policy.h */
};

/* Where an entry was written. file is borrowed: it outlives the entry (policy_builder copies it).
 */
struct entry_source {
    const char *file; /* as shown to the user; NULL: not from a file */
    unsigned line, column;
};

struct entry {
    enum entry_kind kind;
    char text[ENTRY_TEXT_SIZE]; /* as the user wrote it */
    char name[ENTRY_NAME_SIZE]; /* lower case, no final dot, without "*." or "@"; empty for prefixes
                                 */
    struct prefix prefix;
    struct port_range ports[ENTRY_PORTS_MAX];
    size_t port_count; /* 0: none given. allow: tcp 80 and 443; deny: every port */
    uint8_t protocol;  /* with no port given: "/tcp" or "/udp" alone; 0: none given either */
    bool allow_private;
    uint32_t names_max; /* of a wildcard: to how many new names it may lead; 0: the default */
    struct entry_source source;
    const char *group; /* that it is of, without '@'; then source is where the group was written.
                          NULL: none. Borrowed, as source.file is */
};

/* Reads HOST[:PORT|:FROM-TO|:*][/tcp|/udp] or @group. On failure reterr->column counts within text.
 * An IPv6 address may go without brackets where nothing can be taken for a port. */
int entry_parse(const char *text, struct entry *ret_entry, struct text_error *reterr);

/* Small letters, digits and '-', which is not first. */
bool entry_is_group_name(const char *name);

/* Reads HOST alone (for the object form, whose ports come apart; a group has none). */
int entry_parse_host(const char *text, struct entry *ret_entry, struct text_error *reterr);

/* The host in the form that is understood again: "api.example.com", "*.example.com",
 * "192.0.2.0/24", "[2001:db8::7]", "[2001:db8::/32]". Returns text. */
const char *entry_format_host(const struct entry *entry, char text[static ENTRY_TEXT_SIZE]);

/* Canonical name: lower case, final dot dropped, letters digits '-' '_' only, labels 1..63, at most
 * 253. Used for entries, questions of users (explain) and nothing else: the gate reads names from
 * the wire. */
int name_canonicalise(const char *text, char ret_name[static ENTRY_NAME_SIZE],
                      struct text_error *reterr);

#endif
