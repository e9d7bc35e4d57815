/* SPDX-License-Identifier: MIT */
/* What somebody in the container may do, as far as it bears on what egressd can promise. */
#ifndef EGRESSD_DOCTOR_POSITION_H
#define EGRESSD_DOCTOR_POSITION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct position {
    bool is_known; /* false: /proc does not say */
    uid_t uid;
    uint64_t permitted, bounding; /* capabilities, a bit each; ambient ones are permitted */
    bool no_new_privileges;
};

/* Of the process that calls: to be asked before it gives anything up. */
void position_of_caller(struct position *ret_position);
/* Of the container's first process, whose limits all others have, but for what is added to a
 * process that comes from outside (docker exec --privileged). */
void position_of_container(struct position *ret_position);

/* From the text of a /proc/PID/status. */
void position_parse(const char *status, struct position *ret_position);

bool position_may(uint64_t capabilities, unsigned capability);

#endif
