/* SPDX-License-Identifier: MIT */
#include "dns/message.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns_stub.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define BYTES(text) (const uint8_t *)text, sizeof(text) - 1

/* Names; offsets are into the bytes given, of which the first 12 stand for a header. */
#define HEADER "HHHHHHHHHHHH"
static const struct {
    const char *what;
    const uint8_t *bytes;
    size_t size, at;
    int result; /* length of the text, or -errno */
    const char *text;
    size_t end; /* where the cursor is left */
} names[] = {
    {"plain", BYTES(HEADER "\3www\7ExAmPlE\0"), 12, 11, "www.example", 25},
    {"root", BYTES(HEADER "\0"), 12, 0, "", 13},
    {"underscore and digits", BYTES(HEADER "\4_d-9\1a\0"), 12, 6, "_d-9.a", 20},
    {"pointer", BYTES(HEADER "\1a\0\1b\xc0\x0c"), 15, 3, "b.a", 19},
    {"pointer alone", BYTES(HEADER "\1a\0\xc0\x0c"), 15, 1, "a", 17},
    {"two pointers", BYTES(HEADER "\1a\0\1b\xc0\x0c\1c\xc0\x0f"), 19, 5, "c.b.a", 23},
    {"pointer to the root", BYTES(HEADER "\0\xc0\x0c"), 13, 0, "", 15},
    {"dot in a label", BYTES(HEADER "\3a.b\0"), 12, -EILSEQ, NULL, 17},
    {"NUL in a label", BYTES(HEADER "\3a\0b\0"), 12, -EILSEQ, NULL, 17},
    {"space in a label", BYTES(HEADER "\3a b\0"), 12, -EILSEQ, NULL, 17},
    {"UTF-8 in a label", BYTES(HEADER "\2\xc3\xbc\0"), 12, -EILSEQ, NULL, 16},
    {"odd label behind a pointer", BYTES(HEADER "\1*\0\1b\xc0\x0c"), 15, -EILSEQ, NULL, 19},
    {"no end", BYTES(HEADER "\1a"), 12, -EBADMSG, NULL, 0},
    {"label too long for the message", BYTES(HEADER "\5ab"), 12, -EBADMSG, NULL, 0},
    {"nothing", BYTES(HEADER), 12, -EBADMSG, NULL, 0},
    {"label type 01",
     BYTES(HEADER "\x41"
                  "a\0"),
     12, -EBADMSG, NULL, 0},
    {"label type 10",
     BYTES(HEADER "\x81"
                  "a\0"),
     12, -EBADMSG, NULL, 0},
    {"pointer to itself", BYTES(HEADER "\xc0\x0c"), 12, -EBADMSG, NULL, 0},
    {"pointer forwards", BYTES(HEADER "\xc0\x0e\0"), 12, -EBADMSG, NULL, 0},
    {"pointer into the header",
     BYTES("HHHHHHHHHHH\0"
           "\xc0\x0b"),
     12, -EBADMSG, NULL, 0},
    {"pointer out of the message", BYTES(HEADER "\1a\0\xc3\xff"), 15, -EBADMSG, NULL, 0},
    {"pointer cut in half", BYTES(HEADER "\1a\0\xc0"), 15, -EBADMSG, NULL, 0},
    {"pointers in a circle", BYTES(HEADER "\1a\xc0\x10\1b\xc0\x0c"), 16, -EBADMSG, NULL, 0},
    {"pointer back into its own name", BYTES(HEADER "\1a\1b\xc0\x0c"), 12, -EBADMSG, NULL, 0},
};

START_TEST(names_are_read_strictly)
{
    char text[WIRE_NAME_TEXT_SIZE] = "untouched";
    struct cursor c = cursor_over(names[_i].bytes, names[_i].size);

    cursor_take(&c, names[_i].at);
    int r = wire_name_read(names[_i].bytes, &c, text);
    ck_assert_msg(r == names[_i].result, "%s: %d", names[_i].what, r);
    ck_assert_str_eq(text, r < 0 ? "untouched" : names[_i].text);
    if (r != -EBADMSG)
        ck_assert_msg(c.at == names[_i].bytes + names[_i].end, "%s: cursor", names[_i].what);
}
END_TEST

