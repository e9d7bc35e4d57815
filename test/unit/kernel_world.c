/* SPDX-License-Identifier: MIT */
#include "kernel_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/privilege.h"

#define PATIENCE_MS 10000
#define ANSWER_MS 2000
#define SOCKETS_MAX 512
#define SKIP 77

static const uint16_t ports[] = WORLD_PORTS;
enum { PORTS = sizeof(ports) / sizeof(ports[0]) };

static pid_t outside;
static uid_t socket_uid;
static uint32_t socket_mark;

/* --- the outside ------------------------------------------------------------------------------ */

static int listen_on(int type, uint16_t port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int fd = socket(AF_INET6, type | SOCK_NONBLOCK, 0), on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
    /* No interface has the addresses that are served. */
    setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        (type == SOCK_STREAM && listen(fd, 128) < 0))
        _exit(1);
    return fd;
}

/* The answer must come from the address that was asked, which the control data names. */
static void echo_datagram(int fd)
{
    char bytes[2048], control[256];
    struct sockaddr_storage from;
    struct iovec part = {bytes, sizeof(bytes)};
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof(from),
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    ssize_t size = recvmsg(fd, &message, 0);

    if (size < 0)
        return;
    part.iov_len = (size_t)size;
    sendmsg(fd, &message, 0);
}

static bool echo_stream(int fd)
{
    char bytes[2048];
    ssize_t size = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (size < 0)
        return errno == EAGAIN;
    return size > 0 && send(fd, bytes, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static void serve(void)
{
    struct pollfd fds[SOCKETS_MAX];
    bool talks[SOCKETS_MAX] = {false};
    nfds_t count = 0;

    for (int i = 0; i < PORTS; i++)
        for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++)
            fds[count++] = (struct pollfd){listen_on(type, ports[i]), POLLIN, 0};
    for (;;) {
        poll(fds, count, 10);
        for (nfds_t i = 0; i < 2 * PORTS; i++) {
            if (!(fds[i].revents & POLLIN))
                continue;
            if (i % 2 == 1) {
                echo_datagram(fds[i].fd);
                continue;
            }
            int fd = accept(fds[i].fd, NULL, NULL);

            if (fd >= 0 && count == SOCKETS_MAX)
                close(fd);
            else if (fd >= 0) {
                talks[count] = ports[i / 2] == WORLD_TALKER;
                fds[count++] = (struct pollfd){fd, POLLIN, 0};
            }
        }
        for (nfds_t i = 2 * PORTS; i < count; i++) {
            bool ends = fds[i].revents && !echo_stream(fds[i].fd);

            if (talks[i] && send(fds[i].fd, "!", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
                errno != EAGAIN)
                ends = true;
            if (!ends)
                continue;
            close(fds[i].fd);
            fds[i] = fds[--count];
            talks[i] = talks[count];
            i--;
        }
    }
}

static void run_outside(int ready, int go)
{
    char byte = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWNET) < 0 || write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1)
        _exit(1);
    if (system("set -e; ip link set lo up; ip link set eth0 up;"
               "ip addr add 10.99.0.1/24 dev eth0; ip addr add fd99::1/64 dev eth0 nodad;"
               "for net in 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24; do"
               "  ip route add local $net dev lo; done;"
               "ip -6 route add local 2001:db8::/32 dev lo") != 0)
        _exit(1);
    for (int i = 0; i < 2; i++)
        if (write(ready, &byte, 1) != 1)
            _exit(1);
    serve();
}

/* --- the container ---------------------------------------------------------------------------- */

static void end_outside(void)
{
    kill(outside, SIGKILL);
    waitpid(outside, NULL, 0);
}

void world_enter(void)
{
    int ready[2], go[2];
    char byte = 0;

    if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
        fprintf(stderr, "skipped: this needs a network namespace of its own (root)\n");
        exit(SKIP);
    }
    if (system("ip link set lo up && nft list ruleset >/dev/null") != 0) {
        fprintf(stderr, "skipped: this needs ip, nft, and nf_tables in the kernel\n");
        exit(SKIP);
    }
    if (pipe(ready) < 0 || pipe(go) < 0)
        exit(1);
    outside = fork();
    if (outside == 0)
        run_outside(ready[1], go[0]);
    atexit(end_outside);
    if (outside < 0 || read(ready[0], &byte, 1) != 1)
        exit(1);
    world_run("set -e; ip link add eth0 type veth peer name eth0 netns %d; ip link set eth0 up;"
              "ip addr add 10.99.0.2/24 dev eth0; ip addr add fd99::2/64 dev eth0 nodad",
              (int)outside);
    if (write(go[1], &byte, 1) != 1 || read(ready[0], &byte, 1) != 1)
        exit(1);
    world_run("ip route add default via 10.99.0.1; ip -6 route add default via fd99::1");
    for (int tries = 0; world_try_tcp("2001:db8::1", 443) < 0; tries++) {
        if (tries == 1000) {
            fprintf(stderr, "the outside does not answer\n");
            exit(1);
        }
        world_sleep_ms(20);
    }
}

