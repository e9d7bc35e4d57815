/* SPDX-License-Identifier: MIT */
#include "policy/ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"

/* Reads the digits at text. ret_size says how many there were. */
static int parse_port(const char *text, unsigned column, uint16_t *ret_port, size_t *ret_size,
                      struct text_error *reterr)
{
    size_t size = strspn(text, DIGITS);
    unsigned value = 0;

    for (size_t i = 0; i < size && value <= UINT16_MAX; i++)
        value = value * 10 + (unsigned)(text[i] - '0');
    if (size == 0)
        return text_error_set(
            reterr, 0, column,
            "a port is a number (443), a range (8000-8100) or '*' for every port");
    if (value == 0 || value > UINT16_MAX)
        return text_error_set(reterr, 0, column, "port %.*s does not exist: ports are 1 to 65535",
                              (int)(size > 10 ? 10 : size), text);
    *ret_port = (uint16_t)value;
    *ret_size = size;
    return 0;
}

static int parse_protocol(const char *text, unsigned column, uint8_t *ret_protocol,
                          struct text_error *reterr)
{
    if (strcasecmp(text, "/tcp") == 0)
        *ret_protocol = IPPROTO_TCP;
    else if (strcasecmp(text, "/udp") == 0)
        *ret_protocol = IPPROTO_UDP;
    else
        return text_error_set(reterr, 0, column,
                              "'%.40s' cannot follow a port: write nothing or '/tcp' for TCP, "
                              "'/udp' for UDP",
                              text);
    return 0;
}

int port_range_parse(const char *text, struct port_range *ret_range, struct text_error *reterr)
{
    struct port_range range = {IPPROTO_TCP, 1, UINT16_MAX};
    const char *at = text;
    size_t size;

    if (*at == '*') {
        at++;
    } else {
        if (parse_port(at, 1, &range.from, &size, reterr) < 0)
            return -EINVAL;
        at += size;
        range.to = range.from;
        if (*at == '-') {
            at++;
            if (parse_port(at, (unsigned)(at - text) + 1, &range.to, &size, reterr) < 0)
                return -EINVAL;
            at += size;
        }
        if (range.to < range.from)
            return text_error_set(reterr, 0, 1, "the range %u-%u runs backwards: write %u-%u",
                                  range.from, range.to, range.to, range.from);
    }
    if (*at && parse_protocol(at, (unsigned)(at - text) + 1, &range.protocol, reterr) < 0)
        return -EINVAL;
    *ret_range = range;
    return 0;
}

const char *port_range_format(const struct port_range *range,
                              char text[static PORT_RANGE_TEXT_SIZE])
{
    const char *protocol = range->protocol == IPPROTO_UDP ? "/udp" : "";

    if (range->from == 1 && range->to == UINT16_MAX)
        snprintf(text, PORT_RANGE_TEXT_SIZE, "*%s", protocol);
    else if (range->from == range->to)
        snprintf(text, PORT_RANGE_TEXT_SIZE, "%u%s", range->from, protocol);
    else
        snprintf(text, PORT_RANGE_TEXT_SIZE, "%u-%u%s", range->from, range->to, protocol);
    return text;
}

bool port_range_contains(const struct port_range *range, uint8_t protocol, uint16_t port)
{
    return range->protocol == protocol && range->from <= port && port <= range->to;
}
