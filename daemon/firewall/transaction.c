/* SPDX-License-Identifier: MIT */
#include "firewall/transaction.h"

/* Before the kernel's headers, which leave out what it defines. */
#include <netinet/in.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Kept between transactions; a larger batch (a whole ruleset with its elements) gives its memory
 * back. */
#define USUAL_SIZE (4 * TRANSACTION_MESSAGE_MAX)

struct transaction {
    struct netlink *netlink;
    uint8_t *bytes;
    size_t size, capacity;
    size_t begin_size;       /* of the message that opens the batch */
    size_t last;             /* where the last message put lies */
    uint32_t first_sequence; /* that of the message that opens the batch */
    struct netlink_refusal refusal;
};

static struct nlmsghdr *message_at(const struct transaction *transaction, size_t offset)
{
    return (struct nlmsghdr *)(void *)(transaction->bytes + offset);
}

static size_t aligned_size(const struct nlmsghdr *message)
{
    return ((size_t)message->nlmsg_len + MNL_ALIGNTO - 1) / MNL_ALIGNTO * MNL_ALIGNTO;
}

struct transaction *transaction_new(struct netlink *netlink)
{
    struct transaction *transaction = xcalloc(1, sizeof(*transaction));

    transaction->netlink = netlink;
    transaction_begin(transaction);
    return transaction;
}

void transaction_free(struct transaction *transaction)
{
    if (!transaction)
        return;
    free(transaction->bytes);
    free(transaction);
}

uint32_t transaction_port(const struct transaction *transaction)
{
    return netlink_port(transaction->netlink);
}

/* Zeroed: what pads a text goes to the kernel as well. */
static void make_room(struct transaction *transaction)
{
    size_t wanted = transaction->size + 2 * (size_t)TRANSACTION_MESSAGE_MAX;

    if (wanted <= transaction->capacity)
        return;
    if (wanted < transaction->capacity * 2)
        wanted = transaction->capacity * 2;
    transaction->bytes = xreallocarray(transaction->bytes, wanted, 1);
    memset(transaction->bytes + transaction->capacity, 0, wanted - transaction->capacity);
    transaction->capacity = wanted;
}

void transaction_begin(struct transaction *transaction)
{
    if (transaction->capacity != USUAL_SIZE) {
        free(transaction->bytes);
        transaction->bytes = xcalloc(USUAL_SIZE, 1);
        transaction->capacity = USUAL_SIZE;
    }
    transaction->first_sequence = netlink_next_sequence(transaction->netlink);

    struct nlmsghdr *begin =
        nftnl_batch_begin((char *)transaction->bytes, transaction->first_sequence);

    transaction->size = transaction->begin_size = aligned_size(begin);
    transaction->last = 0;
}

struct nlmsghdr *transaction_start_for(struct transaction *transaction, uint16_t family,
                                       uint16_t type, uint16_t flags)
{
    make_room(transaction);
    return nftnl_nlmsg_build_hdr((char *)transaction->bytes + transaction->size, type, family,
                                 flags, netlink_next_sequence(transaction->netlink));
}

struct nlmsghdr *transaction_start(struct transaction *transaction, uint16_t type, uint16_t flags)
{
    return transaction_start_for(transaction, NFPROTO_INET, type, flags);
}

void transaction_put(struct transaction *transaction, const struct nlmsghdr *message)
{
    transaction->last = transaction->size;
    transaction->size += aligned_size(message);
}

bool transaction_is_empty(const struct transaction *transaction)
{
    return transaction->size == transaction->begin_size;
}

/* Only the last message asks for an acknowledgement: it comes after the commit, and whatever is
 * refused before is reported unasked. */
int transaction_commit(struct transaction *transaction)
{
    size_t size = transaction->size;

    if (transaction_is_empty(transaction))
        return 0;
    make_room(transaction);

    struct nlmsghdr *last = message_at(transaction, transaction->last);

    last->nlmsg_flags |= NLM_F_ACK;
    size += nftnl_batch_end((char *)transaction->bytes + size,
                            netlink_next_sequence(transaction->netlink))
                ->nlmsg_len;
    return netlink_exchange(transaction->netlink, transaction->bytes, size,
                            transaction->first_sequence, last->nlmsg_seq, &transaction->refusal);
}

uint8_t message_family(const struct nlmsghdr *message)
{
    return ((const struct nfgenmsg *)mnl_nlmsg_get_payload(message))->nfgen_family;
}

const struct nlmsghdr *transaction_refused_message(const struct transaction *transaction,
                                                   struct netlink_refusal *ret_refusal)
{
    size_t offset = transaction->begin_size;

    *ret_refusal = transaction->refusal;
    while (offset < transaction->size) {
        const struct nlmsghdr *message = message_at(transaction, offset);

        if (message->nlmsg_seq == transaction->refusal.sequence)
            return message;
        offset += aligned_size(message);
    }
    return NULL;
}
