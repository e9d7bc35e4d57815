/* SPDX-License-Identifier: MIT */
#include "run/asker.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "run/pace.h"
#include "run/witness.h"

#define WITNESS_PATIENCE_MS 20

struct askers {
    struct owners *owners; /* NULL: the kernel does not tell whose sockets are whose */
    int witness;
    struct pace of_owners, of_witness;
};

struct askers *askers_new(int witness)
{
    struct askers *askers = xcalloc(1, sizeof(*askers));

    if (owners_open(&askers->owners) < 0)
        askers->owners = NULL; /* what lacks is who asked, and nothing else */
    askers->witness = witness;
    askers->of_owners = (struct pace){.interval_ms = 50, .burst_ms = 1000};
    /* At worst a tenth of our time. */
    askers->of_witness = (struct pace){.interval_ms = 200, .burst_ms = 1600};
    return askers;
}

void askers_free(struct askers *askers)
{
    if (!askers)
        return;
    owners_close(askers->owners);
    free(askers);
}

static int find_owner(struct askers *askers, const struct owner_question *question,
                      struct owner *owner)
{
    uint64_t start_ms = clock_now_ms();
    int r;

    if (!askers->owners || question->local.family == ADDRESS_NONE ||
        (question->protocol == IPPROTO_TCP && question->remote.family == ADDRESS_NONE))
        return -ENOENT;
    if (!pace_may_go_on(&askers->of_owners, start_ms))
        return -EAGAIN;
    r = owners_find(askers->owners, question, owner);
    pace_took(&askers->of_owners, clock_now_ms() - start_ms);
    if (r == -EOPNOTSUPP) {
        owners_close(askers->owners);
        askers->owners = NULL;
    }
    return r;
}

int askers_find(struct askers *askers, const struct owner_question *question,
                struct asker *ret_asker)
{
    struct asker asker = {0};
    struct owner owner;
    int r = find_owner(askers, question, &owner);

    if (r < 0)
        return r;
    asker.uid = owner.uid;
    if (askers->witness < 0 || !pace_may_go_on(&askers->of_witness, clock_now_ms()) ||
        witness_ask(askers->witness, owner.inode, owner.uid, WITNESS_PATIENCE_MS, &asker.program) <
            0)
        asker.program = (struct socket_owner){0};
    *ret_asker = asker;
    return 0;
}
