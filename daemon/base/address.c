/* SPDX-License-Identifier: MIT */
#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

size_t address_size(const struct address *address)
{
    return address->family == ADDRESS_V4 ? 4 : 16;
}

int address_parse(const char *text, struct address *ret_address)
{
    struct address address = {.family = ADDRESS_V4};

    if (inet_pton(AF_INET, text, address.bytes) != 1) {
        memset(address.bytes, 0, sizeof(address.bytes));
        address.family = ADDRESS_V6;
        if (inet_pton(AF_INET6, text, address.bytes) != 1)
            return -EINVAL;
    }
    *ret_address = address;
    return 0;
}

const char *address_format(const struct address *address, char text[static ADDRESS_TEXT_SIZE])
{
    int family = address->family == ADDRESS_V4 ? AF_INET : AF_INET6;

    if (!inet_ntop(family, address->bytes, text, ADDRESS_TEXT_SIZE))
        text[0] = '\0';
    return text;
}

int address_compare(const struct address *a, const struct address *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool address_equal(const struct address *a, const struct address *b)
{
    return address_compare(a, b) == 0;
}

struct address address_from_v4(const uint8_t bytes[static 4])
{
    struct address address = {.family = ADDRESS_V4};

    memcpy(address.bytes, bytes, 4);
    return address;
}

struct address address_from_v6(const uint8_t bytes[static 16])
{
    struct address address = {.family = ADDRESS_V6};

    memcpy(address.bytes, bytes, 16);
    return address;
}

int address_from_sockaddr(const struct sockaddr *socket_address, struct address *ret_address,
                          uint16_t *ret_port)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    uint16_t port;

    switch (socket_address->sa_family) {
    case AF_INET:
        memcpy(&v4, socket_address, sizeof(v4));
        *ret_address = address_from_v4((const uint8_t *)&v4.sin_addr);
        port = ntohs(v4.sin_port);
        break;
    case AF_INET6:
        memcpy(&v6, socket_address, sizeof(v6));
        *ret_address = address_from_v6(v6.sin6_addr.s6_addr);
        port = ntohs(v6.sin6_port);
        break;
    default:
        return -EAFNOSUPPORT;
    }
    if (ret_port)
        *ret_port = port;
    return 0;
}

socklen_t address_to_sockaddr(const struct address *address, uint16_t port,
                              struct sockaddr_storage *storage)
{
    memset(storage, 0, sizeof(*storage));
    if (address->family == ADDRESS_V4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)storage;

        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        memcpy(&v4->sin_addr, address->bytes, 4);
        return sizeof(*v4);
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;

    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    memcpy(&v6->sin6_addr, address->bytes, 16);
    return sizeof(*v6);
}

static unsigned longest_prefix(const struct address *address)
{
    return (unsigned)address_size(address) * 8;
}

/* Decimal, one to three digits, no sign and no leading zero. */
static int parse_length(const char *text, unsigned most, uint8_t *ret_length)
{
    unsigned value = 0;
    size_t digits = strspn(text, "0123456789");

    if (digits < 1 || digits > 3 || text[digits] || (digits > 1 && text[0] == '0'))
        return -EINVAL;
    for (; *text; text++)
        value = value * 10 + (unsigned)(*text - '0');
    if (value > most)
        return -EINVAL;
    *ret_length = (uint8_t)value;
    return 0;
}

int prefix_parse(const char *text, struct prefix *ret_prefix)
{
    const char *slash = strchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen(text);
    char address_text[ADDRESS_TEXT_SIZE];
    struct prefix prefix;

    if (size >= sizeof(address_text))
        return -EINVAL;
    memcpy(address_text, text, size);
    address_text[size] = '\0';
    if (address_parse(address_text, &prefix.address) < 0)
        return -EINVAL;

    prefix.length = (uint8_t)longest_prefix(&prefix.address);
    if (slash && parse_length(slash + 1, prefix.length, &prefix.length) < 0)
        return -EINVAL;

    struct prefix masked = prefix_mask(prefix);

    if (!address_equal(&masked.address, &prefix.address))
        return -EDOM;
    *ret_prefix = prefix;
    return 0;
}

/* Of byte i, the bits that belong to the prefix. */
static uint8_t mask_of_byte(const struct prefix *prefix, size_t i)
{
    if (prefix->length >= (i + 1) * 8)
        return 0xff;
    if (prefix->length <= i * 8)
        return 0;
    return (uint8_t)(0xff << (8 - prefix->length % 8));
}

