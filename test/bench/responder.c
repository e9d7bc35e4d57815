/* SPDX-License-Identifier: MIT */
/* The upstream of the benchmarks: answers every DNS question over UDP at once, or after a fixed
 * delay. A: addresses that rotate through 198.51.100.0/24 and 203.0.113.0/24; AAAA: through
 * 2001:db8::/64, never the same twice. A name whose first label is "fixed" always gets the address
 * of -f. Other types: an empty answer.
 *
 * responder [-p PORT=53] [-t TTL=300] [-n ADDRESSES=1] [-d DELAY_MS=0] [-f IPV6_ADDRESS] */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define PACKET_SIZE 1232
#define ADDRESSES_MAX 32
#define DELAYED_MAX 4096
#define HEADER_SIZE 12

enum { TYPE_A = 1, TYPE_AAAA = 28 };

struct packet {
    struct sockaddr_in client;
    uint64_t due_ns;
    size_t size;
    uint8_t data[PACKET_SIZE];
};

static uint32_t ttl_s = 300;
static unsigned address_count = 1;
static uint64_t delay_ns;
static struct in6_addr fixed_address;

static struct packet
    delayed[DELAYED_MAX]; /* a ring: the delay is the same for all, so first in is first out */
static unsigned delayed_first, delayed_count;

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint8_t *put_u16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *put_u32(uint8_t *at, uint32_t value)
{
    return put_u16(put_u16(at, value >> 16), value & 0xffff);
}

static uint8_t *put_next_ipv4(uint8_t *at)
{
    static unsigned next;
    unsigned host = next++ % 508;

    return put_u32(at, (host < 254 ? 0xc6336401u : 0xcb007101u) + host % 254);
}

static uint8_t *put_next_ipv6(uint8_t *at)
{
    static uint64_t next;

    next++;
    at = put_u32(put_u32(at, 0x20010db8u), 0);
    return put_u32(put_u32(at, (uint32_t)(next >> 32)), (uint32_t)next);
}

/* Where the question ends, or 0. */
static size_t question_end(const uint8_t *data, size_t size)
{
    size_t at = HEADER_SIZE;

    while (at < size && data[at] && data[at] < 64)
        at += 1u + data[at];
    return at + 5 <= size && !data[at] ? at + 5 : 0;
}

/* Turns the question into its answer, in place. Returns false for what is no question. */
static bool answer(struct packet *packet)
{
    uint8_t *data = packet->data;
    size_t end = question_end(data, packet->size);
    unsigned type, count;
    bool fixed;
    uint8_t *at;

    if (end == 0 || data[2] & 0x80)
        return false;
    type = (unsigned)data[end - 4] << 8 | data[end - 3];
    fixed = data[HEADER_SIZE] == 5 && !strncasecmp((char *)data + HEADER_SIZE + 1, "fixed", 5);
    count = fixed ? type == TYPE_AAAA : type == TYPE_A || type == TYPE_AAAA ? address_count : 0;

    data[2] = (uint8_t)(0x80 | (data[2] & 0x01));
    data[3] = 0x80;
    put_u32(put_u16(data + 6, count), 0); /* no authority, no additional */
    at = data + end;
    for (unsigned i = 0; i < count; i++) {
        at = put_u32(put_u16(put_u16(put_u16(at, 0xc00c), type), 1), ttl_s);
        at = put_u16(at, type == TYPE_A ? 4 : 16);
        if (fixed)
            at = (uint8_t *)mempcpy(at, &fixed_address, 16);
        else
            at = type == TYPE_A ? put_next_ipv4(at) : put_next_ipv6(at);
    }
    packet->size = (size_t)(at - data);
    return true;
}

static void send_due(int fd)
{
    uint64_t now = now_ns();

    for (; delayed_count > 0; delayed_count--) {
        struct packet *packet = &delayed[delayed_first];

        if (packet->due_ns > now)
            return;
        sendto(fd, packet->data, packet->size, 0, (struct sockaddr *)&packet->client,
               sizeof(packet->client));
        delayed_first = (delayed_first + 1) % DELAYED_MAX;
    }
}

