/* SPDX-License-Identifier: MIT */
/* The upstream's side: our question, its answer. */
#include <errno.h>
#include <string.h>

#include "dns/message.h"
#include "dns/random.h"

#define FLAG_QR 0x80
#define FLAG_TC 0x02
#define FLAG_RD 0x01
#define OPCODE_BITS 0x78
#define CLASS_IN 1

static bool is_letter(uint8_t byte)
{
    return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

/* A bit of entropy a letter (draft-vixie-dnsext-dns0x20). Lengths of labels are below 'A'. */
static void mix_case(uint8_t *name, size_t size)
{
    uint8_t bits[(WIRE_NAME_SIZE + 7) / 8];

    random_fill(bits, (size + 7) / 8);
    for (size_t i = 0; i < size; i++)
        if (is_letter(name[i]) && bits[i / 8] >> (i % 8) & 1)
            name[i] ^= 0x20;
}

int message_write_query(const char *name, uint16_t type, enum message_edns edns,
                        struct message_query *ret_query)
{
    static const uint8_t opt[] = {
        0, 0, MESSAGE_OPT, MESSAGE_UDP_EDNS >> 8, MESSAGE_UDP_EDNS & 0xff, 0, 0, 0, 0, 0, 0};
    uint8_t wire[WIRE_NAME_SIZE];
    size_t name_size = wire_name_write(name, wire);
    uint8_t *at = ret_query->bytes;

    if (name_size == 0)
        return -EINVAL;
    memset(at, 0, MESSAGE_HEADER_SIZE);
    random_fill(at, 2);
    at[2] = FLAG_RD;
    at[5] = 1; /* questions */
    at[11] = edns == MESSAGE_WITH_EDNS;
    at += MESSAGE_HEADER_SIZE;
    mix_case(wire, name_size);
    memcpy(at, wire, name_size);
    at += name_size;
    *at++ = (uint8_t)(type >> 8);
    *at++ = (uint8_t)type;
    *at++ = 0;
    *at++ = CLASS_IN;
    ret_query->section_size = (uint16_t)(name_size + 4);
    if (edns == MESSAGE_WITH_EDNS) {
        memcpy(at, opt, sizeof(opt));
        at += sizeof(opt);
    }
    ret_query->size = (uint16_t)(at - ret_query->bytes);
    return 0;
}

static bool equal_but_for_case(const uint8_t *a, const uint8_t *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i] && !((a[i] ^ b[i]) == 0x20 && is_letter(a[i])))
            return false;
    return true;
}

enum message_match message_match_reply(const struct message_query *query, const uint8_t *bytes,
                                       size_t size)
{
    const uint8_t *section = query->bytes + MESSAGE_HEADER_SIZE;
    size_t name_size = query->section_size - 4u;

    if (size < (size_t)MESSAGE_HEADER_SIZE + query->section_size ||
        memcmp(bytes, query->bytes, 2) != 0 || !(bytes[2] & FLAG_QR) || bytes[2] & OPCODE_BITS ||
        bytes[4] != 0 || bytes[5] != 1)
        return MESSAGE_NOT_OURS;
    bytes += MESSAGE_HEADER_SIZE;
    if (memcmp(bytes + name_size, section + name_size, 4) != 0 ||
        !equal_but_for_case(bytes, section, name_size))
        return MESSAGE_NOT_OURS;
    return memcmp(bytes, section, name_size) == 0 ? MESSAGE_OURS : MESSAGE_CASE_DIFFERS;
}

bool message_is_truncated(const uint8_t *bytes, size_t size)
{
    return size > 2 && bytes[2] & FLAG_TC;
}

struct record {
    char owner[WIRE_NAME_TEXT_SIZE];
    bool owner_is_odd;
    uint16_t type;
    bool is_internet;
    uint32_t ttl_s;
    struct cursor data;
};

static int read_record(const uint8_t *bytes, struct cursor *c, struct record *record)
{
    int r = wire_name_read(bytes, c, record->owner);
    uint16_t size;

    if (r == -EBADMSG)
        return r;
    record->owner_is_odd = r < 0;
    record->type = cursor_u16(c);
    record->is_internet = cursor_u16(c) == CLASS_IN;
    record->ttl_s = cursor_u32(c);
    if (record->ttl_s > INT32_MAX) /* RFC 2181 8 */
        record->ttl_s = 0;
    size = cursor_u16(c);
    record->data = cursor_over(c->at, size);
    cursor_take(c, size);
    return c->failed ? -EBADMSG : 0;
}

static bool is_owned_by(const struct record *record, const char *name)
{
    return record->is_internet && !record->owner_is_odd && strcmp(record->owner, name) == 0;
}

static void lower(uint32_t *ttl_s, uint32_t by)
{
    if (by < *ttl_s)
        *ttl_s = by;
}

/* One pass over the answer section for the CNAME of name. Returns 1 found, 0 none, or -EBADMSG. Two
 * different CNAMEs of one name are against RFC 2181 10.1: the first counts. */
