/* SPDX-License-Identifier: MIT */
/* Whatever a client sends: a question that we understand has a canonical name, and every answer we
 * give to it fits and can be read back. */
#include <assert.h>
#include <string.h>

#include "dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ADDRESSES 80

static const struct address v4 = {ADDRESS_V4, {192, 0, 2, 1}};
static const struct address v6 = {ADDRESS_V6, {0x20, 0x01, 0x0d, 0xb8}};

static void check_name(const struct message_question *question)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    uint8_t wire[WIRE_NAME_SIZE];

    assert(question->section_size <= MESSAGE_SECTION_SIZE);
    assert(question->name[strspn(question->name, allowed)] == '\0');
    if (!question->name_is_odd)
        assert(wire_name_write(question->name, wire) + 4u == question->section_size);
}

static void check_reply(const struct message_question *question, size_t count, size_t limit)
{
    static uint8_t bytes[MESSAGE_TCP_MAX];
    static struct message_answer answer;
    static struct address given[ADDRESSES];
    struct message_reply reply = {.ttl_s = 300,
                                  .addresses = given,
                                  .count = count,
                                  .extended_error = MESSAGE_EXTENDED_BLOCKED,
                                  .extended_text = question->name};
    size_t written;

    for (size_t i = 0; i < count; i++)
        given[i] = question->type == MESSAGE_AAAA ? v6 : v4;
    written = message_write_reply(question, &reply, bytes, limit);
    assert(written <= limit);
    if (question->rcode != MESSAGE_NOERROR || question->name_is_odd || !question->is_internet ||
        (question->type != MESSAGE_A && question->type != MESSAGE_AAAA))
        return;
    assert(message_read_answer(bytes, written, question->name, question->type, &answer) == 0);
    assert(answer.count == count || message_is_truncated(bytes, written));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message_question question;

    memset(&question, 0xa5, sizeof(question));
    if (message_read_question(data, size, &question) < 0)
        return 0;
    if (question.rcode == MESSAGE_NOERROR) {
        check_name(&question);
        check_reply(&question, ADDRESSES, question.udp_size);
    }
    check_reply(&question, 0, MESSAGE_UDP_PLAIN);
    return 0;
}
