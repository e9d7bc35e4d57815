/* SPDX-License-Identifier: MIT */
/* Elements as the kernel lists them: a comment that is taken for a name is text that ends within
 * its bounds. */
#include <assert.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

#include "firewall/elements.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_element(void *context, const struct element_read *element)
{
    const enum address_family *family = context;

    assert(element->address.family == *family);
    assert(memchr(element->comment, '\0', sizeof(element->comment)));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum address_family families[] = {ADDRESS_V4, ADDRESS_V6};
    static const enum set_key keys[] = {SET_KEY_ADDRESS, SET_KEY_ADDRESS_SERVICE,
                                        SET_KEY_ADDRESS_PORT};
    struct nlmsghdr *message;

    if (size < sizeof(struct nlmsghdr))
        return 0;
    message = malloc(size);
    if (!message)
        abort();
    memcpy(message, data, size);
    message->nlmsg_len = (uint32_t)size; /* as the reader of the socket has made sure */
    for (size_t f = 0; f < 2; f++)
        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
            enum address_family family = families[f];

            elements_read(message, family, keys[k], on_element, &family);
        }
    free(message);
    return 0;
}
