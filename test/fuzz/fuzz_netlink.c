/* SPDX-License-Identifier: MIT */
/* A kernel that says anything at all, but for what libnftnl reads: that library ends the process at
 * what no kernel says. Whatever the answer to a transaction, a request or a listing: we come back
 * from it, and a refusal is explained in words.
 *
 * The input is what is answered to each request in turn: how many datagrams (at most ANSWERS_MAX),
 * and each with its length (16 bits). A last one, that all is done, ends every answer. Sequence
 * numbers are offsets to that of the request. */
#include <assert.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "firewall/conntrack.h"
#include "firewall/elements.h"
#include "firewall/explain.h"
#include "firewall/transaction.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ANSWERS_MAX 4
#define SEQUENCES 0x07

static struct {
    int kernel_fd, daemon_fd;
    struct cursor answers;
} world = {.kernel_fd = -1, .daemon_fd = -1};

/* --- in place of libmnl's sockets ------------------------------------------------------------- */

struct mnl_socket *mnl_socket_fdopen(int fd)
{
    world.daemon_fd = fd;
    return (struct mnl_socket *)(void *)&world;
}

unsigned int mnl_socket_get_portid(const struct mnl_socket *socket)
{
    (void)socket;
    return 7;
}

int mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *value, socklen_t size)
{
    (void)socket, (void)type, (void)value, (void)size;
    return 0;
}

int mnl_socket_get_fd(const struct mnl_socket *socket)
{
    (void)socket;
    return world.daemon_fd;
}

int mnl_socket_close(struct mnl_socket *socket)
{
    (void)socket;
    close(world.kernel_fd);
    close(world.daemon_fd);
    return 0;
}

static void put(const void *bytes, size_t size)
{
    static uint8_t unread[65536];

    if (send(world.kernel_fd, bytes, size, MSG_DONTWAIT) >= 0)
        return;
    /* Nobody has read what was answered before. */
    while (recv(world.daemon_fd, unread, sizeof(unread), MSG_DONTWAIT) >= 0)
        ;
    if (send(world.kernel_fd, bytes, size, MSG_DONTWAIT) < 0)
        abort();
}

static void make_fit(uint8_t *bytes, size_t size, uint32_t first)
{
    struct nlmsghdr *message = (struct nlmsghdr *)(void *)bytes;

    for (int left = (int)size; mnl_nlmsg_ok(message, left) && message->nlmsg_len <= (uint32_t)left;
         message = mnl_nlmsg_next(message, &left)) {
        struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

        message->nlmsg_seq = first + (message->nlmsg_seq & SEQUENCES);
        if (message->nlmsg_type == NLMSG_ERROR &&
            message->nlmsg_len >= mnl_nlmsg_size(sizeof(*error)))
            error->msg.nlmsg_seq = first + (error->msg.nlmsg_seq & SEQUENCES);
    }
}

static void answer(uint32_t first)
{
    static uint8_t bytes[65536] __attribute__((aligned(NLMSG_ALIGNTO)));
    unsigned count = cursor_u8(&world.answers) % (ANSWERS_MAX + 1);

    for (unsigned i = 0; i < count && cursor_left(&world.answers) > 0; i++) {
        size_t size = cursor_u16(&world.answers);

        if (size > cursor_left(&world.answers))
            size = cursor_left(&world.answers);
        if (size == 0)
            continue;
        memcpy(bytes, cursor_take(&world.answers, size), size);
        make_fit(bytes, size, first);
        put(bytes, size);
    }
}

static void finish(uint32_t last)
{
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
    } done = {
        .header = {.nlmsg_len = sizeof(done), .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = last},
        .error = {.msg = {.nlmsg_seq = last}},
    };

    put(&done, sizeof(done));
}

ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *bytes, size_t size)
{
    const struct nlmsghdr *message = bytes;
    uint32_t first = message->nlmsg_seq, last = first;

    (void)socket;
    /* The last that asks for an acknowledgement. */
    for (int left = (int)size; mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left))
        if (message->nlmsg_flags & (NLM_F_ACK | NLM_F_DUMP))
            last = message->nlmsg_seq;
    answer(first);
    finish(last);
    return (ssize_t)size;
}

/* --- what is asked ---------------------------------------------------------------------------- */

/* A table, an element, and a rule with a log expression. */
static void put_all(struct transaction *transaction)
{
    const struct set set = set_of_leases(ADDRESS_V4);
    const struct element element = {
        .address = {ADDRESS_V4, {192, 0, 2, 7}}, .timeout_ms = 1000, .comment = "www.example"};
    struct element_writer writer;
    struct nlmsghdr *message;
    struct nlattr *list, *item;

    transaction_begin(transaction);
    message = transaction_start(transaction, NFT_MSG_NEWTABLE, NLM_F_CREATE);
    mnl_attr_put_strz(message, NFTA_TABLE_NAME, FIREWALL_TABLE);
    transaction_put(transaction, message);
    elements_begin(&writer, transaction, &set, NFT_MSG_NEWSETELEM);
    elements_put(&writer, &element);
    elements_end(&writer);
    message = transaction_start(transaction, NFT_MSG_NEWRULE, NLM_F_CREATE);
    mnl_attr_put_strz(message, NFTA_RULE_CHAIN, "output");
    list = mnl_attr_nest_start(message, NFTA_RULE_EXPRESSIONS);
    item = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
    mnl_attr_put_strz(message, NFTA_EXPR_NAME, "log");
    mnl_attr_nest_end(message, item);
    mnl_attr_nest_end(message, list);
    mnl_attr_put(message, NFTA_RULE_USERDATA, 6, "\0\4why");
    transaction_put(transaction, message);
}

static void commit(struct netlink *netlink)
{
    struct transaction *transaction = transaction_new(netlink);
    char name[EXPLAIN_NAME_SIZE];
    struct text_error error = {0};
    const char *expression;
    int r;

    put_all(transaction);
    r = transaction_commit(transaction);
    assert(r <= 0);
    if (r < 0) {
        expression = explain_expression(transaction, name);
        assert(!expression || strcmp(expression, "log") == 0); /* it is all that there is */
        explain_refusal(transaction, r, &error);
        assert(error.message[0] && memchr(error.message, '\0', sizeof(error.message)));
    }
    transaction_free(transaction);
}

static int on_flow(void *context, const struct flow *flow)
{
    assert(flow->source.family == flow->destination.family);
    ++*(unsigned *)context;
    return 0;
}

static void on_restart(void *context)
{
    *(unsigned *)context = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned flows = 0;
    const struct flow_listener listener = {on_flow, on_restart, &flows};
    char buffer[256];
    struct netlink *netlink;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) < 0)
        abort();
    world.kernel_fd = fds[0];
    world.answers = cursor_over(data, size);
    if (netlink_open(fds[1], &netlink) < 0)
        abort();
    commit(netlink);
    assert(conntrack_count(netlink) >= -4095);
    assert(conntrack_each(netlink, &listener) <= 0);
    assert(netlink_request(netlink, netlink_start(netlink, buffer, NFNL_SUBSYS_NFTABLES,
                                                  NFT_MSG_DELTABLE, AF_UNSPEC, 0)) <= 0);
    commit(netlink);
    netlink_close(netlink);
    return 0;
}
