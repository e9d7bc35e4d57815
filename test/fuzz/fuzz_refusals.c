/* SPDX-License-Identifier: MIT */
/* A refused packet as the kernel tells it: ports are ports, addresses of one family, and what is
 * said depends on nothing behind the message's end. */
#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "firewall/refusal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct refusal *refusal)
{
    assert(refusal->source.family == refusal->destination.family);
    assert(refusal->source.family == ADDRESS_V4 || refusal->source.family == ADDRESS_V6);
    assert(refusal->protocol >= 0 && refusal->protocol <= 255);
    assert(refusal->port >= REFUSAL_NO_PORT && refusal->port <= 65535);
    assert((refusal->port == REFUSAL_NO_PORT) == (refusal->source_port == REFUSAL_NO_PORT));
    assert(refusal->protocol != IPPROTO_ICMP || refusal->port == REFUSAL_NO_PORT);
    assert(refusal->uid >= REFUSAL_NO_USER && refusal->uid < UINT32_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nlmsghdr *message;
    struct refusal refusal;
    uint32_t sequence;
    int r;

    if (size < sizeof(struct nlmsghdr))
        return 0;
    message = malloc(size);
    if (!message)
        abort();
    memcpy(message, data, size);
    message->nlmsg_len = (uint32_t)size; /* as the reader of the socket has made sure */
    if (refusal_read(message, &refusal) == 0)
        check(&refusal);
    r = refusal_read_sequence(message, &sequence);
    assert(r == 0 || r == -ENOMSG);
    free(message);
    return 0;
}
