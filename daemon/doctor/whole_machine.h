/* SPDX-License-Identifier: MIT */
/* A container that shares its host's network has no namespace of its own to filter: a default deny
 * there would cut the whole machine off, its Docker Engine and its agents too. */
#ifndef EGRESSD_DOCTOR_WHOLE_MACHINE_H
#define EGRESSD_DOCTOR_WHOLE_MACHINE_H

#include <stdbool.h>

/* Whether this network namespace is the kernel's first one: the machine's own. */
bool whole_machine_has_this_network(void);

/* What shows that this is a container in the network of the machine that runs it, or NULL. Either
 * Docker's bridge is in this network namespace, and that is the kernel's first one or no Docker
 * Engine runs among the processes we see, so the bridge is somebody else's. Or the namespace is the
 * first one while one of another kind (of processes, say) is not. Not certain: an engine that is
 * itself in a namespace and has no such bridge is not noticed, and a container that is a virtual
 * machine of its own (Kata) looks the same. */
const char *whole_machine_sign(void);

#endif
