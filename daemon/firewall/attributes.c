/* SPDX-License-Identifier: MIT */
#include "firewall/attributes.h"

#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>

static int collect(const struct nlattr *attribute, void *context)
{
    struct attributes *attributes = context;

    if (mnl_attr_get_type(attribute) < ATTRIBUTES_MAX)
        attributes->of[mnl_attr_get_type(attribute)] = attribute;
    return MNL_CB_OK;
}

/* By length, not by mnl_attr_parse: that one rounds the length of the message up. */
int attributes_read(const struct nlmsghdr *message, size_t header_size,
                    struct attributes *ret_attributes)
{
    size_t start = mnl_nlmsg_size((header_size + MNL_ALIGNTO - 1) / MNL_ALIGNTO * MNL_ALIGNTO);

    *ret_attributes = (struct attributes){{NULL}};
    if (message->nlmsg_len < start ||
        mnl_attr_parse_payload((const uint8_t *)message + start, message->nlmsg_len - start,
                               collect, ret_attributes) < 0)
        return -EBADMSG;
    return 0;
}

int attributes_read_nested(const struct nlattr *nest, struct attributes *ret_attributes)
{
    *ret_attributes = (struct attributes){{NULL}};
    return mnl_attr_parse_nested(nest, collect, ret_attributes) < 0 ? -EBADMSG : 0;
}

const void *attributes_bytes(const struct attributes *attributes, unsigned type, size_t size)
{
    const struct nlattr *attribute = attributes->of[type];

    return attribute && mnl_attr_get_payload_len(attribute) == size
               ? mnl_attr_get_payload(attribute)
               : NULL;
}

const char *attributes_text(const struct attributes *attributes, unsigned type)
{
    const struct nlattr *attribute = attributes->of[type];
    size_t size = attribute ? mnl_attr_get_payload_len(attribute) : 0;

    return size > 0 && mnl_attr_get_str(attribute)[size - 1] == '\0' ? mnl_attr_get_str(attribute)
                                                                     : NULL;
}

uint16_t attributes_u16(const struct attributes *attributes, unsigned type, uint16_t fallback)
{
    const void *bytes = attributes_bytes(attributes, type, sizeof(fallback));
    uint16_t value;

    if (!bytes)
        return fallback;
    memcpy(&value, bytes, sizeof(value));
    return be16toh(value);
}

uint32_t attributes_u32(const struct attributes *attributes, unsigned type, uint32_t fallback)
{
    const void *bytes = attributes_bytes(attributes, type, sizeof(fallback));
    uint32_t value;

    if (!bytes)
        return fallback;
    memcpy(&value, bytes, sizeof(value));
    return be32toh(value);
}

uint64_t attributes_u64(const struct attributes *attributes, unsigned type, uint64_t fallback)
{
    const void *bytes = attributes_bytes(attributes, type, sizeof(fallback));
    uint64_t value;

    if (!bytes)
        return fallback;
    memcpy(&value, bytes, sizeof(value));
    return be64toh(value);
}
