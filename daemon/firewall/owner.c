/* SPDX-License-Identifier: MIT */
#include "firewall/owner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "base/memory.h"
#include "firewall/netlink.h"

/* ::ffff:0:0/96, RFC 4291 2.5.5.2 */
static const uint8_t mapped[12] = {[10] = 0xff, 0xff};

struct owners {
    struct netlink *netlink;
};

int owners_open(struct owners **ret_owners)
{
    struct netlink *netlink;
    int fd = netlink_socket(NETLINK_SOCK_DIAG);
    int r = fd < 0 ? fd : netlink_open(fd, &netlink);

    if (r < 0)
        return r;
    *ret_owners = xcalloc(1, sizeof(**ret_owners));
    (*ret_owners)->netlink = netlink;
    return 0;
}

void owners_close(struct owners *owners)
{
    if (!owners)
        return;
    netlink_close(owners->netlink);
    free(owners);
}

/* --- what the kernel says --------------------------------------------------------------------- */

/* An IPv6 socket that speaks IPv4 has a mapped address. */
static struct address read_address(uint8_t family, const __be32 words[static 4])
{
    uint8_t bytes[16];

    memcpy(bytes, words, sizeof(bytes));
    if (family == AF_INET)
        return address_from_v4(bytes);
    return memcmp(bytes, mapped, sizeof(mapped)) == 0 ? address_from_v4(bytes + sizeof(mapped))
                                                      : address_from_v6(bytes);
}

static bool is_unspecified(const struct address *address)
{
    static const uint8_t zero[16];

    return memcmp(address->bytes, zero, sizeof(zero)) == 0;
}

int owner_read(const struct nlmsghdr *message, const struct owner_question *question,
               enum owner_match *ret_match, struct owner *ret_owner)
{
    struct inet_diag_msg socket;
    struct address local;

    if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        message->nlmsg_len < mnl_nlmsg_size(sizeof(socket)))
        return -EBADMSG;
    memcpy(&socket, mnl_nlmsg_get_payload(message), sizeof(socket));
    if (socket.idiag_family != AF_INET && socket.idiag_family != AF_INET6)
        return -EBADMSG;
    local = read_address(socket.idiag_family, socket.id.idiag_src);
    /* Without an inode it is nobody's any more, and says user 0. */
    if (ntohs(socket.id.idiag_sport) != question->local_port || socket.idiag_inode == 0)
        return -ENOENT;
    if (address_equal(&local, &question->local))
        *ret_match = OWNER_OF_ADDRESS;
    else if (is_unspecified(&local))
        *ret_match = OWNER_OF_ANY_ADDRESS;
    else
        return -ENOENT;
    *ret_owner = (struct owner){.uid = socket.idiag_uid, .inode = socket.idiag_inode};
    return 0;
}

/* --- asking ----------------------------------------------------------------------------------- */

struct search {
    const struct owner_question *question;
    bool is_found, is_exact, is_doubtful;
    struct owner owner;
};

static int on_socket(void *context, const struct nlmsghdr *message)
{
    struct search *search = context;
    enum owner_match match;
    struct owner owner;
    bool is_rival; /* of those before, which are as good */

    if (owner_read(message, search->question, &match, &owner) < 0 ||
        (search->is_exact && match != OWNER_OF_ADDRESS))
        return 0;
    is_rival = match == OWNER_OF_ADDRESS ? search->is_exact : search->is_found;
    search->is_doubtful = is_rival && (search->is_doubtful || owner.uid != search->owner.uid);
    search->is_found = true;
    search->is_exact = match == OWNER_OF_ADDRESS;
    search->owner = owner;
    return 0;
}

static void write_address(uint8_t family, const struct address *address, __be32 words[static 4])
{
    uint8_t *bytes = (uint8_t *)words;

    if (family == AF_INET6 && address->family == ADDRESS_V4) {
        memcpy(bytes, mapped, sizeof(mapped));
        bytes += sizeof(mapped);
    }
    memcpy(bytes, address->bytes, address_size(address));
}

/* A UDP socket is found by its port among all; a TCP one at once, by both its ends. */
static int ask(struct owners *owners, uint8_t family, struct search *search)
{
    const struct owner_question *question = search->question;
    const struct netlink_listener listener = {on_socket, NULL, search};
    char buffer[256] = {0};
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
    struct inet_diag_req_v2 *request = mnl_nlmsg_put_extra_header(message, sizeof(*request));

    message->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    message->nlmsg_seq = netlink_next_sequence(owners->netlink);
    message->nlmsg_flags =
        (uint16_t)(NLM_F_REQUEST | (question->protocol == IPPROTO_UDP ? NLM_F_DUMP : NLM_F_ACK));
    request->sdiag_family = family;
    request->sdiag_protocol = (uint8_t)question->protocol;
    request->idiag_states = UINT32_MAX;
    request->id.idiag_sport = htons(question->local_port);
    request->id.idiag_cookie[0] = request->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    if (question->protocol == IPPROTO_TCP) {
        request->id.idiag_dport = htons(question->remote_port);
        write_address(family, &question->local, request->id.idiag_src);
        write_address(family, &question->remote, request->id.idiag_dst);
    }
    return netlink_dump(owners->netlink, message, &listener);
}

int owners_find(struct owners *owners, const struct owner_question *question,
                struct owner *ret_owner)
{
    struct search search = {.question = question};
    int r = 0;

    /* Programs that speak both families do so through one socket of IPv6. */
    if (question->local.family == ADDRESS_V4)
        r = ask(owners, AF_INET, &search);
    if (!search.is_found)
        r = ask(owners, AF_INET6, &search);
    if (search.is_found && !search.is_doubtful) {
        *ret_owner = search.owner;
        return 0;
    }
    /* A list that is empty is no error, so this is about the list. */
    return question->protocol == IPPROTO_UDP && r == -ENOENT ? -EOPNOTSUPP : -ENOENT;
}