/* labels labels of one letter: 2 bytes each on the wire, and the root. */
static int read_labels(unsigned labels, char text[static WIRE_NAME_TEXT_SIZE])
{
    struct wire wire;
    struct cursor c;

    wire_header(&wire, 0, 0);
    for (unsigned i = 0; i < labels; i++)
        wire_bytes(&wire, "\1a", 2);
    wire_u8(&wire, 0);
    c = cursor_over(wire.bytes, wire.size);
    cursor_take(&c, 12);
    return wire_name_read(wire.bytes, &c, text);
}

START_TEST(names_end_at_255_bytes)
{
    char text[WIRE_NAME_TEXT_SIZE];
    uint8_t wire[WIRE_NAME_SIZE];

    ck_assert_int_eq(read_labels(127, text), 253);
    ck_assert_uint_eq(strlen(text), 253);
    ck_assert_uint_eq(wire_name_write(text, wire), 255);
    ck_assert_int_eq(read_labels(128, text), -EBADMSG);
}
END_TEST

START_TEST(many_pointers_end)
{
    struct wire wire;
    char text[WIRE_NAME_TEXT_SIZE];
    struct cursor c;

    wire_header(&wire, 0, 0);
    wire_u8(&wire, 0);
    for (unsigned i = 0; i < 200; i++)
        wire_u16(&wire, 0xc000 | (i == 0 ? 12 : 13 + 2 * (i - 1)));
    c = cursor_over(wire.bytes, wire.size);
    cursor_take(&c, 13 + 2 * 100);
    ck_assert_int_eq(wire_name_read(wire.bytes, &c, text), 0);
    c = cursor_over(wire.bytes, wire.size);
    cursor_take(&c, 13 + 2 * 199);
    ck_assert_int_eq(wire_name_read(wire.bytes, &c, text), -EBADMSG);
}
END_TEST

START_TEST(text_that_is_no_name_is_not_written)
{
    static const char *const texts[] = {
        ".", ".a", "a.", "a..b",
        "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234"};
    uint8_t wire[WIRE_NAME_SIZE];

    ck_assert_uint_eq(wire_name_write("", wire), 1);
    ck_assert_uint_eq(wire_name_write("a.bc", wire), 6);
    ck_assert_mem_eq(wire, "\1a\2bc\0", 6);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        ck_assert_msg(wire_name_write(texts[i], wire) == 0, "%s", texts[i]);
}
END_TEST

static int read_wire(const struct wire *wire, struct message_question *question)
{
    return message_read_question(wire->bytes, wire->size, question);
}

static void add_opt(struct wire *wire, unsigned udp_size, uint32_t ttl)
{
    wire->bytes[11]++;
    wire_u8(wire, 0);
    wire_u16(wire, MESSAGE_OPT);
    wire_u16(wire, udp_size);
    wire_u32(wire, ttl);
    wire_u16(wire, 0);
}

START_TEST(question_is_read)
{
    struct message_question question;
    struct wire wire;

    wire_header(&wire, 0x1234, 0x0110);
    wire_question(&wire, "GiThUb.Example", MESSAGE_AAAA);
    ck_assert_int_eq(read_wire(&wire, &question), 0);
    ck_assert_int_eq(question.rcode, MESSAGE_NOERROR);
    ck_assert_uint_eq(question.id, 0x1234);
    ck_assert(question.recursion_desired && question.checking_disabled && question.is_internet);
    ck_assert_str_eq(question.name, "github.example");
    ck_assert_uint_eq(question.type, MESSAGE_AAAA);
    ck_assert(!question.has_edns);
    ck_assert_uint_eq(question.udp_size, 512);
    ck_assert_uint_eq(question.section_size, 20);
    ck_assert_mem_eq(question.section, "\6GiThUb\7Example\0\0\34\0\1", 20);
}
END_TEST

