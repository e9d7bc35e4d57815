/* SPDX-License-Identifier: MIT */
/* Whatever an upstream, or somebody who guesses, sends: what we take from it is bounded, of the
 * family asked for, and nothing at all unless the answer is a good one. */
#include <assert.h>
#include <string.h>

#include "dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size, uint16_t type)
{
    static struct message_answer answer;
    enum address_family family = type == MESSAGE_A ? ADDRESS_V4 : ADDRESS_V6;

    if (message_read_answer(data, size, "www.example", type, &answer) < 0)
        return;
    assert(answer.chain_count <= MESSAGE_CHAIN_MAX);
    for (size_t i = 0; i < answer.chain_count; i++)
        assert(strlen(answer.chain[i]) < WIRE_NAME_TEXT_SIZE);
    assert(answer.count <= MESSAGE_ADDRESSES_MAX);
    assert(answer.count == 0 || answer.rcode == MESSAGE_NOERROR);
    assert(answer.count == 0 || answer.ttl_s <= INT32_MAX);
    for (size_t i = 0; i < answer.count; i++)
        assert(answer.addresses[i].family == family);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct message_query query;

    if (query.size == 0)
        message_write_query("www.example", MESSAGE_A, MESSAGE_WITH_EDNS, &query);
    message_match_reply(&query, data, size);
    message_is_truncated(data, size);
    check(data, size, MESSAGE_A);
    check(data, size, MESSAGE_AAAA);
    return 0;
}