static int find_cname(const uint8_t *bytes, struct cursor c, unsigned count, const char *name,
                      char ret_target[static WIRE_NAME_TEXT_SIZE], uint32_t *ttl_s)
{
    struct record record;

    for (unsigned i = 0; i < count; i++) {
        if (read_record(bytes, &c, &record) < 0)
            return -EBADMSG;
        if (record.type != MESSAGE_CNAME || !is_owned_by(&record, name))
            continue;
        if (wire_name_read(bytes, &record.data, ret_target) < 0 || cursor_left(&record.data) > 0)
            return -EBADMSG; /* odd bytes too: nobody could ask for the target */
        lower(ttl_s, record.ttl_s);
        return 1;
    }
    return 0;
}

/* Leaves c behind the answer section. */
static int read_addresses(const uint8_t *bytes, struct cursor *c, unsigned count, const char *owner,
                          uint16_t type, struct message_answer *answer)
{
    size_t size = type == MESSAGE_A ? 4 : 16;
    struct record record;

    for (unsigned i = 0; i < count; i++) {
        const uint8_t *data;

        if (read_record(bytes, c, &record) < 0)
            return -EBADMSG;
        if (record.type != type || !is_owned_by(&record, owner))
            continue;
        if (cursor_left(&record.data) != size)
            return -EBADMSG;
        if (answer->count == MESSAGE_ADDRESSES_MAX)
            continue;
        data = cursor_take(&record.data, size);
        answer->addresses[answer->count++] =
            type == MESSAGE_A ? address_from_v4(data) : address_from_v6(data);
        lower(&answer->ttl_s, record.ttl_s);
    }
    return 0;
}

/* RFC 2308 5: a negative answer lives for the smaller of the SOA's TTL and its MINIMUM. */
static int read_soa(const uint8_t *bytes, struct cursor *c, unsigned count,
                    struct message_answer *answer)
{
    struct record record;

    for (unsigned i = 0; i < count; i++) {
        const uint8_t *numbers;

        if (read_record(bytes, c, &record) < 0)
            return -EBADMSG;
        if (record.type != MESSAGE_SOA || !record.is_internet || cursor_left(&record.data) < 22)
            continue;
        numbers = record.data.end - 4;
        answer->has_soa = true;
        answer->negative_ttl_s = record.ttl_s;
        lower(&answer->negative_ttl_s, (uint32_t)numbers[0] << 24 | (uint32_t)numbers[1] << 16 |
                                           (uint32_t)numbers[2] << 8 | numbers[3]);
    }
    return 0;
}

/* Means nothing to us, but a message that is broken anywhere is no honest one. */
static int skip_records(const uint8_t *bytes, struct cursor *c, unsigned count)
{
    struct record record;

    for (unsigned i = 0; i < count; i++)
        if (read_record(bytes, c, &record) < 0)
            return -EBADMSG;
    return 0;
}

static int follow_chain(const uint8_t *bytes, struct cursor c, unsigned count, const char *name,
                        struct message_answer *answer)
{
    while (answer->chain_count <= MESSAGE_CHAIN_MAX) {
        char *target = answer->chain[answer->chain_count];
        int r = find_cname(bytes, c, count, name, target, &answer->ttl_s);

        if (r <= 0)
            return r;
        name = target;
        answer->chain_count++;
    }
    return -ELOOP; /* a loop never ends, so it ends here */
}

/* The header and the question, which must be the one we asked. */
static int read_head(const uint8_t *bytes, struct cursor *c, const char *name, uint16_t type,
                     unsigned counts[static 3], enum message_rcode *ret_rcode)
{
    char asked[WIRE_NAME_TEXT_SIZE];
    uint8_t flags;

    cursor_take(c, 2);
    flags = cursor_u8(c);
    *ret_rcode = cursor_u8(c) & 0xf;
    if (!(flags & FLAG_QR) || cursor_u16(c) != 1)
        return -EBADMSG;
    counts[0] = cursor_u16(c);
    counts[1] = cursor_u16(c);
    counts[2] = cursor_u16(c);
    if (c->failed || wire_name_read(bytes, c, asked) < 0 || strcmp(asked, name) != 0)
        return -EBADMSG;
    if (cursor_u16(c) != type || cursor_u16(c) != CLASS_IN || c->failed)
        return -EBADMSG;
    return 0;
}

int message_read_answer(const uint8_t *bytes, size_t size, const char *name, uint16_t type,
                        struct message_answer *ret_answer)
{
    struct message_answer *answer = ret_answer;
    struct cursor c = cursor_over(bytes, size);
    unsigned counts[3]; /* answer, authority, additional */
    const char *owner;
    int r;

    answer->ttl_s = UINT32_MAX;
    answer->has_soa = false;
    answer->negative_ttl_s = 0;
    answer->chain_count = answer->count = 0;

    r = read_head(bytes, &c, name, type, counts, &answer->rcode);
    if (r == 0)
        r = follow_chain(bytes, c, counts[0], name, answer);
    if (r < 0)
        return r;
    owner = answer->chain_count > 0 ? answer->chain[answer->chain_count - 1] : name;
    if (read_addresses(bytes, &c, counts[0], owner, type, answer) < 0 ||
        read_soa(bytes, &c, counts[1], answer) < 0 || skip_records(bytes, &c, counts[2]) < 0)
        return -EBADMSG;
    if (answer->rcode != MESSAGE_NOERROR)
        answer->count = 0;
    return 0;
}