START_TEST(question_at_fault_gets_its_rcode)
{
    struct message_question question;
    struct wire wire;

    wire_header(&wire, 1, 0);
    ck_assert_int_eq(read_wire(&wire, &question), 0);
    ck_assert_int_eq(question.rcode, MESSAGE_FORMERR); /* no question */
    wire_question(&wire, "a.test", MESSAGE_A);
    wire_question(&wire, "b.test", MESSAGE_A);
    ck_assert_int_eq(read_wire(&wire, &question), 0);
    ck_assert_int_eq(question.rcode, MESSAGE_FORMERR); /* two */
    ck_assert_uint_eq(question.section_size, 0);

    wire_header(&wire, 1, 5 << 11); /* UPDATE */
    wire_question(&wire, "a.test", MESSAGE_A);
    ck_assert_int_eq(read_wire(&wire, &question), 0);
    ck_assert_int_eq(question.rcode, MESSAGE_NOTIMP);
    ck_assert_uint_eq(question.opcode, 5);

    wire_header(&wire, 1, 0x8000);
    wire_question(&wire, "a.test", MESSAGE_A);
    ck_assert_int_eq(read_wire(&wire, &question), -EBADMSG); /* an answer */
    ck_assert_int_eq(message_read_question(wire.bytes, 11, &question), -EBADMSG);

    wire_header(&wire, 1, 0);
    wire_question(&wire, "a.test", MESSAGE_A);
    wire.bytes[9] = 1; /* claims a record that is not there */
    ck_assert_int_eq(read_wire(&wire, &question), 0);
    ck_assert_int_eq(question.rcode, MESSAGE_FORMERR);
}
END_TEST

START_TEST(edns_of_question)
{
    static const struct {
        unsigned size;
        uint32_t ttl;
        unsigned expected;
        enum message_rcode rcode;
    } cases[] = {
        {4096, 0, 1232, MESSAGE_NOERROR},        {1232, 0x8000, 1232, MESSAGE_NOERROR},
        {600, 0, 600, MESSAGE_NOERROR},          {0, 0, 512, MESSAGE_NOERROR},
        {4096, 0x010000, 1232, MESSAGE_BADVERS},
    };
    struct message_question question;
    struct wire wire;

    wire_header(&wire, 1, 0);
    wire_question(&wire, "a.test", MESSAGE_A);
    add_opt(&wire, cases[_i].size, cases[_i].ttl);
    ck_assert_int_eq(read_wire(&wire, &question), 0);
    ck_assert_int_eq(question.rcode, cases[_i].rcode);
    ck_assert(question.has_edns);
    ck_assert_int_eq(question.wants_dnssec, cases[_i].ttl == 0x8000);
    ck_assert_uint_eq(question.udp_size, cases[_i].expected);
    add_opt(&wire, 512, 0); /* a second one: RFC 6891 6.1.1 */
    ck_assert_int_eq(read_wire(&wire, &question), 0);
    ck_assert_int_eq(question.rcode, MESSAGE_FORMERR);
}
END_TEST

START_TEST(odd_names_are_echoed_but_not_named)
{
    struct message_question question;
    struct message_reply reply = {.rcode = MESSAGE_NXDOMAIN,
                                  .extended_error = MESSAGE_EXTENDED_NONE};
    uint8_t bytes[512];
    struct wire wire;

    wire_header(&wire, 7, 0x0100);
    wire.bytes[5] = 1;
    wire_bytes(&wire, "\3a.b\4test\0\0\1\0\1", 14);
    ck_assert_int_eq(read_wire(&wire, &question), 0);
    ck_assert(question.name_is_odd);
    ck_assert_str_eq(question.name, "");
    ck_assert_uint_eq(message_write_reply(&question, &reply, bytes, sizeof(bytes)), wire.size);
    ck_assert_mem_eq(bytes, "\0\7\x81\x83\0\1\0\0\0\0\0\0", 12);
    ck_assert_mem_eq(bytes + 12, wire.bytes + 12, 14);
}
END_TEST

static struct message_question make_question(unsigned udp_size)
{
    struct message_question question;
    struct wire wire;

    wire_header(&wire, 0xabcd, 0x0100);
    wire_question(&wire, "a.test", MESSAGE_A);
    if (udp_size > 0)
        add_opt(&wire, udp_size, 0);
    ck_assert_int_eq(read_wire(&wire, &question), 0);
    return question;
}

