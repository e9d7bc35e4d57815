/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/gate_internal.h"

/* libuv cuts what it is lent into pieces of 64 KiB, one a datagram; what is never written to costs
 * nothing. Callbacks run before the next lending, so one buffer serves all. */
#define DATAGRAM_MAX (64 * 1024)
#define DATAGRAMS_PER_WAKE 16

static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    static char buffer[DATAGRAMS_PER_WAKE * DATAGRAM_MAX];

    (void)handle;
    (void)suggested;
    *ret_buffer = uv_buf_init(buffer, sizeof(buffer));
}

static void on_datagram(uv_udp_t *socket, ssize_t size, const uv_buf_t *buffer,
                        const struct sockaddr *from, unsigned flags)
{
    struct gate *gate = socket->data;
    struct gate_peer peer = {.socket = socket};

    if (gate->is_closing || size <= 0 || !from || flags & UV_UDP_PARTIAL)
        return;
    if (from->sa_family == AF_INET)
        memcpy(&peer.address, from, sizeof(peer.address.v4));
    else
        memcpy(&peer.address, from, sizeof(peer.address.v6));
    gate_take_message(gate, &peer, (const uint8_t *)buffer->base, (size_t)size);
}

void gate_udp_send(const struct gate_peer *peer, uint8_t *bytes, size_t size)
{
    uv_buf_t buffer = uv_buf_init((char *)bytes, (unsigned)size);

    /* A full socket loses it, as UDP may; the client asks again. */
    uv_udp_try_send(peer->socket, &buffer, 1, &peer->address.any);
}

int gate_udp_open(struct gate *gate, uv_udp_t *handle, int fd)
{
    int off = 0;
    int r = uv_udp_init_ex(gate->loop, handle, UV_UDP_RECVMMSG);

    if (r < 0) {
        close(fd);
        return r;
    }
    handle->data = gate;
    gate->open_handles++;
    r = uv_udp_open(handle, fd);
    if (r < 0) {
        close(fd);
        return r;
    }
    /* libuv sets it, and with it anybody could bind our port too and read in our place. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off)) < 0)
        return uv_translate_sys_error(errno);
    return uv_udp_recv_start(handle, lend_buffer, on_datagram);
}
