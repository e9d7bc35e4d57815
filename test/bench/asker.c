/* SPDX-License-Identifier: MIT */
/* Asks COUNT fresh names one after the other, each from a new socket as a stub resolver does, and
 * prints what each answer took, in nanoseconds, a line each. Fails on the first answer that is not
 * NOERROR with ADDRESSES records.
 *
 * asker SERVER PREFIX COUNT ADDRESSES      names PREFIX<number>.bench.test, type AAAA */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define HEADER_SIZE 12
#define WARM_UP 50 /* questions before those that count */

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static size_t write_question(uint8_t *data, const char *prefix, unsigned number)
{
    static const uint8_t header[HEADER_SIZE] = {[2] = 1, [5] = 1}; /* RD, one question */
    static const char tail[] = "\5bench\4test\0\0\34\0\1";         /* ... AAAA IN, and a 0 of C */
    int length;

    memcpy(data, header, HEADER_SIZE);
    data[0] = (uint8_t)(number >> 8);
    data[1] = (uint8_t)number;
    length = snprintf((char *)data + HEADER_SIZE + 1, 64, "%s%u", prefix, number);
    data[HEADER_SIZE] = (uint8_t)length;
    memcpy(data + HEADER_SIZE + 1 + length, tail, sizeof(tail) - 1);
    return HEADER_SIZE + 1 + (size_t)length + sizeof(tail) - 1;
}

static int64_t ask(const struct sockaddr_in *server, const uint8_t *question, size_t size,
                   unsigned addresses)
{
    static const struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int64_t start, taken;
    uint8_t reply[2048];
    ssize_t received;

    if (fd < 0 || connect(fd, (const struct sockaddr *)server, sizeof(*server)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
        err(1, "socket");
    start = now_ns();
    if (send(fd, question, size, 0) < 0)
        err(1, "send");
    received = recv(fd, reply, sizeof(reply), 0);
    taken = now_ns() - start;
    if (received < HEADER_SIZE)
        err(1, "no answer");
    if (memcmp(reply, question, 2) || reply[3] & 0xf ||
        (reply[6] << 8 | reply[7]) != (int)addresses)
        errx(1, "wrong answer: rcode %d, %d records", reply[3] & 0xf, reply[6] << 8 | reply[7]);
    close(fd);
    return taken;
}

int main(int argc, char **argv)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(53)};
    unsigned count, addresses;
    uint8_t question[512];

    if (argc != 5 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1 || strlen(argv[2]) > 40)
        errx(64, "usage: asker server prefix count addresses");
    count = (unsigned)strtoul(argv[3], NULL, 10);
    addresses = (unsigned)strtoul(argv[4], NULL, 10);
    for (unsigned i = 0; i < WARM_UP + count; i++) {
        size_t size = write_question(question, argv[2], i);
        int64_t taken = ask(&server, question, size, addresses);

        if (i >= WARM_UP)
            printf("%lld\n", (long long)taken);
    }
    return 0;
}
