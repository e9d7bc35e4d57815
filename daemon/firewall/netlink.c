/* SPDX-License-Identifier: MIT */
#include "firewall/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "firewall/attributes.h"

/* A batch must fit the send buffer whole: 100 000 elements take about 12 MB. Room, not memory. */
#define SEND_BUFFER_SIZE (64 << 20)
#define RECEIVE_BUFFER_SIZE (4 << 20)
#define READ_SIZE 32768 /* what the kernel fills at most in one part of a dump */
#define DUMP_TRIES 8
#define DISCARDS_MAX 64
#define ERROR_MAX 4095 /* MAX_ERRNO of the kernel */

struct netlink {
    struct mnl_socket *socket;
    int fd;
    uint32_t sequence;
    uint8_t answer[READ_SIZE];
};

void netlink_set_buffer(int fd, int forced, int plain, int size)
{
    if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)) < 0)
        setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size));
}

int netlink_socket(int protocol)
{
    const struct sockaddr_nl any = {.nl_family = AF_NETLINK};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

    if (fd < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0) {
        int r = -errno;

        close(fd);
        return r;
    }
    return fd;
}

/* Answers to whom nobody listens any more; a listing that was cut short ends by being read. The
 * kernel answers within the question, so nothing more comes later. */
static void discard_legacy(struct netlink *netlink)
{
    while (recv(netlink->fd, netlink->answer, sizeof(netlink->answer), MSG_DONTWAIT) >= 0 ||
           errno == ENOBUFS || errno == EINTR)
        ;
}

int netlink_open(int take_socket, struct netlink **ret_netlink)
{
    struct mnl_socket *socket = mnl_socket_fdopen(take_socket);
    int on = 1;

    if (!socket) {
        int r = -errno;

        close(take_socket);
        return r;
    }

    struct netlink *netlink = xcalloc(1, sizeof(*netlink));

    netlink->socket = socket;
    netlink->fd = take_socket;
    netlink->sequence = (uint32_t)clock_now_ms();
    netlink_set_buffer(netlink->fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER_SIZE);
    netlink_set_buffer(netlink->fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BUFFER_SIZE);
    /* A refusal then names the attribute, and does not carry the message back. */
    mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, &on, sizeof(on));
    mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &on, sizeof(on));
    discard_legacy(netlink);
    *ret_netlink = netlink;
    return 0;
}

void netlink_close(struct netlink *netlink)
{
    if (!netlink)
        return;
    mnl_socket_close(netlink->socket);
    free(netlink);
}

uint32_t netlink_port(const struct netlink *netlink)
{
    return mnl_socket_get_portid(netlink->socket);
}

uint32_t netlink_next_sequence(struct netlink *netlink)
{
    if (++netlink->sequence == 0)
        ++netlink->sequence;
    return netlink->sequence;
}

static bool is_between(uint32_t first, uint32_t sequence, uint32_t last)
{
    return sequence - first <= last - first;
}

/* Reads one datagram; -EAGAIN when there is none and none comes. */
static ssize_t read_answer(struct netlink *netlink)
{
    for (bool waited = false;; waited = true) {
        ssize_t size = recv(netlink->fd, netlink->answer, sizeof(netlink->answer), MSG_DONTWAIT);
        struct pollfd wanted = {.fd = netlink->fd, .events = POLLIN};

        if (size >= 0)
            return size;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN || waited)
            return -errno;
        poll(&wanted, 1, NETLINK_PATIENCE_MS);
    }
}

/* After a failure: what the kernel still says of the same exchange must not be taken for the next
 * one's. Sequence numbers tell them apart in any case, so this need not go on for ever. */
static void discard_answers(struct netlink *netlink)
{
    for (int i = 0; i < DISCARDS_MAX; i++)
        if (recv(netlink->fd, netlink->answer, sizeof(netlink->answer), MSG_DONTWAIT) < 0 &&
            errno != ENOBUFS && errno != EINTR)
            break;
}

static void read_refusal(const struct nlmsghdr *message, struct netlink_refusal *ret_refusal)
{
    const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);
    struct attributes attributes;
    const uint32_t *offset;
    const char *text;

    memset(ret_refusal, 0, sizeof(*ret_refusal));
    ret_refusal->sequence = error->msg.nlmsg_seq;
    /* Without NETLINK_CAP_ACK (an old kernel) the whole request comes before the attributes. */
    if (!(message->nlmsg_flags & NLM_F_ACK_TLVS) || !(message->nlmsg_flags & NLM_F_CAPPED) ||
        attributes_read(message, sizeof(*error), &attributes) < 0)
        return;
    offset = attributes_bytes(&attributes, NLMSGERR_ATTR_OFFS, sizeof(*offset));
    if (offset)
        ret_refusal->offset = *offset; /* this one in host byte order */
    text = attributes_text(&attributes, NLMSGERR_ATTR_MSG);
    if (text)
        snprintf(ret_refusal->text, sizeof(ret_refusal->text), "%s", text);
}