struct prefix prefix_mask(struct prefix prefix)
{
    for (size_t i = 0; i < sizeof(prefix.address.bytes); i++)
        prefix.address.bytes[i] &= mask_of_byte(&prefix, i);
    return prefix;
}

const char *prefix_format(const struct prefix *prefix, char text[static PREFIX_TEXT_SIZE])
{
    char address_text[ADDRESS_TEXT_SIZE];

    address_format(&prefix->address, address_text);
    if (prefix->length == longest_prefix(&prefix->address))
        snprintf(text, PREFIX_TEXT_SIZE, "%s", address_text);
    else
        snprintf(text, PREFIX_TEXT_SIZE, "%s/%u", address_text, prefix->length);
    return text;
}

bool prefix_contains(const struct prefix *prefix, const struct address *address)
{
    if (prefix->address.family != address->family)
        return false;
    for (size_t i = 0; i < address_size(address); i++)
        if ((address->bytes[i] & mask_of_byte(prefix, i)) != prefix->address.bytes[i])
            return false;
    return true;
}

void prefix_bounds(const struct prefix *prefix, struct address *ret_first, struct address *ret_last)
{
    struct address first = prefix->address, last = prefix->address;

    for (size_t i = 0; i < address_size(&last); i++)
        last.bytes[i] |= (uint8_t)~mask_of_byte(prefix, i);
    *ret_first = first;
    *ret_last = last;
}

/* IANA's special-purpose address registries (RFC 6890), and what clouds answer to every machine of
 * theirs. The first match gives the reason. */
static const struct {
    uint8_t bytes[4];
    uint8_t length;
    const char *reason;
} special_v4[] = {
    {{0, 0, 0, 0}, 8, "unspecified"},
    {{10, 0, 0, 0}, 8, "private"},
    {{100, 64, 0, 0}, 10, "shared (RFC 6598)"},
    {{127, 0, 0, 0}, 8, "loopback"},
    {{168, 63, 129, 16}, 32, "metadata"}, /* Azure's wire server has a public address */
    {{169, 254, 169, 254}, 32, "metadata"},
    {{169, 254, 0, 0}, 16, "link-local"},
    {{172, 16, 0, 0}, 12, "private"},
    {{192, 0, 0, 0}, 24, "reserved"},
    {{192, 88, 99, 0}, 24, "6to4 relay"},
    {{192, 168, 0, 0}, 16, "private"},
    {{198, 18, 0, 0}, 15, "benchmarking"},
    {{224, 0, 0, 0}, 4, "multicast"},
    {{240, 0, 0, 0}, 4, "reserved"},
};

/* Only 2000::/3 is given out as global unicast; what is below are names for the rest of it and
 * exceptions within. */
static const struct {
    uint8_t bytes[16];
    uint8_t length;
    const char *reason;
} special_v6[] = {
    {{0}, 128, "unspecified"},
    {{[15] = 1}, 128, "loopback"},
    {{0}, 96, "IPv4-compatible"},
    {{[10] = 0xff, 0xff}, 96, "IPv4-mapped"},
    {{[8] = 0xff, 0xff}, 96, "IPv4-translated"},
    {{0x00, 0x64, 0xff, 0x9b}, 96, "NAT64"},
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, "NAT64"},
    {{0x20, 0x01}, 32, "Teredo"},
    {{0x20, 0x01}, 23, "reserved"},
    {{0x20, 0x02}, 16, "6to4"},
    {{0xfc}, 7, "private"},
    {{0xfe, 0x80}, 10, "link-local"},
    {{0xfe, 0xc0}, 10, "private"},
    {{0xff}, 8, "multicast"},
    {{0x00}, 3, "reserved"},
    {{0x40}, 2, "reserved"},
    {{0x80}, 1, "reserved"},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

const char *address_special_range(const struct address *address)
{
    struct prefix prefix;

    if (address->family == ADDRESS_V4) {
        for (size_t i = 0; i < COUNT_OF(special_v4); i++) {
            prefix.address = address_from_v4(special_v4[i].bytes);
            prefix.length = special_v4[i].length;
            if (prefix_contains(&prefix, address))
                return special_v4[i].reason;
        }
        return NULL;
    }
    for (size_t i = 0; i < COUNT_OF(special_v6); i++) {
        prefix.address = address_from_v6(special_v6[i].bytes);
        prefix.length = special_v6[i].length;
        if (prefix_contains(&prefix, address))
            return special_v6[i].reason;
    }
    return NULL;
}