/* Keeps the answer until it is due. A full ring loses it, as a busy server would. */
static void keep(const struct packet *packet)
{
    struct packet *slot = &delayed[(delayed_first + delayed_count) % DELAYED_MAX];

    if (delayed_count == DELAYED_MAX)
        return;
    *slot = *packet;
    slot->due_ns = now_ns() + delay_ns;
    delayed_count++;
}

static void wait_for_work(int fd)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    uint64_t now = now_ns(), left_ns;
    struct timespec left;

    if (delayed_count == 0) {
        poll(&wanted, 1, -1);
        return;
    }
    left_ns = delayed[delayed_first].due_ns > now ? delayed[delayed_first].due_ns - now : 0;
    left.tv_sec = (time_t)(left_ns / 1000000000u);
    left.tv_nsec = (long)(left_ns % 1000000000u);
    ppoll(&wanted, 1, &left, NULL);
}

static void serve(int fd)
{
    static struct packet packets[BATCH];
    static struct iovec parts[BATCH], out_parts[BATCH];
    static struct mmsghdr in[BATCH], out[BATCH];

    for (;;) {
        unsigned sent = 0, count = 0;
        int received;

        if (delay_ns) {
            wait_for_work(fd);
            send_due(fd);
        }
        for (unsigned i = 0; i < BATCH; i++) {
            parts[i] = (struct iovec){packets[i].data, 512};
            in[i].msg_hdr = (struct msghdr){.msg_name = &packets[i].client,
                                            .msg_namelen = sizeof(packets[i].client),
                                            .msg_iov = &parts[i],
                                            .msg_iovlen = 1};
        }
        received = recvmmsg(fd, in, BATCH, delay_ns ? MSG_DONTWAIT : MSG_WAITFORONE, NULL);
        if (received < 0 && errno != EAGAIN && errno != EINTR)
            err(1, "recvmmsg");
        for (int i = 0; i < received; i++) {
            packets[i].size = in[i].msg_len;
            if (!answer(&packets[i]))
                continue;
            if (delay_ns) {
                keep(&packets[i]);
                continue;
            }
            out_parts[count] = (struct iovec){packets[i].data, packets[i].size};
            out[count].msg_hdr = in[i].msg_hdr;
            out[count].msg_hdr.msg_iov = &out_parts[count];
            count++;
        }
        while (sent < count) {
            int done = sendmmsg(fd, out + sent, count - sent, 0);

            sent += done > 0 ? (unsigned)done : 1u;
        }
    }
}

static unsigned number(const char *text, unsigned long max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*end || end == text || value > max)
        errx(64, "%s: not a number up to %lu", text, max);
    return (unsigned)value;
}

int main(int argc, char **argv)
{
    struct sockaddr_in here = {.sin_family = AF_INET};
    unsigned port = 53;
    int option, fd, size = 8 << 20;

    while ((option = getopt(argc, argv, "p:t:n:d:f:")) != -1) {
        if (option == 'p')
            port = number(optarg, UINT16_MAX);
        else if (option == 't')
            ttl_s = number(optarg, UINT32_MAX);
        else if (option == 'n')
            address_count = number(optarg, ADDRESSES_MAX);
        else if (option == 'd')
            delay_ns = number(optarg, 10000) * 1000000ull;
        else if (option != 'f' || inet_pton(AF_INET6, optarg, &fixed_address) != 1)
            errx(64, "usage: responder [-p port] [-t ttl] [-n addresses] [-d delay_ms] [-f ipv6]");
    }
    here.sin_port = htons((uint16_t)port);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0)
        err(1, "port %u", port);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
    puts("ready");
    fflush(stdout);
    serve(fd);
}
