/* SPDX-License-Identifier: MIT */
#include "firewall/monitor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "firewall/netlink.h"
#include "firewall/state.h"

#define READ_SIZE 32768
#define READS_MAX 256
#define RECEIVE_BUFFER_SIZE (1 << 20)

struct monitor {
    struct mnl_socket *socket;
    struct changes changes;
    uint8_t datagram[READ_SIZE];
};

/* In the kernel, so that a grant wakes nobody up. A datagram is about one commit, hence what its
 * first message says of the sender goes for all of it. */
static int ignore_changes_of(struct mnl_socket *socket, uint32_t port)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(port), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

    if (setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_ATTACH_FILTER, &program,
                   sizeof(program)) < 0)
        return -errno;
    return 0;
}

int monitor_open(const struct firewall *firewall, struct monitor **ret_monitor)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
    int r;

    if (!socket)
        return -errno;
    r = ignore_changes_of(socket, netlink_port(firewall->netlink));
    if (r == 0 && mnl_socket_bind(socket, 1 << (NFNLGRP_NFTABLES - 1), MNL_SOCKET_AUTOPID) < 0)
        r = -errno;
    if (r < 0) {
        mnl_socket_close(socket);
        return r;
    }
    netlink_set_buffer(mnl_socket_get_fd(socket), SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BUFFER_SIZE);

    struct monitor *monitor = xcalloc(1, sizeof(*monitor));

    monitor->socket = socket;
    *ret_monitor = monitor;
    return 0;
}

void monitor_close(struct monitor *monitor)
{
    if (!monitor)
        return;
    mnl_socket_close(monitor->socket);
    free(monitor);
}

int monitor_fd(const struct monitor *monitor)
{
    return mnl_socket_get_fd(monitor->socket);
}

/* 1: heard something, 0: there is nothing more. */
static int hear_once(struct monitor *monitor, bool *ret_has_gaps)
{
    struct sockaddr_nl from = {0};
    socklen_t from_size = sizeof(from);
    ssize_t size = recvfrom(monitor_fd(monitor), monitor->datagram, READ_SIZE,
                            MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_size);

    if (size < 0 && errno == EINTR)
        return 1;
    if (size < 0 && errno == EAGAIN)
        return 0;
    if (size < 0 || size > READ_SIZE) {
        *ret_has_gaps = true; /* ENOBUFS: the buffer has overflowed */
        return size > 0 || errno == ENOBUFS;
    }
    if (from.nl_pid == 0) /* the kernel; others may speak to the group too */
        changes_hear(&monitor->changes, monitor->datagram, (size_t)size);
    return 1;
}

void monitor_read(struct monitor *monitor, struct monitor_news *ret_news)
{
    struct changes *changes = &monitor->changes;
    bool has_gaps = false;

    changes->commits = 0;
    changes->has_others = false;
    for (int i = 0; i < READS_MAX && hear_once(monitor, &has_gaps); i++)
        ;
    *ret_news =
        (struct monitor_news){changes->commits, changes->first, changes->has_others, has_gaps};
}