START_TEST(reply_carries_addresses)
{
    static const uint8_t expected[] = "\xab\xcd\x81\x80\0\1\0\2\0\0\0\0\1a\4test\0\0\1\0\1"
                                      "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"
                                      "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\2";
    static const struct address addresses[] = {{ADDRESS_V4, {192, 0, 2, 1}},
                                               {ADDRESS_V4, {192, 0, 2, 2}}};
    struct message_question question = make_question(0);
    struct message_reply reply = {
        .ttl_s = 300, .addresses = addresses, .count = 2, .extended_error = MESSAGE_EXTENDED_STALE};
    uint8_t bytes[512];

    ck_assert_uint_eq(message_write_reply(&question, &reply, bytes, sizeof(bytes)),
                      sizeof(expected) - 1);
    ck_assert_mem_eq(bytes, expected, sizeof(expected) - 1);
}
END_TEST

START_TEST(reply_is_cut_to_fit)
{
    static const size_t limits[] = {512, 1232, 65535};
    static struct address addresses[1024];
    static uint8_t bytes[65535];
    struct message_question question = make_question(4096);
    struct message_reply reply = {.ttl_s = 1,
                                  .addresses = addresses,
                                  .extended_error = MESSAGE_EXTENDED_STALE,
                                  .extended_text = "some text"};
    size_t limit = limits[_i];

    for (size_t i = 0; i < COUNT_OF(addresses); i++)
        addresses[i] = (struct address){ADDRESS_V4, {192, 0, (uint8_t)(i >> 8), (uint8_t)i}};
    for (reply.count = 0; reply.count <= COUNT_OF(addresses); reply.count++) {
        size_t size = message_write_reply(&question, &reply, bytes, limit);
        size_t answers = (size_t)bytes[6] << 8 | bytes[7];

        ck_assert_uint_le(size, limit);
        ck_assert_int_eq(message_is_truncated(bytes, size), answers < reply.count);
        ck_assert(answers == reply.count || size + 16 > limit);
    }
}
END_TEST

START_TEST(reply_explains_itself_to_edns_only)
{
    struct message_question question = make_question(1232);
    struct message_reply reply = {.rcode = MESSAGE_NXDOMAIN,
                                  .extended_error = MESSAGE_EXTENDED_BLOCKED,
                                  .extended_text = "no"};
    uint8_t bytes[512];
    size_t size = message_write_reply(&question, &reply, bytes, sizeof(bytes));

    ck_assert_uint_eq(size, 24 + 11 + 8);
    ck_assert_mem_eq(bytes + 24, "\0\0\51\x04\xd0\0\0\0\0\0\x08\0\17\0\4\0\17no", 19);
    question = make_question(0);
    ck_assert_uint_eq(message_write_reply(&question, &reply, bytes, sizeof(bytes)), 24);

    question = make_question(1232);
    question.rcode = MESSAGE_BADVERS;
    reply =
        (struct message_reply){.rcode = MESSAGE_BADVERS, .extended_error = MESSAGE_EXTENDED_NONE};
    ck_assert_uint_eq(message_write_reply(&question, &reply, bytes, sizeof(bytes)), 24 + 11);
    ck_assert_uint_eq(bytes[3] & 0xf, 0);
    ck_assert_uint_eq(bytes[24 + 5], 1);
}
END_TEST

START_TEST(longest_everything_fits_512)
{
    struct message_question question;
    char text[1000];
    struct message_reply reply = {.rcode = MESSAGE_NXDOMAIN,
                                  .extended_error = MESSAGE_EXTENDED_BLOCKED,
                                  .extended_text = text};
    uint8_t bytes[512];
    struct wire wire;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    wire_header(&wire, 1, 0);
    wire.bytes[5] = 1;
    for (unsigned i = 0; i < 127; i++)
        wire_bytes(&wire, "\1a", 2);
    wire_bytes(&wire, "\0\0\1\0\1", 5);
    add_opt(&wire, 0, 0);
    ck_assert_int_eq(read_wire(&wire, &question), 0);
    ck_assert_uint_le(message_write_reply(&question, &reply, bytes, sizeof(bytes)), 512);
}
END_TEST

