/* SPDX-License-Identifier: MIT */
/* Network interfaces as the kernel lists them: what is a way out has a name that ends, and is
 * neither a bridge nor a virtual interface that is plugged into one. */
#include <assert.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "firewall/links.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Attributes, read once more: the last one of the type, its bytes without the header. */
static const uint8_t *find(const uint8_t *at, size_t left, uint16_t type, size_t *ret_size)
{
    const uint8_t *found = NULL;

    while (left >= sizeof(struct nlattr)) {
        struct nlattr header;
        size_t step;

        memcpy(&header, at, sizeof(header));
        if (header.nla_len < sizeof(header) || header.nla_len > left)
            break;
        if ((header.nla_type & NLA_TYPE_MASK) == type) {
            found = at + sizeof(header);
            *ret_size = header.nla_len - sizeof(header);
        }
        step = (size_t)NLA_ALIGN(header.nla_len);
        if (step > left)
            break;
        at += step;
        left -= step;
    }
    return found;
}

static bool is_text(const uint8_t *nest, size_t nest_size, uint16_t type, const char *text)
{
    size_t size = 0;
    const uint8_t *bytes = nest ? find(nest, nest_size, type, &size) : NULL;

    return bytes && size == strlen(text) + 1 && memcmp(bytes, text, size) == 0;
}

static void check(const struct nlmsghdr *message, const struct link *link)
{
    const size_t start = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifinfomsg));
    const uint8_t *bytes = (const uint8_t *)message + start;
    size_t size = message->nlmsg_len - start, name_size = 0, info_size = 0;
    const uint8_t *name = find(bytes, size, IFLA_IFNAME, &name_size);
    const uint8_t *info = find(bytes, size, IFLA_LINKINFO, &info_size), *kind;
    size_t kind_size = 0;

    assert(message->nlmsg_type == RTM_NEWLINK);
    assert(memchr(link->name, '\0', sizeof(link->name)));
    assert(name && memcmp(link->name, name, strlen(link->name)) == 0);
    assert(!is_text(info, info_size, IFLA_INFO_KIND, "bridge"));
    kind = info ? find(info, info_size, IFLA_INFO_KIND, &kind_size) : NULL;
    if (kind && kind_size > 0 && kind[kind_size - 1] == '\0')
        assert(!is_text(info, info_size, IFLA_INFO_SLAVE_KIND, "bridge"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nlmsghdr *message;
    struct link link;

    if (size < sizeof(struct nlmsghdr))
        return 0;
    message = malloc(size);
    if (!message)
        abort();
    memcpy(message, data, size);
    message->nlmsg_len = (uint32_t)size; /* as the reader of the socket has made sure */
    if (link_read(message, &link) > 0)
        check(message, &link);
    free(message);
    return 0;
}
