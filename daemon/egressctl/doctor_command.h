/* SPDX-License-Identifier: MIT */
/* 'egressctl doctor': what could undo the protection here, as its caller sees it, and what the
 * daemon says of itself.
 *
 * With --json, in one line: {"ok":true,"findings":[{"id","what","detail","remedy"}]}; detail and
 * remedy may be null. Ids stay; new ones may come: those of doctor/doctor.c, and "not-running",
 * "not-enforcing", "weakness" (what the daemon itself says is weaker here). */
#ifndef EGRESSD_EGRESSCTL_DOCTOR_COMMAND_H
#define EGRESSD_EGRESSCTL_DOCTOR_COMMAND_H

#include <stdbool.h>

struct position;

/* Returns 0 when nothing was found, else 1. */
int doctor_command(const char *runtime_dir, bool as_json, const struct position *caller);

#endif
