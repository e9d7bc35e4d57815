/* SPDX-License-Identifier: MIT */
/* The client's side: its question, our reply. */
#include <errno.h>
#include <string.h>

#include "dns/message.h"

#define FLAG_QR 0x8000
#define FLAG_TC 0x0200
#define FLAG_RD 0x0100
#define FLAG_RA 0x0080
#define FLAG_CD 0x0010
#define EDNS_DO 0x8000

#define CLASS_IN 1
#define OPT_SIZE 11
#define OPTION_EDE 15
#define EDE_TEXT_MAX 200 /* with the longest question it still fits in MESSAGE_UDP_PLAIN */
#define POINTER_TO_QUESTION 0xc00c

static uint16_t clamp_udp_size(uint16_t size)
{
    if (size < MESSAGE_UDP_PLAIN)
        return MESSAGE_UDP_PLAIN;
    return size > MESSAGE_UDP_EDNS ? MESSAGE_UDP_EDNS : size;
}

static int read_section(const uint8_t *bytes, struct cursor *c, struct message_question *question)
{
    const uint8_t *start = c->at;
    int r = wire_name_read(bytes, c, question->name);

    if (r == -EBADMSG)
        return r;
    question->name_is_odd = r < 0;
    if (r < 0)
        question->name[0] = '\0';
    question->type = cursor_u16(c);
    question->is_internet = cursor_u16(c) == CLASS_IN;
    if (c->failed)
        return -EBADMSG;
    /* Nothing can be pointed to before the first name, so it came uncompressed and fits. */
    question->section_size = (uint16_t)(c->at - start);
    memcpy(question->section, start, question->section_size);
    return 0;
}

/* RFC 6891 6.1.1: one OPT at most, in the additional section, owned by the root. */
static int read_opt(struct message_question *question, bool owner_is_root, uint16_t udp_size,
                    uint32_t ttl)
{
    if (question->has_edns || !owner_is_root)
        return -EBADMSG;
    question->has_edns = true;
    question->udp_size = clamp_udp_size(udp_size);
    question->wants_dnssec = ttl & EDNS_DO;
    if (ttl >> 16 & 0xff)
        question->rcode = MESSAGE_BADVERS;
    return 0;
}

/* The records behind the question matter only for EDNS, whose options are not even looked at. */
static int read_rest(const uint8_t *bytes, struct cursor *c, struct message_question *question,
                     unsigned before_additional, unsigned additional)
{
    char owner[WIRE_NAME_TEXT_SIZE];

    for (unsigned i = 0; i < before_additional + additional; i++) {
        int length = wire_name_read(bytes, c, owner);
        uint16_t type = cursor_u16(c), udp_size = cursor_u16(c);
        uint32_t ttl = cursor_u32(c);

        cursor_take(c, cursor_u16(c));
        if (length == -EBADMSG || c->failed)
            return -EBADMSG;
        if (type == MESSAGE_OPT &&
            (i < before_additional || read_opt(question, length == 0, udp_size, ttl) < 0))
            return -EBADMSG;
    }
    return 0;
}

int message_read_question(const uint8_t *bytes, size_t size, struct message_question *ret_question)
{
    struct cursor c = cursor_over(bytes, size);
    struct message_question *question = ret_question;
    uint16_t id = cursor_u16(&c), flags = cursor_u16(&c), questions = cursor_u16(&c);
    unsigned before_additional = cursor_u16(&c);
    unsigned additional;

    before_additional += cursor_u16(&c);
    additional = cursor_u16(&c);
    if (c.failed || flags & FLAG_QR)
        return -EBADMSG;

    question->id = id;
    question->opcode = flags >> 11 & 0xf;
    question->recursion_desired = flags & FLAG_RD;
    question->checking_disabled = flags & FLAG_CD;
    question->rcode = MESSAGE_NOERROR;
    question->has_edns = question->wants_dnssec = false;
    question->udp_size = MESSAGE_UDP_PLAIN;
    question->section_size = 0;
    if (question->opcode != 0) {
        question->rcode = MESSAGE_NOTIMP;
    } else if (questions != 1 || /* RFC 9619 */
               read_section(bytes, &c, question) < 0 ||
               read_rest(bytes, &c, question, before_additional, additional) < 0) {
        question->rcode = MESSAGE_FORMERR;
        question->has_edns = false;
        question->section_size = 0;
    }
    return 0;
}

