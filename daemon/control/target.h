/* SPDX-License-Identifier: MIT */
/* What a user asks about: a host as they would type or paste it. */
#ifndef EGRESSD_CONTROL_TARGET_H
#define EGRESSD_CONTROL_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

/* "[" address "]:65535/udp" or a name with the same */
#define TARGET_TEXT_SIZE (ENTRY_NAME_SIZE + 16)

struct target {
    bool is_address;
    struct address address;
    char host[ENTRY_NAME_SIZE]; /* canonical name, or the address as text */
    bool has_port;
    uint8_t protocol; /* IPPROTO_TCP if none was said */
    uint16_t port;
};

/* HOST[:PORT[/tcp|/udp]] or a URL. -EINVAL with what would be right. */
int target_parse(const char *text, struct target *ret_target, struct text_error *reterr);

/* name NULL: the address. port: 0 or less stands for none. */
struct target target_make(const char *name, const struct address *address, int protocol, int port);

/* The entry that would allow just this: "example.com", "example.com:22", "[2001:db8::7]:123/udp".
 */
const char *target_as_entry(const struct target *target, char text[static TARGET_TEXT_SIZE]);

/* "443", "123/udp" */
const char *target_port_text(const struct target *target, char text[static PORT_RANGE_TEXT_SIZE]);

/* Whether the entry is about the target's host. */
bool target_matches(const struct target *target, const struct entry *entry);

/* Whether an entry of deny is about the target: its host, and its port if one was asked. */
bool target_is_denied_by(const struct target *target, const struct entry *entry);

/* Whether somebody may mean an address of this range (address_special_range): of one's own network.
 */
bool target_may_mean(const char *range);

/* Why the target, an address of such a range, is not suggested: text, or what needs no copy. */
#define TARGET_NOTE_SIZE (TARGET_TEXT_SIZE + 80)
const char *target_special_note(const struct target *target, const char *range,
                                char text[static TARGET_NOTE_SIZE]);

#endif
