/* SPDX-License-Identifier: MIT */
/* A network namespace of the test's own (the container), joined to another where all addresses of
 * the documentation prefixes are served (the outside). For tests of what the kernel does. */
#ifndef EGRESSD_TEST_KERNEL_WORLD_H
#define EGRESSD_TEST_KERNEL_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Every TCP port here echoes what it gets, every UDP port likewise; WORLD_TALKER (TCP) talks by
 * itself, all the time. */
#define WORLD_PORTS                                                                                \
    {                                                                                              \
        22, 53, 80, 443, 853, 8000, 8050, 8101, 9000, 9999                                         \
    }
#define WORLD_TALKER 9000

/* Exits with 77 when the kernel does not let us. The outside ends with the test. */
void world_enter(void);

/* Runs a shell command in the container; its failure fails the test. */
void world_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What it prints; the caller frees. */
char *world_output(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A connected socket, or -errno. No address of ours is bound if port_from is 0. */
int world_connect(const char *address, uint16_t port);
int world_connect_from(const char *address, uint16_t port, uint16_t port_from, int type);
/* Whether bytes sent come back: 0 or -errno; -ETIMEDOUT after half a second. */
int world_echo(int fd);
/* Connects and closes, sends a datagram and waits for it: 0 or -errno. */
int world_try_tcp(const char *address, uint16_t port);
int world_try_udp(const char *address, uint16_t port);

/* A server in the container that puts a tag before what it echoes, by UDP and TCP; ends with the
 * test. */
void world_serve(const char *address, uint16_t port, char tag);
/* The same as egressd's user. */
void world_serve_gate(const char *address, uint16_t port, char tag);
/* Sends a line and returns the tag of who answers, '<' for the outside, or -errno. */
int world_ask(const char *address, uint16_t port, int type);
int world_ask_on(int fd);

/* Sockets opened from here on belong to this user (meta skuid) and carry this mark. */
void world_be(uid_t uid, uint32_t mark);

/* Packets that the outside has received. */
uint64_t world_outside_packets(void);
/* The pid of the outside, for ip link set ... netns. */
pid_t world_outside(void);

double world_now_ms(void);
void world_sleep_ms(unsigned ms);

#endif