static uint8_t *put_u16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *put_u32(uint8_t *at, uint32_t value)
{
    return put_u16(put_u16(at, value >> 16), value & 0xffff);
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(at, bytes, size);
    return at + size;
}

static size_t extended_size(const struct message_reply *reply, size_t *ret_text_size)
{
    size_t text_size = reply->extended_text ? strlen(reply->extended_text) : 0;

    *ret_text_size = text_size > EDE_TEXT_MAX ? EDE_TEXT_MAX : text_size;
    return reply->extended_error < 0 ? 0 : 6 + *ret_text_size;
}

static uint8_t *put_opt(uint8_t *at, const struct message_question *question,
                        const struct message_reply *reply)
{
    size_t text_size, data_size = extended_size(reply, &text_size);

    *at++ = 0; /* owner: the root */
    at = put_u16(at, MESSAGE_OPT);
    at = put_u16(at, MESSAGE_UDP_EDNS);
    at = put_u32(at, (uint32_t)reply->rcode >> 4 << 24 | (question->wants_dnssec ? EDNS_DO : 0));
    at = put_u16(at, (unsigned)data_size);
    if (data_size == 0)
        return at;
    at = put_u16(at, OPTION_EDE);
    at = put_u16(at, (unsigned)(2 + text_size));
    at = put_u16(at, (unsigned)reply->extended_error);
    return put_bytes(at, reply->extended_text, text_size);
}

static uint8_t *put_address(uint8_t *at, const struct address *address, uint32_t ttl_s)
{
    size_t size = address_size(address);

    at = put_u16(at, POINTER_TO_QUESTION);
    at = put_u16(at, address->family == ADDRESS_V4 ? MESSAGE_A : MESSAGE_AAAA);
    at = put_u16(at, CLASS_IN);
    at = put_u32(at, ttl_s);
    at = put_u16(at, (unsigned)size);
    return put_bytes(at, address->bytes, size);
}

size_t message_write_reply(const struct message_question *question,
                           const struct message_reply *reply, uint8_t *ret_bytes, size_t limit)
{
    size_t text_size;
    size_t opt_size = question->has_edns ? OPT_SIZE + extended_size(reply, &text_size) : 0;
    size_t fixed_size = MESSAGE_HEADER_SIZE + question->section_size + opt_size;
    size_t count = question->section_size > 0 ? reply->count : 0;
    unsigned flags = FLAG_QR | FLAG_RA | (unsigned)question->opcode << 11 | (reply->rcode & 0xf);
    uint8_t *at = ret_bytes;

    if (count > 0 && count > (limit - fixed_size) / (12 + address_size(&reply->addresses[0]))) {
        count = (limit - fixed_size) / (12 + address_size(&reply->addresses[0]));
        flags |= FLAG_TC;
    }
    flags |= question->recursion_desired ? FLAG_RD : 0;
    flags |= question->checking_disabled ? FLAG_CD : 0;

    at = put_u16(at, question->id);
    at = put_u16(at, flags);
    at = put_u16(at, question->section_size > 0);
    at = put_u16(at, (unsigned)count);
    at = put_u16(at, 0);
    at = put_u16(at, question->has_edns);
    at = put_bytes(at, question->section, question->section_size);
    for (size_t i = 0; i < count; i++)
        at = put_address(at, &reply->addresses[i], reply->ttl_s);
    if (question->has_edns)
        at = put_opt(at, question, reply);
    return (size_t)(at - ret_bytes);
}
