/* SPDX-License-Identifier: MIT */
/* What others did to our tables, read from the kernel's notifications of nf_tables. */
#ifndef EGRESSD_FIREWALL_CHANGES_H
#define EGRESSD_FIREWALL_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANGES_WHAT_SIZE 128
#define CHANGES_PROCESS_SIZE 17 /* a process's name has at most 15 bytes; NUL */

/* One commit: what it touched of ours. */
struct change {
    unsigned parts;               /* how many things; 0: nothing of ours */
    char what[CHANGES_WHAT_SIZE]; /* the first of them, or the largest: "rule of chain out added" */
    char process[CHANGES_PROCESS_SIZE]; /* who did it, "?" where the kernel does not say */
    uint32_t pid;                       /* as the machine counts, not the container; 0: not said */
};

struct changes {
    unsigned commits;    /* that touched something of ours, and are told in full */
    struct change first; /* of these */
    struct change open;  /* the one that is being told */
    bool has_others;     /* rules of other tables changed */
};

/* Reads one datagram of notifications. Between two the caller may reset commits and has_others;
 * open lives on. */
void changes_hear(struct changes *changes, const void *datagram, size_t size);

#endif
