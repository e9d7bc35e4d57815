/* SPDX-License-Identifier: MIT */
#include "firewall/links.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "firewall/attributes.h"
#include "firewall/netlink.h"

#define DISCARDS_MAX 1024 /* what is left keeps the descriptor readable */

struct list {
    struct link *links;
    size_t count;
};

struct links {
    struct netlink *netlink;   /* to ask */
    struct mnl_socket *notice; /* to be told: what it says is not read, only that it says */
    struct list uplinks;
};

int links_open(struct links **ret_links)
{
    struct links *links = xcalloc(1, sizeof(*links));
    int r = netlink_socket(NETLINK_ROUTE);

    if (r >= 0)
        r = netlink_open(r, &links->netlink);
    if (r < 0)
        goto fail;
    links->notice = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (!links->notice || mnl_socket_bind(links->notice, RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0) {
        r = -errno;
        goto fail;
    }
    *ret_links = links;
    return 0;

fail:
    links_close(links);
    return r;
}

void links_close(struct links *links)
{
    if (!links)
        return;
    if (links->notice)
        mnl_socket_close(links->notice);
    netlink_close(links->netlink);
    free(links->uplinks.links);
    free(links);
}

int links_fd(const struct links *links)
{
    return mnl_socket_get_fd(links->notice);
}

const struct link *links_uplinks(const struct links *links, size_t *ret_count)
{
    *ret_count = links->uplinks.count;
    return links->uplinks.links;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_bridge(const char *kind)
{
    return kind && strcmp(kind, "bridge") == 0;
}

/* kind: what sort of virtual interface it is, master_kind: what it is plugged into; NULL: none. */
static bool is_uplink(const char *kind, const char *master_kind)
{
    return !is_bridge(kind) && !(kind && is_bridge(master_kind));
}

int link_read(const struct nlmsghdr *message, struct link *ret_link)
{
    const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
    struct attributes top, info = {{NULL}};
    const char *name;

    if (message->nlmsg_type != RTM_NEWLINK)
        return 0;
    if (attributes_read(message, sizeof(*header), &top) < 0)
        return -EBADMSG;
    name = attributes_text(&top, IFLA_IFNAME);
    if (!name ||
        (top.of[IFLA_LINKINFO] && attributes_read_nested(top.of[IFLA_LINKINFO], &info) < 0))
        return -EBADMSG;
    if (!is_uplink(attributes_text(&info, IFLA_INFO_KIND),
                   attributes_text(&info, IFLA_INFO_SLAVE_KIND)))
        return 0;
    *ret_link = (struct link){.index = header->ifi_index};
    snprintf(ret_link->name, IFNAMSIZ, "%s", name);
    return 1;
}

static void add_link(struct list *list, const struct link *link)
{
    size_t place = list->count;

    list->links = xreallocarray(list->links, list->count + 1, sizeof(list->links[0]));
    for (; place > 0 && list->links[place - 1].index > link->index; place--)
        list->links[place] = list->links[place - 1];
    list->links[place] = *link;
    list->count++;
}

static int on_link(void *context, const struct nlmsghdr *message)
{
    struct link link;
    int r = link_read(message, &link);

    if (r > 0)
        add_link(context, &link);
    return r < 0 ? r : 0;
}

static void on_restart(void *context)
{
    struct list *list = context;

    list->count = 0;
}

static bool is_same(const struct list *a, const struct list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->links[i].index != b->links[i].index ||
            strcmp(a->links[i].name, b->links[i].name) != 0)
            return false;
    return true;
}

/* Before asking, so that what changes from here on is told again. */
static void discard_notices(struct links *links)
{
    char ignored[64];

    for (int i = 0; i < DISCARDS_MAX; i++)
        if (recv(links_fd(links), ignored, sizeof(ignored), MSG_DONTWAIT) < 0 && errno != ENOBUFS &&
            errno != EINTR)
            break;
}

int links_read(struct links *links)
{
    struct list found = {NULL, 0};
    const struct netlink_listener listener = {on_link, on_restart, &found};
    char buffer[256] = {0};
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
    struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
    int r;

    message->nlmsg_type = RTM_GETLINK;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    message->nlmsg_seq = netlink_next_sequence(links->netlink);
    header->ifi_family = AF_UNSPEC;
    mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);

    discard_notices(links);
    r = netlink_dump(links->netlink, message, &listener);
    if (r < 0) {
        free(found.links);
        return r;
    }
    r = is_same(&found, &links->uplinks) ? 0 : 1;
    free(links->uplinks.links);
    links->uplinks = found;
    return r;
}
