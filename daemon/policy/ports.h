/* SPDX-License-Identifier: MIT */
/* A range of ports of one protocol: what "443", "8000-8100/udp" and "*" mean. */
#ifndef EGRESSD_POLICY_PORTS_H
#define EGRESSD_POLICY_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text_error.h"

struct port_range {
    uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
    uint16_t from;    /* 1..65535, host byte order */
    uint16_t to;      /* >= from */
};

/* "65535-65535/udp" + NUL */
#define PORT_RANGE_TEXT_SIZE 16

/* "PORT", "FROM-TO" or "*", then optionally "/tcp" or "/udp" (tcp if absent). */
int port_range_parse(const char *text, struct port_range *ret_range, struct text_error *reterr);
/* The shortest form that parses back: "443", "8000-8100", "*", with "/udp" for UDP alone. */
const char *port_range_format(const struct port_range *range,
                              char text[static PORT_RANGE_TEXT_SIZE]);
bool port_range_contains(const struct port_range *range, uint8_t protocol, uint16_t port);

#endif