START_TEST(query_is_ours_alone)
{
    struct message_query a, b;
    struct message_question read;
    unsigned differ = 0;

    ck_assert_int_eq(message_write_query("www.example.test", MESSAGE_A, MESSAGE_WITH_EDNS, &a), 0);
    ck_assert_int_eq(message_read_question(a.bytes, a.size, &read), 0);
    ck_assert_int_eq(read.rcode, MESSAGE_NOERROR);
    ck_assert_str_eq(read.name, "www.example.test");
    ck_assert(read.has_edns && read.recursion_desired && !read.checking_disabled);
    ck_assert_uint_eq(read.udp_size, 1232);
    for (int i = 0; i < 100; i++) {
        message_write_query("www.example.test", MESSAGE_A, MESSAGE_WITHOUT_EDNS, &b);
        ck_assert_uint_eq(b.size, a.size - 11);
        differ += memcmp(a.bytes + 12, b.bytes + 12, 16) != 0; /* 14 letters */
        differ += memcmp(a.bytes, b.bytes, 2) != 0;
    }
    ck_assert_uint_gt(differ, 195);
    ck_assert_int_eq(message_write_query("a..b", MESSAGE_A, MESSAGE_WITH_EDNS, &a), -EINVAL);
}
END_TEST

START_TEST(only_our_answer_matches)
{
    struct message_query query;
    uint8_t reply[MESSAGE_QUERY_SIZE];
    static const size_t bits_that_count[] = {0, 1, 4, 5, 12, 22, 23, 24, 25};

    do
        message_write_query("abc.test", MESSAGE_A, MESSAGE_WITHOUT_EDNS, &query);
    while (query.bytes[13] != 'a');
    memcpy(reply, query.bytes, query.size);
    ck_assert_int_eq(message_match_reply(&query, reply, query.size), MESSAGE_NOT_OURS); /* QR */
    reply[2] |= 0x80;
    ck_assert_int_eq(message_match_reply(&query, reply, query.size), MESSAGE_OURS);
    ck_assert_int_eq(message_match_reply(&query, reply, query.size - 1u), MESSAGE_NOT_OURS);
    for (size_t i = 0; i < COUNT_OF(bits_that_count); i++) {
        reply[bits_that_count[i]] ^= 1;
        ck_assert_int_eq(message_match_reply(&query, reply, query.size), MESSAGE_NOT_OURS);
        reply[bits_that_count[i]] ^= 1;
    }
    reply[13] = 'A';
    ck_assert_int_eq(message_match_reply(&query, reply, query.size), MESSAGE_CASE_DIFFERS);
    reply[13] = 'b';
    ck_assert_int_eq(message_match_reply(&query, reply, query.size), MESSAGE_NOT_OURS);
    reply[13] = 'a';
    reply[2] |= 0x08;
    ck_assert_int_eq(message_match_reply(&query, reply, query.size), MESSAGE_NOT_OURS);
}
END_TEST

static struct message_answer answer;
static struct wire wire;

static void begin_answer(unsigned rcode)
{
    wire_header(&wire, 1, 0x8180 | rcode);
    wire_question(&wire, "www.test", MESSAGE_A);
}

static int read_answer(void)
{
    return message_read_answer(wire.bytes, wire.size, "www.test", MESSAGE_A, &answer);
}

static bool has(const char *text)
{
    struct address address;

    ck_assert_int_eq(address_parse(text, &address), 0);
    for (size_t i = 0; i < answer.count; i++)
        if (address_equal(&answer.addresses[i], &address))
            return true;
    return false;
}

START_TEST(chain_is_followed_in_any_order)
{
    begin_answer(0);
    wire_address(&wire, WIRE_ANSWER, "B.cdn.Test", 50, "192.0.2.2");
    wire_cname(&wire, "a.cdn.test", 20, "b.cdn.test");
    wire_address(&wire, WIRE_ANSWER, "b.cdn.test", 90, "192.0.2.1");
    wire_cname(&wire, "WWW.test", 300, "a.CDN.test");
    ck_assert_int_eq(read_answer(), 0);
    ck_assert_uint_eq(answer.count, 2);
    ck_assert(has("192.0.2.1") && has("192.0.2.2"));
    ck_assert_uint_eq(answer.ttl_s, 20);
    ck_assert_uint_eq(answer.chain_count, 2);
    ck_assert_str_eq(answer.chain[1], "b.cdn.test");
}
END_TEST

