/* SPDX-License-Identifier: MIT */
/* Makes the kernel older for one program, loaded with LD_PRELOAD: what EGRESSD_KERNEL_LACKS names
 * (words with commas between) is asked for in a way that no kernel knows, so that the kernel itself
 * refuses it, in its own words. "owner" is a table's owner, "nat" that type of chain, "netdev",
 * "egress" and "rtclassid" are what the backstop is made of, any other word an expression of rules.
 */
#include <dlfcn.h>
#include <endian.h>
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNKNOWN_FLAG htobe32(0x80)

static char list[256];

/* At once: egressd forgets its environment. */
__attribute__((constructor)) static void read_list(void)
{
    const char *words = getenv("EGRESSD_KERNEL_LACKS");

    snprintf(list, sizeof(list), "%s", words ? words : "");
}

static int lacks(const char *word)
{
    size_t length = strlen(word);

    for (const char *at = list; at && (at = strstr(at, word)); at += length)
        if ((at == list || at[-1] == ',') && (at[length] == ',' || !at[length]))
            return 1;
    return 0;
}

/* A flag that came with Linux 5.12 is as unknown before as this one is today. */
static void spoil_table(struct nlmsghdr *message)
{
    char *end = (char *)message + message->nlmsg_len;
    char *at = (char *)message + NLMSG_HDRLEN + sizeof(struct nfgenmsg);

    while (at + NLA_HDRLEN <= end) {
        struct nlattr *attribute = (struct nlattr *)at;
        uint32_t *flags = (uint32_t *)(at + NLA_HDRLEN);

        if (attribute->nla_len < NLA_HDRLEN)
            return;
        if (attribute->nla_type == NFTA_TABLE_FLAGS && *flags)
            *flags |= UNKNOWN_FLAG;
        at += NLA_ALIGN(attribute->nla_len);
    }
}

/* Another name for what is named so. */
static void spoil_name(struct nlmsghdr *message, uint16_t type)
{
    char *end = (char *)message + message->nlmsg_len;

    for (char *at = (char *)message + NLMSG_HDRLEN + sizeof(struct nfgenmsg); at + NLA_HDRLEN < end;
         at += NLA_ALIGNTO) {
        struct nlattr *attribute = (struct nlattr *)at;
        char *name = at + NLA_HDRLEN;

        /* Attributes lie within others: wherever one begins that holds such a word, it is one. */
        if (attribute->nla_type == type && attribute->nla_len > NLA_HDRLEN + 1 && *name &&
            at + attribute->nla_len <= end && at[attribute->nla_len - 1] == '\0' &&
            strlen(name) + 1 == attribute->nla_len - (size_t)NLA_HDRLEN && lacks(name))
            *name = '?';
    }
}

/* Another value of each 32-bit attribute of this type that has this one, at whatever depth. */
static void spoil_number(struct nlmsghdr *message, uint16_t type, uint32_t value)
{
    char *end = (char *)message + message->nlmsg_len;

    for (char *at = (char *)message + NLMSG_HDRLEN + sizeof(struct nfgenmsg);
         at + NLA_HDRLEN + sizeof(value) <= end; at += NLA_ALIGNTO) {
        struct nlattr *attribute = (struct nlattr *)at;
        uint32_t *number = (uint32_t *)(at + NLA_HDRLEN);

        if (attribute->nla_type == type && attribute->nla_len == NLA_HDRLEN + sizeof(*number) &&
            *number == htobe32(value))
            *number = UNKNOWN_FLAG;
    }
}

/* The table netdev egressd: no such family, no such hook, no such key of a packet. */
static void spoil_netdev(struct nlmsghdr *message)
{
    struct nfgenmsg *header = (struct nfgenmsg *)((char *)message + NLMSG_HDRLEN);

    if (header->nfgen_family != NFPROTO_NETDEV)
        return;
    if (lacks("netdev"))
        header->nfgen_family = NFPROTO_NUMPROTO + 1;
    if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) && lacks("egress"))
        spoil_number(message, NFTA_HOOK_HOOKNUM, NF_NETDEV_EGRESS);
    if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE) && lacks("rtclassid"))
        spoil_number(message, NFTA_META_KEY, NFT_META_RTCLASSID);
}

static void spoil(char *messages, size_t size)
{
    for (char *end = messages + size; messages + NLMSG_HDRLEN <= end;) {
        struct nlmsghdr *message = (struct nlmsghdr *)messages;

        if (message->nlmsg_len < NLMSG_HDRLEN)
            return;
        if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE) && lacks("owner"))
            spoil_table(message);
        if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN))
            spoil_name(message, NFTA_CHAIN_TYPE);
        if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE))
            spoil_name(message, NFTA_EXPR_NAME);
        if (message->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES)
            spoil_netdev(message);
        messages += NLMSG_ALIGN(message->nlmsg_len);
    }
}

ssize_t sendto(int fd, const void *bytes, size_t size, int flags, const struct sockaddr *address,
               socklen_t address_size)
{
    ssize_t (*next)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
        (ssize_t(*)(int, const void *, size_t, int, const struct sockaddr *, socklen_t))dlsym(
            RTLD_NEXT, "sendto");
    ssize_t sent;
    char *copy;

    if (!address || address->sa_family != AF_NETLINK || !(copy = malloc(size)))
        return next(fd, bytes, size, flags, address, address_size);
    memcpy(copy, bytes, size);
    spoil(copy, size);
    sent = next(fd, copy, size, flags, address, address_size);
    free(copy);
    return sent;
}
