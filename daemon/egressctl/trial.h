/* SPDX-License-Identifier: MIT */
/* Really tries to reach a host, as any program of the caller's would: libc resolves the name,
 * sockets without any privilege do the rest. */
#ifndef EGRESSD_EGRESSCTL_TRIAL_H
#define EGRESSD_EGRESSCTL_TRIAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

struct target;

#define TRIAL_FAMILY_MAX 4 /* addresses of one family that are tried */

enum attempt_result {
    ATTEMPT_CONNECTED, /* TCP */
    ATTEMPT_ANSWERED,  /* UDP: something came back */
    ATTEMPT_SENT,      /* UDP: nothing came back, no error either */
    ATTEMPT_FAILED,
};

struct attempt {
    struct address address;
    enum attempt_result result;
    int error; /* errno, of ATTEMPT_FAILED */
    uint64_t took_ms;
};

struct trial {
    int resolve_error; /* of getaddrinfo (EAI_NONAME); 0: there are addresses */
    size_t count;
    struct attempt attempts[2 * TRIAL_FAMILY_MAX];
};

/* All addresses are tried at once. target has a port. */
void trial_run(const struct target *target, unsigned timeout_ms, struct trial *ret_trial);

#endif
