/* SPDX-License-Identifier: MIT */
/* Notifications of nf_tables, in datagrams (each with its length, 16 bits): texts end within their
 * bounds, and a commit that is told of has touched something of ours. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "firewall/changes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct change *change)
{
    assert(memchr(change->what, '\0', sizeof(change->what)));
    assert(memchr(change->process, '\0', sizeof(change->process)));
    assert(change->parts == 0 || change->what[0]);
    for (const char *byte = change->process; *byte; byte++)
        assert(*byte >= ' ' && *byte <= '~');
}

/* Of the exact size, so that a byte read past it is seen. */
static void hear(struct changes *changes, const uint8_t *bytes, size_t size)
{
    uint8_t *datagram = malloc(size > 0 ? size : 1);

    if (!datagram)
        abort();
    memcpy(datagram, bytes, size);
    changes_hear(changes, datagram, size);
    free(datagram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_over(data, size);
    struct changes changes = {0};

    while (cursor_left(&c) > 2) {
        size_t length = cursor_u16(&c);

        if (length > cursor_left(&c))
            length = cursor_left(&c);
        hear(&changes, cursor_take(&c, length), length);
        check(&changes.open);
        if (changes.commits > 0) {
            check(&changes.first);
            assert(changes.first.parts > 0);
        }
    }
    return 0;
}
