/* SPDX-License-Identifier: MIT */
/* Notifications of nf_tables: whatever they say, what is told of them ends and is fit to be shown.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "firewall/changes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct change *change)
{
    assert(memchr(change->what, '\0', sizeof(change->what)));
    assert(memchr(change->process, '\0', sizeof(change->process)));
    for (const char *byte = change->process; *byte; byte++)
        assert(*byte >= ' ' && *byte <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct changes changes = {0};
    uint8_t *datagram = malloc(size ? size : 1); /* so that each byte beyond is noticed */

    if (!datagram)
        abort();
    memcpy(datagram, data, size);
    changes_hear(&changes, datagram, size);
    changes_hear(&changes, datagram, size); /* what was open goes on */
    check(&changes.first);
    check(&changes.open);
    assert(changes.commits == 0 || changes.first.parts > 0);
    free(datagram);
    return 0;
}
