/* SPDX-License-Identifier: MIT */
/* A second reader of DNS messages, to hold the daemon's own readers and writers against. Strict,
 * and slow where that is simpler. */
#ifndef EGRESSD_TEST_PLAIN_DNS_H
#define EGRESSD_TEST_PLAIN_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

#define PLAIN_RECORDS_MAX 6000 /* 64 KiB hold no more: 11 bytes each */

/* As on the wire, uncompressed, in lower case. */
struct plain_name {
    uint8_t bytes[255];
    size_t size;
};

enum plain_section { PLAIN_ANSWER, PLAIN_AUTHORITY, PLAIN_ADDITIONAL };

struct plain_record {
    enum plain_section section;
    struct plain_name owner;
    uint16_t type, class;
    uint32_t ttl_s;
    const uint8_t *data; /* borrowed */
    size_t size;
};

struct plain_message {
    const uint8_t *bytes; /* borrowed */
    size_t size;
    uint16_t id, flags;
    uint16_t question_count, counts[3];
    size_t question_end; /* offset behind the question section */
    size_t end;          /* ... and behind the last record */
    struct plain_record records[PLAIN_RECORDS_MAX];
    size_t record_count;
};

/* False: no whole message. What stands behind it is none of its business: see end. */
bool plain_read(const uint8_t *bytes, size_t size, struct plain_message *ret_message);

/* False: no name begins at offset. ret_end is the offset behind it. */
bool plain_read_name(const uint8_t *bytes, size_t size, size_t offset, struct plain_name *ret_name,
                     size_t *ret_end);
struct plain_name plain_name_of(const char *text);
bool plain_name_equal(const struct plain_name *a, const struct plain_name *b);

#endif
