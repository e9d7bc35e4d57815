/* SPDX-License-Identifier: MIT */
#include "firewall/elements.h"

#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <string.h>

#include "base/cursor.h"
#include "firewall/attributes.h"

/* One element with a comment of the greatest length, and some. */
#define ELEMENT_SIZE_MAX 512
#define KEY_SIZE_MAX 24

/* --- writing ---------------------------------------------------------------------------------- */

void elements_begin(struct element_writer *writer, struct transaction *transaction,
                    const struct set *set, uint16_t type)
{
    *writer = (struct element_writer){.transaction = transaction, .set = set, .type = type};
}

static void make_room(struct element_writer *writer)
{
    if (writer->message && writer->message->nlmsg_len > TRANSACTION_MESSAGE_MAX - ELEMENT_SIZE_MAX)
        elements_end(writer);
    if (writer->message)
        return;
    writer->message = transaction_start(writer->transaction, writer->type,
                                        writer->type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
    mnl_attr_put_strz(writer->message, NFTA_SET_ELEM_LIST_TABLE, FIREWALL_TABLE);
    mnl_attr_put_strz(writer->message, NFTA_SET_ELEM_LIST_SET, writer->set->name);
    writer->list = mnl_attr_nest_start(writer->message, NFTA_SET_ELEM_LIST_ELEMENTS);
}

void elements_end(struct element_writer *writer)
{
    if (!writer->message)
        return;
    mnl_attr_nest_end(writer->message, writer->list);
    transaction_put(writer->transaction, writer->message);
    writer->message = NULL;
}

static size_t pack_key(enum set_key key, const struct element *element,
                       uint8_t bytes[static KEY_SIZE_MAX])
{
    size_t size = address_size(&element->address);

    memset(bytes, 0, KEY_SIZE_MAX);
    memcpy(bytes, element->address.bytes, size);
    if (key == SET_KEY_ADDRESS_SERVICE) {
        bytes[size] = element->protocol;
        size += 4;
    }
    if (key == SET_KEY_ADDRESS_SERVICE || key == SET_KEY_ADDRESS_PORT) {
        bytes[size] = (uint8_t)(element->port >> 8);
        bytes[size + 1] = (uint8_t)element->port;
        size += 4;
    }
    return size;
}

static void put_key(struct nlmsghdr *message, const uint8_t *bytes, size_t size)
{
    struct nlattr *key = mnl_attr_nest_start(message, NFTA_SET_ELEM_KEY);

    mnl_attr_put(message, NFTA_DATA_VALUE, size, bytes);
    mnl_attr_nest_end(message, key);
}

void elements_put(struct element_writer *writer, const struct element *element)
{
    uint8_t bytes[KEY_SIZE_MAX], comment[COMMENT_SIZE_MAX];
    size_t size = pack_key(writer->set->key, element, bytes);

    make_room(writer);

    struct nlattr *item = mnl_attr_nest_start(writer->message, NFTA_LIST_ELEM);

    put_key(writer->message, bytes, size);
    if (writer->type == NFT_MSG_NEWSETELEM && writer->set->lifetime != SET_FIXED) {
        /* Both: a timeout alone leaves the running expiry of an element that is there as it is. */
        mnl_attr_put_u64(writer->message, NFTA_SET_ELEM_TIMEOUT,
                         htobe64(element->timeout_ms + element->age_ms));
        mnl_attr_put_u64(writer->message, NFTA_SET_ELEM_EXPIRATION, htobe64(element->timeout_ms));
    }
    if (writer->type == NFT_MSG_NEWSETELEM && element->comment)
        mnl_attr_put(writer->message, NFTA_SET_ELEM_USERDATA,
                     comment_pack(NFTNL_UDATA_SET_ELEM_COMMENT, element->comment, comment),
                     comment);
    mnl_attr_nest_end(writer->message, item);
}

static void put_bound(struct element_writer *writer, const struct address *address, uint32_t flags)
{
    make_room(writer);

    struct nlattr *item = mnl_attr_nest_start(writer->message, NFTA_LIST_ELEM);

    put_key(writer->message, address->bytes, address_size(address));
    if (flags)
        mnl_attr_put_u32(writer->message, NFTA_SET_ELEM_FLAGS, htobe32(flags));
    mnl_attr_nest_end(writer->message, item);
}

/* False when there is none: the address is the last of its family. */
static bool step_up(struct address *address)
{
    for (size_t i = address_size(address); i-- > 0;)
        if (++address->bytes[i] != 0)
            return true;
    return false;
}

void elements_put_interval(struct element_writer *writer, const struct address *first,
                           const struct address *last)
{
    struct address end = *last;

    put_bound(writer, first, 0);
    /* The end is the first address outside; an interval up to the very last address has none. */
    if (step_up(&end))
        put_bound(writer, &end, NFT_SET_ELEM_INTERVAL_END);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int unpack_key(const struct nlattr *nest, enum address_family family, enum set_key key,
                      struct element_read *ret_element)
{
    struct attributes data;
    const struct nlattr *value;

    if (attributes_read_nested(nest, &data) < 0 || !data.of[NFTA_DATA_VALUE])
        return -EBADMSG;
    value = data.of[NFTA_DATA_VALUE];

    struct cursor c = cursor_over(mnl_attr_get_payload(value), mnl_attr_get_payload_len(value));
    const uint8_t *address = cursor_take(&c, family == ADDRESS_V4 ? 4 : 16);

    if (!address)
        return -EBADMSG;
    ret_element->address =
        family == ADDRESS_V4 ? address_from_v4(address) : address_from_v6(address);
    if (key == SET_KEY_ADDRESS_SERVICE) {
        ret_element->protocol = cursor_u8(&c);
        cursor_take(&c, 3);
    }
    if (key == SET_KEY_ADDRESS_SERVICE || key == SET_KEY_ADDRESS_PORT) {
        ret_element->port = cursor_u16(&c);
        cursor_take(&c, 2);
    }
    return c.failed || cursor_left(&c) > 0 ? -EBADMSG : 0;
}

/* A comment that is not whole is none: half a name is another name. */
static void unpack_comment(const struct nlattr *attribute, char ret_comment[static ENTRY_NAME_SIZE])
{
    struct cursor c =
        cursor_over(mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute));

    while (cursor_left(&c) > 0) {
        uint8_t type = cursor_u8(&c), size = cursor_u8(&c);
        const uint8_t *bytes = cursor_take(&c, size);

        if (!bytes || type != NFTNL_UDATA_SET_ELEM_COMMENT)
            continue;
        if (size == 0 || size > ENTRY_NAME_SIZE || memchr(bytes, '\0', size) != bytes + size - 1)
            return;
        memcpy(ret_comment, bytes, size);
        return;
    }
}

/* 1: an element; 0: something else, such as the end of an interval. */
static int read_element(const struct nlattr *item, enum address_family family, enum set_key key,
                        struct element_read *ret_element)
{
    struct attributes attributes;
    uint64_t timeout_ms;
    int r;

    memset(ret_element, 0, sizeof(*ret_element));
    if (attributes_read_nested(item, &attributes) < 0)
        return -EBADMSG;
    if (attributes_u32(&attributes, NFTA_SET_ELEM_FLAGS, 0) != 0)
        return 0;
    if (!attributes.of[NFTA_SET_ELEM_KEY])
        return -EBADMSG;
    r = unpack_key(attributes.of[NFTA_SET_ELEM_KEY], family, key, ret_element);
    if (r < 0)
        return r;
    ret_element->expires_ms = attributes_u64(&attributes, NFTA_SET_ELEM_EXPIRATION, 0);
    timeout_ms = attributes_u64(&attributes, NFTA_SET_ELEM_TIMEOUT, 0);
    if (timeout_ms > ret_element->expires_ms)
        ret_element->age_ms = timeout_ms - ret_element->expires_ms;
    if (attributes.of[NFTA_SET_ELEM_USERDATA])
        unpack_comment(attributes.of[NFTA_SET_ELEM_USERDATA], ret_element->comment);
    return 1;
}

struct reading {
    enum address_family family;
    enum set_key key;
    int (*on_element)(void *context, const struct element_read *element);
    void *context;
    int result;
};

static int read_item(const struct nlattr *item, void *context)
{
    struct reading *reading = context;
    struct element_read element;

    if (mnl_attr_get_type(item) != NFTA_LIST_ELEM)
        return MNL_CB_OK;
    reading->result = read_element(item, reading->family, reading->key, &element);
    if (reading->result > 0)
        reading->result = reading->on_element(reading->context, &element);
    return reading->result < 0 ? MNL_CB_STOP : MNL_CB_OK;
}

int elements_read(const struct nlmsghdr *message, enum address_family family, enum set_key key,
                  int (*on_element)(void *context, const struct element_read *element),
                  void *context)
{
    struct reading reading = {family, key, on_element, context, 0};
    struct attributes top;

    if (attributes_read(message, sizeof(struct nfgenmsg), &top) < 0)
        return -EBADMSG;
    if (top.of[NFTA_SET_ELEM_LIST_ELEMENTS] &&
        mnl_attr_parse_nested(top.of[NFTA_SET_ELEM_LIST_ELEMENTS], read_item, &reading) < 0)
        return -EBADMSG;
    return reading.result < 0 ? reading.result : 0;
}
