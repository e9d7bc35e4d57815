/* SPDX-License-Identifier: MIT */
/* A container that shares its host's network has no namespace of its own to filter: a default deny
 * there would cut the whole machine off, its Docker Engine and its agents too. */
#ifndef EGRESSD_WHOLE_MACHINE_H
#define EGRESSD_WHOLE_MACHINE_H

#include <stdbool.h>

/* Whether this looks like the network of a machine that runs containers. On no account certain;
 * what it looks at: Docker's bridge is in this network namespace, and the namespace is the first
 * one of the kernel, or this is a codespace (whose single containers get the host's network). */
bool whole_machine_is_here(void);

#endif