/* The next message of what was read, or NULL. */
static const struct nlmsghdr *next_message(const struct netlink *netlink,
                                           const struct nlmsghdr *message, int *left)
{
    message = message ? mnl_nlmsg_next(message, left) : (const struct nlmsghdr *)netlink->answer;
    /* mnl_nlmsg_ok takes a length beyond INT_MAX for a negative one. */
    return mnl_nlmsg_ok(message, *left) && message->nlmsg_len <= (uint32_t)*left ? message : NULL;
}

/* Whether this is the kernel's word on a request; ret_error is then 0 or -errno. */
static bool is_acknowledgement(const struct nlmsghdr *message, int *ret_error)
{
    if (message->nlmsg_type != NLMSG_ERROR ||
        message->nlmsg_len < mnl_nlmsg_size(sizeof(struct nlmsgerr)))
        return false;
    *ret_error = ((const struct nlmsgerr *)mnl_nlmsg_get_payload(message))->error;
    if (*ret_error > 0 || *ret_error < -ERROR_MAX)
        *ret_error = -EBADMSG;
    return true;
}

int netlink_exchange(struct netlink *netlink, const void *messages, size_t size, uint32_t first,
                     uint32_t last, struct netlink_refusal *ret_refusal)
{
    struct netlink_refusal refusal = {0};

    if (ret_refusal)
        *ret_refusal = refusal;
    if (mnl_socket_sendto(netlink->socket, messages, size) < 0)
        return -errno;
    for (;;) {
        ssize_t got = read_answer(netlink);
        int left = (int)got, error;

        if (got < 0) {
            discard_answers(netlink);
            return got == -EAGAIN ? -ETIMEDOUT : (int)got;
        }
        for (const struct nlmsghdr *message = next_message(netlink, NULL, &left); message;
             message = next_message(netlink, message, &left)) {
            if (!is_between(first, message->nlmsg_seq, last) ||
                !is_acknowledgement(message, &error))
                continue;
            if (error < 0) {
                read_refusal(message, &refusal);
                if (ret_refusal)
                    *ret_refusal = refusal;
                discard_answers(netlink);
                return error;
            }
            if (message->nlmsg_seq == last)
                return 0;
        }
    }
}

struct nlmsghdr *netlink_start(struct netlink *netlink, void *buffer, uint8_t subsystem,
                               uint8_t type, uint8_t family, uint16_t flags)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
    struct nfgenmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

    message->nlmsg_type = (uint16_t)(subsystem << 8 | type);
    message->nlmsg_flags = NLM_F_REQUEST | flags;
    message->nlmsg_seq = netlink_next_sequence(netlink);
    header->nfgen_family = family;
    header->version = NFNETLINK_V0;
    return message;
}

int netlink_request(struct netlink *netlink, struct nlmsghdr *message)
{
    message->nlmsg_flags |= NLM_F_ACK;
    return netlink_exchange(netlink, message, message->nlmsg_len, message->nlmsg_seq,
                            message->nlmsg_seq, NULL);
}

/* What is left of the answer when the listener has had enough is read all the same. */
static int read_listing(struct netlink *netlink, uint32_t sequence,
                        const struct netlink_listener *listener, bool *ret_interrupted)
{
    int result = 0;

    for (;;) {
        ssize_t got = read_answer(netlink);
        int left = (int)got, error;

        if (got < 0) {
            discard_answers(netlink);
            return got == -EAGAIN ? -ETIMEDOUT : (int)got;
        }
        for (const struct nlmsghdr *message = next_message(netlink, NULL, &left); message;
             message = next_message(netlink, message, &left)) {
            if (message->nlmsg_seq != sequence)
                continue;
            if (message->nlmsg_flags & NLM_F_DUMP_INTR)
                *ret_interrupted = true;
            if (message->nlmsg_type == NLMSG_DONE)
                return result;
            if (is_acknowledgement(message, &error))
                return error < 0 ? error : result;
            if (message->nlmsg_type >= NLMSG_MIN_TYPE && result == 0)
                result = listener->on_message(listener->context, message);
        }
    }
}

int netlink_dump(struct netlink *netlink, struct nlmsghdr *message,
                 const struct netlink_listener *listener)
{
    for (int tries = 0; tries < DUMP_TRIES; tries++) {
        bool interrupted = false;
        int r;

        if (tries > 0) {
            message->nlmsg_seq = netlink_next_sequence(netlink);
            if (listener->on_restart)
                listener->on_restart(listener->context);
        }
        if (mnl_socket_sendto(netlink->socket, message, message->nlmsg_len) < 0)
            return -errno;
        r = read_listing(netlink, message->nlmsg_seq, listener, &interrupted);
        if (r < 0 || !interrupted)
            return r;
    }
    return -EINTR;
}
