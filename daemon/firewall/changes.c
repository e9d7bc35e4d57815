/* SPDX-License-Identifier: MIT */
#include "firewall/changes.h"

/* Before the kernel's headers, which leave out what it defines. */
#include <netinet/in.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "firewall/attributes.h"
#include "firewall/sets.h"

/* What a message is about, for each type that makes or changes it; the one that deletes it comes
 * two later. The table's name is the first attribute of all of them. */
static const struct {
    uint16_t name_attribute; /* 0: none */
    const char *thing, *made;
} kinds[] = {
    [NFT_MSG_NEWTABLE] = {0, "the table", "changed"},
    [NFT_MSG_NEWCHAIN] = {NFTA_CHAIN_NAME, "chain", "added or changed"},
    [NFT_MSG_NEWRULE] = {NFTA_RULE_CHAIN, "rule of chain", "added"},
    [NFT_MSG_NEWSET] = {NFTA_SET_NAME, "set", "added"},
    [NFT_MSG_NEWSETELEM] = {NFTA_SET_ELEM_LIST_SET, "element of set", "added"},
    [NFT_MSG_NEWOBJ] = {NFTA_OBJ_NAME, "object", "added"},
    [NFT_MSG_NEWFLOWTABLE] = {NFTA_FLOWTABLE_NAME, "flowtable", "added"},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define FROM_NEW_TO_DELETE (NFT_MSG_DELTABLE - NFT_MSG_NEWTABLE)

static bool is_ours(const struct nlmsghdr *message, const struct attributes *attributes)
{
    const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
    const char *table = attributes_text(attributes, NFTA_TABLE_NAME);

    return (header->nfgen_family == NFPROTO_INET || header->nfgen_family == NFPROTO_NETDEV) &&
           table && strcmp(table, FIREWALL_TABLE) == 0;
}

static void describe(unsigned type, const struct attributes *attributes,
                     char what[static CHANGES_WHAT_SIZE])
{
    bool is_deletion = type >= FROM_NEW_TO_DELETE && (type - FROM_NEW_TO_DELETE >= KINDS ||
                                                      kinds[type - FROM_NEW_TO_DELETE].thing);
    unsigned kind = is_deletion ? type - FROM_NEW_TO_DELETE : type;
    const char *name;

    if (kind >= KINDS || !kinds[kind].thing) {
        snprintf(what, CHANGES_WHAT_SIZE, "something (message %u)", type);
        return;
    }
    name =
        kinds[kind].name_attribute ? attributes_text(attributes, kinds[kind].name_attribute) : NULL;
    snprintf(what, CHANGES_WHAT_SIZE, "%s%s%.64s %s", kinds[kind].thing, name ? " " : "",
             name ? name : "", is_deletion ? "deleted" : kinds[kind].made);
}

static void hear_part(struct changes *changes, unsigned type, const struct attributes *attributes)
{
    struct change *open = &changes->open;

    /* Whoever deletes the table deletes all that is in it, and that is told before. */
    if (open->parts == 0 || type == NFT_MSG_DELTABLE)
        describe(type, attributes, open->what);
    open->parts++;
}

/* The name is of the choice of whoever runs the process. */
static void hear_process(struct change *change, const struct attributes *attributes)
{
    const char *name = attributes_text(attributes, NFTA_GEN_PROC_NAME);

    change->pid = attributes_u32(attributes, NFTA_GEN_PROC_PID, 0);
    snprintf(change->process, sizeof(change->process), "%s", name && *name ? name : "?");
    for (char *byte = change->process; *byte; byte++)
        if (*byte < ' ' || *byte > '~')
            *byte = '?';
}

/* A new generation ends what was told of a commit. */
static void hear_end(struct changes *changes, const struct attributes *attributes)
{
    if (changes->open.parts == 0)
        return;
    hear_process(&changes->open, attributes);
    if (changes->commits++ == 0)
        changes->first = changes->open;
    changes->open = (struct change){0};
}

void changes_hear(struct changes *changes, const void *datagram, size_t size)
{
    int left = (int)size;

    /* mnl_nlmsg_ok takes a length beyond INT_MAX for a negative one. */
    for (const struct nlmsghdr *message = datagram;
         mnl_nlmsg_ok(message, left) && message->nlmsg_len <= (uint32_t)left;
         message = mnl_nlmsg_next(message, &left)) {
        unsigned type = message->nlmsg_type & 0xff;
        struct attributes attributes;

        if (message->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || type == NFT_MSG_TRACE ||
            attributes_read(message, sizeof(struct nfgenmsg), &attributes) < 0)
            continue;
        if (type == NFT_MSG_NEWGEN)
            hear_end(changes, &attributes);
        else if (is_ours(message, &attributes))
            hear_part(changes, type, &attributes);
        else if (type == NFT_MSG_NEWCHAIN || type == NFT_MSG_NEWRULE || type == NFT_MSG_DELCHAIN ||
                 type == NFT_MSG_DELRULE)
            changes->has_others = true;
    }
}
