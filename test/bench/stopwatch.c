/* SPDX-License-Identifier: MIT */
/* Starts a command and measures two times from there, in nanoseconds: until a TCP connection to
 * ADDRESS PORT (where somebody listens) is first not let through, and until the command ends.
 * Prints "DENIED_NS ENDED_NS STATUS"; DENIED_NS is -1 if connections still pass at the end.
 *
 * stopwatch ADDRESS PORT COMMAND [ARGUMENT]... */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 50     /* a connection to the next machine that hangs this long was dropped */
#define PAUSE_US 100       /* between connections at first, */
#define LATE_PAUSE_US 5000 /* and later, not to slow down what is slow already */
#define LATE_NS 200000000

extern char **environ;

static struct sockaddr_in target = {.sin_family = AF_INET};
static atomic_bool over;
static int64_t denied_ns = -1;

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool is_let_through(void)
{
    struct linger reset = {.l_onoff = 1}; /* no TIME_WAIT left behind */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct pollfd wanted = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof(error);

    if (fd < 0)
        err(1, "socket");
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    if (connect(fd, (struct sockaddr *)&target, sizeof(target)) < 0 && errno != EINPROGRESS)
        error = errno;
    else if (poll(&wanted, 1, PATIENCE_MS) <= 0)
        error = ETIMEDOUT;
    else
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    close(fd);
    return error == 0;
}

static int probe(void *unused)
{
    int64_t begin = now_ns(), start;
    bool is_last;

    (void)unused;
    do {
        is_last = over;
        start = now_ns();
        if (!is_let_through()) {
            denied_ns = start;
            return 0;
        }
        usleep(start - begin < LATE_NS ? PAUSE_US : LATE_PAUSE_US);
    } while (!is_last);
    return 0;
}

int main(int argc, char **argv)
{
    int64_t start, ended;
    thrd_t prober;
    pid_t child;
    int status;

    if (argc < 4 || inet_pton(AF_INET, argv[1], &target.sin_addr) != 1)
        errx(64, "usage: stopwatch address port command...");
    target.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    if (!is_let_through())
        errx(1, "%s port %s is not in reach before the start", argv[1], argv[2]);
    if (thrd_create(&prober, probe, NULL) != thrd_success)
        errx(1, "thread");
    usleep(10000); /* the prober is at work */
    start = now_ns();
    if ((errno = posix_spawnp(&child, argv[3], NULL, NULL, argv + 3, environ)))
        err(1, "%s", argv[3]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    ended = now_ns();
    over = true;
    thrd_join(prober, NULL);
    if (denied_ns >= 0 && denied_ns < start)
        errx(1, "refused before the start");
    printf("%lld %lld %d\n", denied_ns < 0 ? -1LL : (long long)(denied_ns - start),
           (long long)(ended - start), WIFEXITED(status) ? WEXITSTATUS(status) : 128);
    return 0;
}
