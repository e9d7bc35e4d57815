/* SPDX-License-Identifier: MIT */
/* What around egressd could undo what it does: looked for, not guessed. Each finding says in a line
 * what it means and in a line what to do about it.
 *
 * User namespaces that anybody may make are no finding: what is permitted in one does not reach the
 * network namespace of the container, and a network of its own has no way out. */
#ifndef EGRESSD_DOCTOR_DOCTOR_H
#define EGRESSD_DOCTOR_DOCTOR_H

#include <stdbool.h>

#include "doctor/position.h"

#define DOCTOR_DETAIL_SIZE 256

struct doctor_finding {
    const char *id; /* stays: for programs */
    const char *what, *remedy;
    char detail[DOCTOR_DETAIL_SIZE]; /* which file, which program; "": nothing to add */
};

/* Whose eyes: the daemon's, for status, and whoever calls 'egressctl doctor'. Some things are seen
 * by one of them alone. */
enum doctor_viewpoint { DOCTOR_DAEMON, DOCTOR_CALLER };

void doctor_examine(enum doctor_viewpoint viewpoint, const struct position *position,
                    void (*on_finding)(void *context, const struct doctor_finding *finding),
                    void *context);

bool doctor_looks_for(enum doctor_viewpoint viewpoint, const char *id);

/* "WHAT (DETAIL). What to do: REMEDY" */
#define DOCTOR_TEXT_SIZE 1024
const char *doctor_format(const struct doctor_finding *finding, char text[static DOCTOR_TEXT_SIZE]);

#endif
