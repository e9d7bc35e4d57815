/* SPDX-License-Identifier: MIT */
/* Names directly below which anybody can register: "co.uk". Generated at build. */
#ifndef EGRESSD_POLICY_PUBLIC_SUFFIXES_H
#define EGRESSD_POLICY_PUBLIC_SUFFIXES_H

#include <stdbool.h>

/* One rule a line, a newline also before the first: "co.uk", "*.ck", "!www.ck". */
extern const char public_suffixes[];

/* name is canonical. A single label always is one, and so is what lies above one. */
bool name_is_public_suffix(const char *name);

#endif
