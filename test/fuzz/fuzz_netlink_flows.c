/* SPDX-License-Identifier: MIT */
/* Flows as the kernel lists them: what is borrowed from the message lies within it. */
#include <assert.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

#include "firewall/conntrack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(const struct nlmsghdr *message, const struct nlattr *attribute)
{
    if (attribute) {
        assert((const uint8_t *)attribute >= (const uint8_t *)message);
        assert((const uint8_t *)attribute + attribute->nla_len <=
               (const uint8_t *)message + message->nlmsg_len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nlmsghdr *message;
    struct flow flow;

    if (size < sizeof(struct nlmsghdr))
        return 0;
    message = malloc(size);
    if (!message)
        abort();
    memcpy(message, data, size);
    message->nlmsg_len = (uint32_t)size; /* as the reader of the socket has made sure */
    if (flow_read(message, &flow) == 0) {
        assert(flow.source.family == flow.destination.family);
        assert(flow.tuple);
        check_within(message, flow.tuple);
        check_within(message, flow.id);
        check_within(message, flow.zone);
    }
    free(message);
    return 0;
}
