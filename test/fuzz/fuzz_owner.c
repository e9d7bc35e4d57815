/* SPDX-License-Identifier: MIT */
/* A socket as the kernel lists it: one that is found has the port that was asked for, within what
 * was sent. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <stdlib.h>
#include <string.h>

#include "firewall/owner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct owner_question question = {
        .protocol = IPPROTO_UDP, .local = {ADDRESS_V4, {192, 0, 2, 7}}, .local_port = 40000};
    struct inet_diag_msg socket;
    struct nlmsghdr *message;
    enum owner_match match;
    struct owner owner;
    int r;

    if (size < sizeof(struct nlmsghdr))
        return 0;
    message = malloc(size);
    if (!message)
        abort();
    memcpy(message, data, size);
    message->nlmsg_len = (uint32_t)size; /* as the reader of the socket has made sure */
    r = owner_read(message, &question, &match, &owner);
    if (r == 0) {
        assert(size >= mnl_nlmsg_size(sizeof(socket)));
        memcpy(&socket, mnl_nlmsg_get_payload(message), sizeof(socket));
        assert(ntohs(socket.id.idiag_sport) == question.local_port);
        assert(socket.idiag_uid == owner.uid && socket.idiag_inode == owner.inode);
    } else {
        assert(r == -EBADMSG || r == -ENOENT);
    }
    free(message);
    return 0;
}
