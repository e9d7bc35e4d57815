/* SPDX-License-Identifier: MIT */
#include "dns/gate_sockets.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"

#define PORTS_TRIED 32
#define LISTEN_QUEUE 128
/* A burst of questions must not be lost while the kernel takes leases. */
#define RECEIVE_BUFFER (1 << 20)

static const struct address places[][2] = {
    [GATE_LOOPBACK] = {{ADDRESS_V4, {127, 0, 0, 1}}, {ADDRESS_V6, {[15] = 1}}},
    [GATE_EVERYWHERE] = {{ADDRESS_V4, {0}}, {ADDRESS_V6, {0}}},
};

static int bind_socket(int fd, const struct address *address, uint16_t port, int type)
{
    struct sockaddr_storage storage;
    socklen_t size = address_to_sockaddr(address, port, &storage);
    int one = 1, buffer = RECEIVE_BUFFER;

    if (address->family == ADDRESS_V6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0)
        return -errno;
    if (type == SOCK_DGRAM && /* beyond the limit with CAP_NET_ADMIN only */
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    if (bind(fd, (struct sockaddr *)&storage, size) < 0 ||
        (type == SOCK_STREAM && listen(fd, LISTEN_QUEUE) < 0))
        return -errno;
    return 0;
}

static int open_socket(const struct address *address, uint16_t port, int type, int *ret_fd)
{
    int family = address->family == ADDRESS_V4 ? AF_INET : AF_INET6;
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return -errno;
    r = bind_socket(fd, address, port, type);
    if (r < 0) {
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

static int read_port(int fd, uint16_t *ret_port)
{
    struct sockaddr_storage storage;
    struct address address;
    socklen_t size = sizeof(storage);

    if (getsockname(fd, (struct sockaddr *)&storage, &size) < 0)
        return -errno;
    return address_from_sockaddr((struct sockaddr *)&storage, &address, ret_port);
}

/* One try; -EADDRINUSE: the port that UDP got is taken for another. */
static int open_all(const struct address place[static 2], struct gate_sockets *sockets)
{
    int r = open_socket(&place[0], 0, SOCK_DGRAM, &sockets->udp[0]);

    if (r == 0)
        r = read_port(sockets->udp[0], &sockets->port);
    if (r == 0)
        r = open_socket(&place[0], sockets->port, SOCK_STREAM, &sockets->tcp[0]);
    if (r < 0)
        return r;
    r = open_socket(&place[1], sockets->port, SOCK_DGRAM, &sockets->udp[1]);
    if (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT)
        return 0; /* no IPv6 here */
    if (r == 0)
        r = open_socket(&place[1], sockets->port, SOCK_STREAM, &sockets->tcp[1]);
    sockets->has_ipv6 = r == 0;
    return r;
}

int gate_sockets_open(enum gate_reach reach, struct gate_sockets *ret_sockets)
{
    int r = -EADDRINUSE;

    for (int i = 0; i < PORTS_TRIED && r == -EADDRINUSE; i++) {
        struct gate_sockets sockets = {.udp = {-1, -1}, .tcp = {-1, -1}};

        r = open_all(places[reach], &sockets);
        if (r == 0)
            *ret_sockets = sockets;
        else
            gate_sockets_close(&sockets);
    }
    return r;
}

void gate_sockets_close(struct gate_sockets *sockets)
{
    for (int i = 0; i < 2; i++) {
        if (sockets->udp[i] >= 0)
            close(sockets->udp[i]);
        if (sockets->tcp[i] >= 0)
            close(sockets->tcp[i]);
        sockets->udp[i] = sockets->tcp[i] = -1;
    }
}
