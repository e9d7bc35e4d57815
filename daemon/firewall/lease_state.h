/* SPDX-License-Identifier: MIT */
/* What leases*.c share, and what firewall_load needs of the leases. Not for other folders. */
#ifndef EGRESSD_FIREWALL_LEASE_STATE_H
#define EGRESSD_FIREWALL_LEASE_STATE_H

#include "firewall/lease_table.h"
#include "firewall/lease_writes.h"
#include "firewall/leases.h"
#include "firewall/state.h"

struct leases {
    struct firewall *firewall;
    struct lease_table table;
    struct lease_writes writes; /* of the call in progress; memory kept */
    uint64_t change;            /* number of the call in progress */

    /* What we think the kernel holds is true only where an address has this epoch. */
    uint32_t epoch;
    bool has_doubts; /* since the last load: an element we do not know of may be there */
    uint64_t checked_ms;
    uint64_t slept_ms; /* clock_slept_ms when we looked last */

    /* The addresses of the grant in progress. */
    struct lease_touch {
        struct lease_address *address;
        struct lease *lease; /* NULL: to be added */
    } * touched;
    size_t touched_capacity;

    struct in_use *in_use; /* elements of lease4 and lease6, as last read */
    size_t in_use_count, in_use_capacity;
};

struct in_use {
    struct address address;
    uint8_t protocol;
    uint16_t port;
    uint64_t left_ms;
};

/* What we thought of the kernel is not sure any more. */
void leases_doubt(struct leases *leases);
/* Nor is it after the machine slept: elements that we count as ended are there. */
void leases_notice_sleep(struct leases *leases);
/* Writes leases->writes in one transaction and remembers them. -ENFILE: a set is full. */
int leases_write_pending(struct leases *leases, uint64_t now_ms);
/* Reads lease4 and lease6 into leases->in_use. No table: none. */
int leases_read_in_use(struct leases *leases);

/* firewall_load in three steps. What each lease may reach by policy (NULL: nothing) and which
 * addresses are in use is found out; all of it is put into the transaction; then it is in force, or
 * not. */
void leases_prepare_load(struct leases *leases, const struct policy *policy);
void leases_put_load(struct leases *leases, const struct service_list *services,
                     struct transaction *transaction);
enum load_result { LOAD_FAILED, LOAD_DONE };
void leases_finish_load(struct leases *leases, enum load_result result);

#endif
