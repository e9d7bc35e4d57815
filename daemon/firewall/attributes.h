/* SPDX-License-Identifier: MIT */
/* The one way to read attributes of netlink messages: by level, by type, of the expected size or
 * not at all. */
#ifndef EGRESSD_FIREWALL_ATTRIBUTES_H
#define EGRESSD_FIREWALL_ATTRIBUTES_H

#include <stddef.h>
#include <stdint.h>

struct nlattr;
struct nlmsghdr;

#define ATTRIBUTES_MAX 40

/* The last attribute of each type; types from ATTRIBUTES_MAX on are left out. Borrowed from the
 * message. */
struct attributes {
    const struct nlattr *of[ATTRIBUTES_MAX];
};

/* Those behind a header of header_size bytes, or those within an attribute. 0 or -EBADMSG. */
int attributes_read(const struct nlmsghdr *message, size_t header_size,
                    struct attributes *ret_attributes);
int attributes_read_nested(const struct nlattr *nest, struct attributes *ret_attributes);

/* What an attribute holds, if it is there and holds exactly size bytes; else NULL. */
const void *attributes_bytes(const struct attributes *attributes, unsigned type, size_t size);
/* Text that ends with NUL, or NULL. */
const char *attributes_text(const struct attributes *attributes, unsigned type);
/* Numbers in network byte order, fallback if they are not there or of another size. */
uint16_t attributes_u16(const struct attributes *attributes, unsigned type, uint16_t fallback);
uint32_t attributes_u32(const struct attributes *attributes, unsigned type, uint32_t fallback);
uint64_t attributes_u64(const struct attributes *attributes, unsigned type, uint64_t fallback);

#endif