START_TEST(what_is_not_on_the_chain_means_nothing)
{
    begin_answer(0);
    wire_cname(&wire, "www.test", 60, "a.test");
    wire_address(&wire, WIRE_ANSWER, "www.test", 60, "198.51.100.1"); /* beside its own CNAME */
    wire_address(&wire, WIRE_ANSWER, "evil.test", 1, "198.51.100.2");
    wire_cname(&wire, "other.test", 1, "evil.test");
    wire_address(&wire, WIRE_ANSWER, "a.test", 60, "192.0.2.1");
    wire_address(&wire, WIRE_ANSWER, "a.test", 60, "2001:db8::1"); /* not what was asked */
    wire_address(&wire, WIRE_AUTHORITY, "a.test", 1, "198.51.100.3");
    wire_address(&wire, WIRE_ADDITIONAL, "a.test", 1, "198.51.100.4");
    ck_assert_int_eq(read_answer(), 0);
    ck_assert_uint_eq(answer.count, 1);
    ck_assert(has("192.0.2.1"));
    ck_assert_uint_eq(answer.ttl_s, 60);
}
END_TEST

START_TEST(other_classes_mean_nothing)
{
    begin_answer(0);
    wire_address(&wire, WIRE_ANSWER, "www.test", 60, "192.0.2.1");
    wire.bytes[wire.size - 4 - 2 - 4 - 1] = 3; /* CHAOS */
    ck_assert_int_eq(read_answer(), 0);
    ck_assert_uint_eq(answer.count, 0);
}
END_TEST

START_TEST(loops_and_long_chains_are_refused)
{
    char owner[16], target[16];

    begin_answer(0);
    wire_cname(&wire, "www.test", 60, "www.test");
    ck_assert_int_eq(read_answer(), -ELOOP);
    begin_answer(0);
    wire_cname(&wire, "www.test", 60, "a.test");
    wire_cname(&wire, "a.test", 60, "www.test");
    ck_assert_int_eq(read_answer(), -ELOOP);
    for (unsigned hops = 8; hops <= 9; hops++) {
        begin_answer(0);
        for (unsigned i = 0; i < hops; i++) {
            snprintf(owner, sizeof(owner), i ? "n%u.test" : "www.test", i);
            snprintf(target, sizeof(target), "n%u.test", i + 1);
            wire_cname(&wire, owner, 60, target);
        }
        wire_address(&wire, WIRE_ANSWER, target, 60, "192.0.2.1");
        ck_assert_int_eq(read_answer(), hops == 8 ? 0 : -ELOOP);
    }
}
END_TEST

static const struct {
    uint32_t wire, expected;
} ttls[] = {{0, 0},          {1, 1},         {604800, 604800}, {0x7fffffff, 0x7fffffff},
            {0x80000000, 0}, {0xffffffff, 0}};

START_TEST(ttl_is_31_bits)
{
    begin_answer(0);
    wire_address(&wire, WIRE_ANSWER, "www.test", ttls[_i].wire, "192.0.2.1");
    ck_assert_int_eq(read_answer(), 0);
    ck_assert_uint_eq(answer.ttl_s, ttls[_i].expected);
}
END_TEST

START_TEST(negative_answers)
{
    begin_answer(MESSAGE_NXDOMAIN);
    wire_address(&wire, WIRE_ANSWER, "www.test", 60, "192.0.2.1");
    wire_soa(&wire, 300, 20);
    ck_assert_int_eq(read_answer(), 0);
    ck_assert_int_eq(answer.rcode, MESSAGE_NXDOMAIN);
    ck_assert_uint_eq(answer.count, 0);
    ck_assert(answer.has_soa);
    ck_assert_uint_eq(answer.negative_ttl_s, 20);
    begin_answer(0);
    ck_assert_int_eq(read_answer(), 0);
    ck_assert(!answer.has_soa && answer.count == 0 && answer.ttl_s == UINT32_MAX);
}
END_TEST

