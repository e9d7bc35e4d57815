/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
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

/* libuv lets others share what it opens (SO_REUSEADDR): whoever binds our port in that moment would
 * read in our place. So it opens a socket of no port, whose place ours takes. */
static int open_unshared(uv_udp_t *handle, int fd)
{
    int place = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r;

    if (place < 0)
        return uv_translate_sys_error(errno);
    r = uv_udp_open(handle, place);
    if (r < 0) {
        close(place);
        return r;
    }
    return dup3(fd, place, O_CLOEXEC) < 0 ? uv_translate_sys_error(errno) : 0;
}

int gate_udp_open(struct gate *gate, uv_udp_t *handle, int fd)
{
    int r = uv_udp_init_ex(gate->loop, handle, UV_UDP_RECVMMSG);

    if (r == 0) {
        handle->data = gate;
        gate->open_handles++;
        r = open_unshared(handle, fd);
    }
    close(fd);
    return r < 0 ? r : uv_udp_recv_start(handle, lend_buffer, on_datagram);
}
