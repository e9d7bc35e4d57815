/* SPDX-License-Identifier: MIT */
#include "run/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/privilege.h"
#include "base/seccomp.h"

/* Both ends are the same program: plain structs, a message each. */
struct request {
    uint64_t number; /* answers may come too late, and for a daemon that is dead */
    uint64_t inode;
    uid_t uid;
};

struct reply {
    uint64_t number;
    int result;
    struct socket_owner owner;
};

/* --- the witness ------------------------------------------------------------------------------ */

static void serve(int fd)
{
    struct request request;

    for (;;) {
        struct reply reply = {0};
        ssize_t size = recv(fd, &request, sizeof(request), 0);

        if (size < 0 && errno == EINTR)
            continue;
        if (size != (ssize_t)sizeof(request))
            return; /* 0: nobody is left who could ask */
        reply.number = request.number;
        reply.result = socket_owner_find(request.inode, request.uid, &reply.owner);
        if (send(fd, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
            return;
    }
}

/* Nothing of whoever started us, above all not the lock, which lives as long as any process has
 * it. */
static int leave_all_but(int fd)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null_fd < 0)
        return -errno;
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        dup2(null_fd, i);
    fd = dup2(fd, STDERR_FILENO + 1);
    closefrom(fd + 1);
    setsid();
    prctl(PR_SET_NAME, WITNESS_NAME, 0, 0, 0);
    return fd;
}

static void be_witness(int fd)
{
    fd = leave_all_but(fd);
    if (fd < 0 || privilege_become_witness() < 0)
        return;
    seccomp_install(SECCOMP_LOOKS);
    serve(fd);
}

int witness_start(void)
{
    int ends[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        be_witness(ends[1]);
        _exit(EXIT_SUCCESS);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return -errno;
    }
    return ends[0];
}

/* --- whoever asks ----------------------------------------------------------------------------- */

/* Takes what has come so far. 0: the reply with this number; -EAGAIN: it has not come. */
static int take_reply(int witness, uint64_t number, struct reply *reply)
{
    for (;;) {
        ssize_t size = recv(witness, reply, sizeof(*reply), MSG_DONTWAIT);

        if (size < 0)
            return -errno;
        if (size == 0)
            return -ECONNRESET;
        if (size == (ssize_t)sizeof(*reply) && reply->number == number)
            return 0;
    }
}

int witness_ask(int witness, uint64_t inode, uid_t uid, int timeout_ms,
                struct socket_owner *ret_owner)
{
    static uint64_t last_number;
    uint64_t end_ms = clock_now_ms() + (uint64_t)timeout_ms, now_ms;
    struct request request = {.inode = inode, .uid = uid};
    struct reply reply;
    int r;

    if (last_number == 0)
        last_number = (uint64_t)getpid() << 32; /* not those of the daemon before us */
    request.number = ++last_number;
    if (send(witness, &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return errno == EAGAIN ? -EBUSY : -errno;
    while ((r = take_reply(witness, request.number, &reply)) == -EAGAIN &&
           (now_ms = clock_now_ms()) < end_ms) {
        struct pollfd coming = {.fd = witness, .events = POLLIN};

        poll(&coming, 1, (int)(end_ms - now_ms));
    }
    if (r == -EAGAIN)
        return -ETIMEDOUT;
    if (r < 0 || reply.result < 0)
        return r < 0 ? r : reply.result;
    *ret_owner = reply.owner;
    return 0;
}
