/* SPDX-License-Identifier: MIT */
/* A container that shares its host's network has no namespace of its own to filter: a default deny
 * there would cut the whole machine off, its Docker Engine and its agents too. */
#ifndef EGRESSD_DOCTOR_WHOLE_MACHINE_H
#define EGRESSD_DOCTOR_WHOLE_MACHINE_H

#include <stdbool.h>

/* Whether this network namespace is the kernel's first one: the machine's own. */
bool whole_machine_has_this_network(void);

/* Whether this looks like the network of a machine that runs containers: Docker's bridge is in this
 * network namespace, and either the namespace is the kernel's first one or no Docker Engine runs
 * among the processes we see, so the bridge is somebody else's. Not certain: an engine without its
 * default bridge, or another runtime, is not noticed. */
bool whole_machine_is_here(void);

#endif