START_TEST(malformed_answers_are_refused)
{
    begin_answer(0);
    wire_record(&wire, WIRE_ANSWER, "www.test", MESSAGE_A, 60, "\1\2\3", 3);
    ck_assert_int_eq(read_answer(), -EBADMSG);
    begin_answer(0);
    wire_record(&wire, WIRE_ANSWER, "www.test", MESSAGE_A, 60, "\1\2\3\4\5", 5);
    ck_assert_int_eq(read_answer(), -EBADMSG);
    begin_answer(0);
    wire_record(&wire, WIRE_ANSWER, "www.test", MESSAGE_CNAME, 60, "\1a\0x",
                4); /* bytes behind it */
    ck_assert_int_eq(read_answer(), -EBADMSG);
    begin_answer(0);
    wire_record(&wire, WIRE_ANSWER, "www.test", MESSAGE_CNAME, 60, "\1a", 2); /* runs out */
    ck_assert_int_eq(read_answer(), -EBADMSG);
    begin_answer(0);
    wire_cname(&wire, "www.test", 60, "a b.test"); /* nobody could ask for it */
    ck_assert_int_eq(read_answer(), -EBADMSG);
    begin_answer(0);
    wire_address(&wire, WIRE_ANSWER, "www.test", 60, "192.0.2.1");
    wire_record(&wire, WIRE_ADDITIONAL, "", MESSAGE_OPT, 0, NULL, 0);
    for (size_t size = 0; size < wire.size; size++)
        ck_assert_int_eq(message_read_answer(wire.bytes, size, "www.test", MESSAGE_A, &answer),
                         -EBADMSG);
    ck_assert_int_eq(message_read_answer(wire.bytes, wire.size, "www.test", MESSAGE_AAAA, &answer),
                     -EBADMSG);
    ck_assert_int_eq(message_read_answer(wire.bytes, wire.size, "w.test", MESSAGE_A, &answer),
                     -EBADMSG);
}
END_TEST

START_TEST(many_addresses_are_bounded)
{
    char text[ADDRESS_TEXT_SIZE];

    begin_answer(0);
    for (unsigned i = 0; i < 1500; i++) {
        snprintf(text, sizeof(text), "198.51.%u.%u", i >> 8, i & 255);
        wire_address(&wire, WIRE_ANSWER, "www.test", 60, text);
    }
    ck_assert_int_eq(read_answer(), 0);
    ck_assert_uint_eq(answer.count, MESSAGE_ADDRESSES_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("message");
    TCase *tests = tcase_create("message");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, names_are_read_strictly, 0, COUNT_OF(names));
    tcase_add_test(tests, names_end_at_255_bytes);
    tcase_add_test(tests, many_pointers_end);
    tcase_add_test(tests, text_that_is_no_name_is_not_written);
    tcase_add_test(tests, question_is_read);
    tcase_add_test(tests, question_at_fault_gets_its_rcode);
    tcase_add_loop_test(tests, edns_of_question, 0, 5);
    tcase_add_test(tests, odd_names_are_echoed_but_not_named);
    tcase_add_test(tests, reply_carries_addresses);
    tcase_add_loop_test(tests, reply_is_cut_to_fit, 0, 3);
    tcase_add_test(tests, reply_explains_itself_to_edns_only);
    tcase_add_test(tests, longest_everything_fits_512);
    tcase_add_test(tests, query_is_ours_alone);
    tcase_add_test(tests, only_our_answer_matches);
    tcase_add_test(tests, chain_is_followed_in_any_order);
    tcase_add_test(tests, what_is_not_on_the_chain_means_nothing);
    tcase_add_test(tests, other_classes_mean_nothing);
    tcase_add_test(tests, loops_and_long_chains_are_refused);
    tcase_add_loop_test(tests, ttl_is_31_bits, 0, COUNT_OF(ttls));
    tcase_add_test(tests, negative_answers);
    tcase_add_test(tests, malformed_answers_are_refused);
    tcase_add_test(tests, many_addresses_are_bounded);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
