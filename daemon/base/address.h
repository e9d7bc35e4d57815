/* SPDX-License-Identifier: MIT */
/* An IPv4 or IPv6 address, and a prefix of such: parse, print, compare, classify. Plain values. */
#ifndef EGRESSD_BASE_ADDRESS_H
#define EGRESSD_BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum address_family {
    ADDRESS_NONE = 0,
    ADDRESS_V4 = 4,
    ADDRESS_V6 = 6,
};

/* Network byte order; IPv4 uses the first four bytes and leaves the others zero, so that two
 * equal addresses are equal bytes. */
struct address {
    enum address_family family;
    uint8_t bytes[16];
};

struct prefix {
    struct address address; /* host bits are zero */
    uint8_t length;
};

/* "[" + longest IPv6 text + "]" + NUL, and the same with "/128" */
#define ADDRESS_TEXT_SIZE 48
#define PREFIX_TEXT_SIZE 52

/* Length in bytes of an address of this family: 4 or 16. */
size_t address_size(const struct address *address);

/* Accepts dotted quads and RFC 4291 text, without brackets or zone. Returns 0 or -EINVAL. */
int address_parse(const char *text, struct address *ret_address);

/* Prints without brackets (RFC 5952). Returns text. */
const char *address_format(const struct address *address, char text[static ADDRESS_TEXT_SIZE]);

int address_compare(const struct address *a, const struct address *b);
bool address_equal(const struct address *a, const struct address *b);

struct address address_from_v4(const uint8_t bytes[static 4]);
struct address address_from_v6(const uint8_t bytes[static 16]);

/* From a struct sockaddr_in or sockaddr_in6; -EAFNOSUPPORT for others. ret_port may be NULL. */
int address_from_sockaddr(const struct sockaddr *socket_address, struct address *ret_address,
                          uint16_t *ret_port);
/* Returns the length of what was written to storage. */
socklen_t address_to_sockaddr(const struct address *address, uint16_t port,
                              struct sockaddr_storage *storage);

/* "ADDRESS/LENGTH" or a bare address (then /32 or /128). -EINVAL when malformed, -EDOM when host
 * bits are set (the caller names the prefix that was meant: see prefix_mask). */
int prefix_parse(const char *text, struct prefix *ret_prefix);
/* Clears the host bits. */
struct prefix prefix_mask(struct prefix prefix);
const char *prefix_format(const struct prefix *prefix, char text[static PREFIX_TEXT_SIZE]);
bool prefix_contains(const struct prefix *prefix, const struct address *address);
/* The lowest and the highest address of the prefix. */
void prefix_bounds(const struct prefix *prefix, struct address *ret_first,
                   struct address *ret_last);

/* Why an address must not be learned from DNS (rebinding), or NULL when it is an ordinary public
 * unicast address. Covers private, shared, loopback, link-local, metadata, multicast, reserved and
 * documentation-independent special ranges (RFC 6890 and IANA's registries) and IPv6 forms that
 * embed an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo). The documentation prefixes count
 * as public: tests live in them, and nothing is routed there. */
const char *address_special_range(const struct address *address);

#endif
