/* SPDX-License-Identifier: MIT */
/* A gate's listening sockets, all on one port. */
#ifndef EGRESSD_DNS_GATE_SOCKETS_H
#define EGRESSD_DNS_GATE_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

/* Where it can be reached. The table keeps away from the second who was not redirected there. */
enum gate_reach {
    GATE_LOOPBACK,
    GATE_EVERYWHERE,
};

struct gate_sockets {
    int udp[2], tcp[2]; /* IPv4, IPv6; -1: none */
    uint16_t port;
    bool has_ipv6;
};

/* Nobody else can bind the port while they are open. The caller closes them. 0 or -errno. */
int gate_sockets_open(enum gate_reach reach, struct gate_sockets *ret_sockets);
void gate_sockets_close(struct gate_sockets *sockets);

#endif
