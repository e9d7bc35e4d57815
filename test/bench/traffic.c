/* SPDX-License-Identifier: MIT */
/* Both ends of the data path benchmark, TCP. A connection starts with a byte that says what it is.
 *
 * traffic serve PORT                           serves for ever, both families
 * traffic connect IPV6 PORT SECONDS            new connections one after the other, one byte there
 *                                              and back on each; prints how many a second
 * traffic send|receive IPV6 PORT SECONDS       one connection; prints bits a second
 *
 * Both print after it the CPU seconds that each connection or bit took at this end. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (128 * 1024)

enum { ECHO = 'e', SINK = 's', SOURCE = 'o' };

static char chunk[CHUNK];

/* The system's choice may pace by timers, and a link without loss or delay needs no such thing. */
static void choose_congestion_control(int fd)
{
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
}

static double read_clock_s(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double now_s(void)
{
    return read_clock_s(CLOCK_MONOTONIC);
}

/* A connection that moves bulk data gets a process of its own. */
static void serve_bulk(int fd, char kind)
{
    if (fork() != 0)
        return;
    if (kind == SINK)
        while (recv(fd, chunk, sizeof(chunk), 0) > 0)
            continue;
    else
        while (send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) > 0)
            continue;
    _exit(0);
}

static void serve_client(int fd)
{
    char kind;

    if (recv(fd, &kind, 1, 0) == 1) {
        if (kind == ECHO) {
            send(fd, &kind, 1, MSG_NOSIGNAL);
            return; /* the client closes first */
        }
        serve_bulk(fd, kind);
    }
    close(fd);
}

static void serve(unsigned port)
{
    struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    int events = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[64];

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    choose_congestion_control(listener);
    if (bind(listener, (struct sockaddr *)&here, sizeof(here)) < 0 || listen(listener, 4096) < 0)
        err(1, "port %u", port);
    epoll_ctl(events, EPOLL_CTL_ADD, listener, &event);
    signal(SIGCHLD, SIG_IGN);
    puts("ready");
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(events, ready, 64, -1);

        for (int i = 0; i < count; i++) {
            if (ready[i].data.fd != listener) {
                serve_client(ready[i].data.fd);
                continue;
            }
            event.data.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            if (event.data.fd >= 0)
                epoll_ctl(events, EPOLL_CTL_ADD, event.data.fd, &event);
        }
    }
}

static int dial(const struct sockaddr_in6 *server, char kind)
{
    struct linger reset = {.l_onoff = 1}; /* no TIME_WAIT: ports would run out */
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    choose_congestion_control(fd);
    if (fd < 0 || connect(fd, (const struct sockaddr *)server, sizeof(*server)) < 0 ||
        send(fd, &kind, 1, MSG_NOSIGNAL) != 1)
        err(1, "connect");
    return fd;
}

static void measure_connections(const struct sockaddr_in6 *server, double seconds)
{
    double start = now_s(), end = start + seconds, now;
    unsigned long count = 0;
    char byte;

    do {
        int fd = dial(server, ECHO);

        if (recv(fd, &byte, 1, 0) != 1)
            err(1, "recv");
        close(fd);
        count++;
        now = now_s();
    } while (now < end);
    printf("%g %g\n", (double)count / (now - start),
           read_clock_s(CLOCK_PROCESS_CPUTIME_ID) / (double)count);
}

static void measure_bulk(const struct sockaddr_in6 *server, double seconds, bool sending)
{
    int fd = dial(server, sending ? SINK : SOURCE);
    double start = now_s(), end = start + seconds, now;
    double bytes = 0;

    do {
        ssize_t moved = sending ? send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL)
                                : recv(fd, chunk, sizeof(chunk), 0);

        if (moved <= 0)
            err(1, "flow broke");
        bytes += (double)moved;
        now = now_s();
    } while (now < end);
    close(fd);
    printf("%g %g\n", bytes * 8 / (now - start),
           read_clock_s(CLOCK_PROCESS_CPUTIME_ID) / (bytes * 8));
}

int main(int argc, char **argv)
{
    struct sockaddr_in6 server = {.sin6_family = AF_INET6};
    double seconds;

    if (argc == 3 && !strcmp(argv[1], "serve"))
        serve((unsigned)strtoul(argv[2], NULL, 10));
    if (argc != 5 || inet_pton(AF_INET6, argv[2], &server.sin6_addr) != 1)
        errx(64, "usage: traffic serve port | traffic connect|send|receive address port seconds");
    server.sin6_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
    seconds = strtod(argv[4], NULL);
    if (!strcmp(argv[1], "connect"))
        measure_connections(&server, seconds);
    else
        measure_bulk(&server, seconds, !strcmp(argv[1], "send"));
    return 0;
}