static char *format_command(const char *format, va_list arguments)
{
    char *command;

    if (vasprintf(&command, format, arguments) < 0)
        abort();
    return command;
}

void world_run(const char *format, ...)
{
    va_list arguments;
    char *command;

    va_start(arguments, format);
    command = format_command(format, arguments);
    va_end(arguments);
    if (system(command) != 0) {
        fprintf(stderr, "failed: %s\n", command);
        exit(1);
    }
    free(command);
}

char *world_output(const char *format, ...)
{
    va_list arguments;
    char *command, *output = NULL;
    size_t size = 0, got;

    va_start(arguments, format);
    command = format_command(format, arguments);
    va_end(arguments);
    FILE *stream = popen(command, "r");
    if (!stream)
        exit(1);
    do {
        output = realloc(output, size + 65537);
        if (!output)
            abort();
        got = fread(output + size, 1, 65536, stream);
        size += got;
    } while (got > 0);
    output[size] = '\0';
    if (pclose(stream) != 0) {
        fprintf(stderr, "failed: %s\n", command);
        exit(1);
    }
    free(command);
    return output;
}

static socklen_t parse(const char *text, uint16_t port, struct sockaddr_storage *ret_address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;

    memset(ret_address, 0, sizeof(*ret_address));
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof(*v4);
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
        abort();
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return sizeof(*v6);
}

static void serve_tagged(int udp, int tcp, char tag)
{
    char bytes[256] = {tag};
    struct sockaddr_storage from;
    ssize_t size;

    for (;;) {
        struct pollfd fds[] = {{udp, POLLIN, 0}, {tcp, POLLIN, 0}};
        socklen_t from_size = sizeof(from);

        poll(fds, 2, -1);
        if (fds[0].revents & POLLIN) {
            size = recvfrom(udp, bytes + 1, sizeof(bytes) - 1, 0, (struct sockaddr *)&from,
                            &from_size);
            if (size >= 0)
                sendto(udp, bytes, (size_t)size + 1, 0, (struct sockaddr *)&from, from_size);
        }
        if (fds[1].revents & POLLIN) {
            int fd = accept(tcp, NULL, NULL);
            struct timeval patience = {.tv_usec = 500000};

            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
            size = recv(fd, bytes + 1, sizeof(bytes) - 1, 0);
            if (size > 0)
                send(fd, bytes, (size_t)size + 1, MSG_NOSIGNAL);
            close(fd);
        }
    }
}

static int open_server(const char *text, uint16_t port, int type)
{
    struct sockaddr_storage address;
    socklen_t size = parse(text, port, &address);
    int fd = socket(address.ss_family, type, 0), on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, size) < 0 ||
        (type == SOCK_STREAM && listen(fd, 16) < 0)) {
        perror(text);
        exit(1);
    }
    return fd;
}

void world_serve(const char *address, uint16_t port, char tag)
{
    int udp, tcp;
    pid_t child;

    setfsuid(socket_uid);
    udp = open_server(address, port, SOCK_DGRAM);
    tcp = open_server(address, port, SOCK_STREAM);
    child = fork(); /* the sockets of accepted connections belong to it */
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve_tagged(udp, tcp, tag);
    }
    setfsuid(0);
    close(udp);
    close(tcp);
    if (child < 0)
        exit(1);
}

void world_serve_gate(const char *address, uint16_t port, char tag)
{
    world_be(PRIVILEGE_UID, 0);
    world_serve(address, port, tag);
    world_be(0, 0);
}

int world_ask_on(int fd)
{
    struct pollfd wanted = {fd, POLLIN, 0};
    char bytes[256];
    ssize_t size;

    if (send(fd, "<?>", 3, MSG_NOSIGNAL) < 0)
        return -errno;
    if (poll(&wanted, 1, ANSWER_MS) <= 0)
        return -ETIMEDOUT;
    size = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    return size > 0 ? bytes[0] : size == 0 ? -EPIPE : -errno;
}

int world_ask(const char *address, uint16_t port, int type)
{
    int fd = world_connect_from(address, port, 0, type), r;

    if (fd < 0)
        return fd;
    r = world_ask_on(fd);
    close(fd);
    return r;
}

void world_be(uid_t uid, uint32_t mark)
{
    socket_uid = uid;
    socket_mark = mark;
}

