/* SPDX-License-Identifier: MIT */
/* The gate's listening sockets, all on one port. */
#ifndef EGRESSD_DNS_GATE_SOCKETS_H
#define EGRESSD_DNS_GATE_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

struct gate_sockets {
    int udp[2], tcp[2]; /* 127.0.0.1, ::1; -1: none */
    uint16_t port;
    bool has_ipv6;
};

/* Nobody else can bind the port while they are open. The caller closes them. 0 or -errno. */
int gate_sockets_open(struct gate_sockets *ret_sockets);
void gate_sockets_close(struct gate_sockets *sockets);

#endif
