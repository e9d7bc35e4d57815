/* SPDX-License-Identifier: MIT */
#include "egressctl/trial.h"

#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/target.h"

#define ADDRESSES_MAX (2 * TRIAL_FAMILY_MAX)
#define UDP_WATCH_MS 1000 /* what egressd refuses is refused at once */

/* --- the name --------------------------------------------------------------------------------- */

static size_t count_family(const struct trial *trial, enum address_family family)
{
    size_t count = 0;

    for (size_t i = 0; i < trial->count; i++)
        count += trial->attempts[i].address.family == family;
    return count;
}

static void resolve(const struct target *target, struct trial *trial)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;

    /* Files and DNS are in libc; what else nsswitch.conf may name would have to be loaded into a
     * static program. */
    __nss_configure_lookup("hosts", "files dns");
    trial->resolve_error = getaddrinfo(target->host, NULL, &hints, &found);
    for (struct addrinfo *at = found; at; at = at->ai_next) {
        struct address address;

        if (address_from_sockaddr(at->ai_addr, &address, NULL) == 0 &&
            count_family(trial, address.family) < TRIAL_FAMILY_MAX)
            trial->attempts[trial->count++].address = address;
    }
    if (found)
        freeaddrinfo(found);
}

/* --- the addresses ---------------------------------------------------------------------------- */

static void conclude(struct attempt *attempt, struct pollfd *at, enum attempt_result result,
                     int error, uint64_t start_ms)
{
    attempt->result = result;
    attempt->error = error;
    attempt->took_ms = clock_now_ms() - start_ms;
    if (at->fd >= 0)
        close(at->fd);
    at->fd = -1;
}

static void begin(struct attempt *attempt, const struct target *target, struct pollfd *at,
                  uint64_t start_ms)
{
    bool is_udp = target->protocol == IPPROTO_UDP;
    struct sockaddr_storage to;
    socklen_t size = address_to_sockaddr(&attempt->address, target->port, &to);

    at->events = is_udp ? POLLIN : POLLOUT;
    at->fd =
        socket(to.ss_family, (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (at->fd < 0 || (connect(at->fd, (struct sockaddr *)&to, size) < 0 && errno != EINPROGRESS) ||
        (is_udp && send(at->fd, "", 1, MSG_NOSIGNAL) < 0))
        conclude(attempt, at, ATTEMPT_FAILED, errno, start_ms);
}

/* Something has happened on a socket. */
static void follow(struct attempt *attempt, struct pollfd *at, uint64_t start_ms)
{
    bool is_udp = at->events == POLLIN;
    int error = 0;
    socklen_t size = sizeof(error);

    if (getsockopt(at->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    if (error != 0)
        conclude(attempt, at, ATTEMPT_FAILED, error, start_ms);
    else
        conclude(attempt, at, is_udp ? ATTEMPT_ANSWERED : ATTEMPT_CONNECTED, 0, start_ms);
}

static size_t count_open(const struct pollfd *polled)
{
    size_t count = 0;

    for (size_t i = 0; i < ADDRESSES_MAX; i++)
        count += polled[i].fd >= 0;
    return count;
}

static void try_all(const struct target *target, unsigned timeout_ms, struct trial *trial)
{
    bool is_udp = target->protocol == IPPROTO_UDP;
    uint64_t start_ms = clock_now_ms(), now_ms = start_ms;
    uint64_t deadline_ms = start_ms + (is_udp ? MIN(timeout_ms, UDP_WATCH_MS) : timeout_ms);
    struct pollfd polled[ADDRESSES_MAX];

    for (size_t i = 0; i < ADDRESSES_MAX; i++)
        polled[i] = (struct pollfd){.fd = -1};
    for (size_t i = 0; i < trial->count; i++)
        begin(&trial->attempts[i], target, &polled[i], start_ms);
    while (count_open(polled) > 0 && now_ms < deadline_ms) {
        poll(polled, ADDRESSES_MAX, (int)(deadline_ms - now_ms));
        for (size_t i = 0; i < trial->count; i++) {
            if (polled[i].fd >= 0 && polled[i].revents != 0)
                follow(&trial->attempts[i], &polled[i], start_ms);
        }
        now_ms = clock_now_ms();
    }
    for (size_t i = 0; i < trial->count; i++) {
        if (polled[i].fd >= 0)
            conclude(&trial->attempts[i], &polled[i], is_udp ? ATTEMPT_SENT : ATTEMPT_FAILED,
                     is_udp ? 0 : ETIMEDOUT, start_ms);
    }
}

void trial_run(const struct target *target, unsigned timeout_ms, struct trial *ret_trial)
{
    struct trial trial = {0};

    resolve(target, &trial);
    if (trial.resolve_error == 0)
        try_all(target, timeout_ms, &trial);
    *ret_trial = trial;
}