static int wait_connected(int fd)
{
    struct pollfd wanted = {fd, POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof(error);

    if (poll(&wanted, 1, PATIENCE_MS) <= 0)
        return -ETIMEDOUT;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return -error;
}

int world_connect_from(const char *text, uint16_t port, uint16_t port_from, int type)
{
    struct sockaddr_storage address, own;
    socklen_t size = parse(text, port, &address);
    int fd, on = 1, r = 0;

    setfsuid(socket_uid);
    fd = socket(address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setfsuid(0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (socket_mark)
        setsockopt(fd, SOL_SOCKET, SO_MARK, &socket_mark, sizeof(socket_mark));
    if (port_from) {
        socklen_t own_size =
            parse(address.ss_family == AF_INET ? "0.0.0.0" : "::", port_from, &own);

        if (bind(fd, (struct sockaddr *)&own, own_size) < 0)
            r = -errno;
    }
    if (r == 0 && connect(fd, (struct sockaddr *)&address, size) < 0)
        r = errno == EINPROGRESS ? wait_connected(fd) : -errno;
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}

int world_connect(const char *address, uint16_t port)
{
    return world_connect_from(address, port, 0, SOCK_STREAM);
}

int world_echo(int fd)
{
    static unsigned count;
    char sent[32], got[256];
    int length = snprintf(sent, sizeof(sent), "<%u>", ++count);
    double end_ms = world_now_ms() + ANSWER_MS;

    if (send(fd, sent, (size_t)length, MSG_NOSIGNAL) < 0)
        return -errno;
    while (world_now_ms() < end_ms) {
        struct pollfd wanted = {fd, POLLIN, 0};
        ssize_t size;

        if (poll(&wanted, 1, 100) <= 0)
            continue;
        size = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
        if (size < 0 && errno != EAGAIN)
            return -errno;
        if (size == 0)
            return -EPIPE;
        if (size > 0) {
            got[size] = '\0';
            if (strstr(got, sent))
                return 0;
        }
    }
    return -ETIMEDOUT;
}

int world_try_tcp(const char *address, uint16_t port)
{
    int fd = world_connect(address, port);

    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

int world_try_udp(const char *address, uint16_t port)
{
    int fd = world_connect_from(address, port, 0, SOCK_DGRAM), r;

    if (fd < 0)
        return fd;
    r = world_echo(fd);
    close(fd);
    return r;
}

/* Adds up "NAME VALUE" lines whose name is one of names. */
static uint64_t sum_of_lines(FILE *file, const char *const *names)
{
    uint64_t sum = 0, value;
    char name[64];

    while (fscanf(file, "%63s %lu", name, &value) == 2)
        for (size_t i = 0; names[i]; i++)
            if (strcmp(names[i], name) == 0)
                sum += value;
    return sum;
}

/* The number under column of the two lines that begin with protocol. */
static uint64_t number_under(FILE *file, const char *protocol, const char *column)
{
    char names[1024], values[1024], *name, *value, *in_names, *in_values;

    while (fgets(names, sizeof(names), file) && fgets(values, sizeof(values), file)) {
        if (strncmp(names, protocol, strlen(protocol)) != 0)
            continue;
        name = strtok_r(names, " ", &in_names);
        value = strtok_r(values, " ", &in_values);
        for (; name && value;
             name = strtok_r(NULL, " ", &in_names), value = strtok_r(NULL, " ", &in_values))
            if (strcmp(name, column) == 0)
                return strtoul(value, NULL, 10);
    }
    return 0;
}

static FILE *open_of_outside(const char *name)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)outside, name);
    file = fopen(path, "re");
    if (!file)
        abort();
    return file;
}

static uint64_t count_outside_packets(void)
{
    static const char *const counts[] = {
        "Ip6InAddrErrors",
        "Ip6InNoRoutes",
        "Ip6OutForwDatagrams",
        "Ip6InUnknownProtos",
        "Udp6InDatagrams",
        "Udp6NoPorts",
        "Icmp6InDestUnreachs",
        "Icmp6InPktTooBigs",
        "Icmp6InTimeExcds",
        "Icmp6InParmProblems",
        "Icmp6InEchos",
        "Icmp6InEchoReplies",
        NULL,
    };
    static const struct {
        const char *protocol, *column;
    } others[] = {{"Ip:", "InReceives"}, {"Tcp:", "InSegs"}};
    FILE *file = open_of_outside("snmp6");
    uint64_t packets = sum_of_lines(file, counts);

    fclose(file);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        file = open_of_outside("snmp");
        packets += number_under(file, others[i].protocol, others[i].column);
        fclose(file);
    }
    return packets;
}

/* The end of a connection that was closed before may still be on its way: whoever compares two
 * counts wants neither to have it in between. The talker is never quiet. */
uint64_t world_outside_packets(void)
{
    uint64_t before = count_outside_packets(), packets;

    for (int tries = 0; tries < 50; tries++) {
        world_sleep_ms(20);
        packets = count_outside_packets();
        if (packets == before)
            break;
        before = packets;
    }
    return before;
}

pid_t world_outside(void)
{
    return outside;
}

double world_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void world_sleep_ms(unsigned ms)
{
    usleep(ms * 1000);
}
