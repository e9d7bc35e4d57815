/* SPDX-License-Identifier: MIT */
/* Who asked, or sent: the user and the program behind a socket of this container. For people;
 * decides nothing. */
#ifndef EGRESSD_RUN_ASKER_H
#define EGRESSD_RUN_ASKER_H

#include <stdint.h>

#include "firewall/owner.h"
#include "run/socket_owner.h"

struct askers;

struct asker {
    uint32_t uid;
    struct socket_owner program; /* texts "": not seen */
};

/* witness: of witness_start, borrowed; negative: programs are not seen. */
struct askers *askers_new(int witness);
void askers_free(struct askers *askers); /* NULL-safe */

/* Waits a few milliseconds at most, and not often: beyond that -EAGAIN. Whoever waits for our
 * answer is there as long as we have not given it. -ENOENT: nobody has such a socket. */
int askers_find(struct askers *askers, const struct owner_question *question,
                struct asker *ret_asker);

#endif
