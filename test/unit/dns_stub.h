/* SPDX-License-Identifier: MIT */
/* A DNS server on 127.0.0.1 in the test's own loop, by UDP and TCP, that says what the test's
 * script says; and a way to write messages, right ones and wrong ones. */
#ifndef EGRESSD_TEST_DNS_STUB_H
#define EGRESSD_TEST_DNS_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "firewall/firewall.h"

struct wire {
    size_t size;
    uint8_t bytes[65535];
};

/* Appends names as text ("" is the root) and numbers; records count themselves in. */
void wire_u8(struct wire *wire, unsigned value);
void wire_u16(struct wire *wire, unsigned value);
void wire_u32(struct wire *wire, uint32_t value);
void wire_bytes(struct wire *wire, const void *bytes, size_t size);
void wire_name(struct wire *wire, const char *name);
/* Starts a message anew. */
void wire_header(struct wire *wire, unsigned id, unsigned flags);
void wire_question(struct wire *wire, const char *name, unsigned type);

enum wire_section { WIRE_ANSWER = 6, WIRE_AUTHORITY = 8, WIRE_ADDITIONAL = 10 };
void wire_record(struct wire *wire, enum wire_section section, const char *owner, unsigned type,
                 uint32_t ttl_s, const void *data, size_t size);
void wire_address(struct wire *wire, enum wire_section section, const char *owner, uint32_t ttl_s,
                  const char *address);
void wire_cname(struct wire *wire, const char *owner, uint32_t ttl_s, const char *target);
void wire_soa(struct wire *wire, uint32_t ttl_s, uint32_t minimum_s);

struct dns_stub;

struct dns_question {
    struct dns_stub *stub;
    unsigned number; /* from 1 */
    bool by_tcp, has_edns;
    char name[256]; /* lower case */
    unsigned type;
    uint8_t bytes[512]; /* a copy: it may be answered later */
    size_t size;
    /* Whom to answer. */
    struct sockaddr_storage from;
    uv_stream_t *stream;
};

typedef void dns_script(void *context, const struct dns_question *question);

struct dns_stub *dns_stub_new(uv_loop_t *loop, dns_script *script, void *context);
void dns_stub_close(struct dns_stub *stub);
struct firewall_endpoint dns_stub_endpoint(const struct dns_stub *stub);
unsigned dns_stub_count(const struct dns_stub *stub);

/* Starts an answer to the question, with its id and section as they came. flags: RCODE, TC... */
void wire_reply(struct wire *wire, const struct dns_question *question, unsigned flags);
void dns_send(const struct dns_question *question, const struct wire *wire);

#endif
