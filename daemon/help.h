/* SPDX-License-Identifier: MIT */
/* What `egressd --help` says. */
#ifndef EGRESSD_HELP_H
#define EGRESSD_HELP_H

extern const char help_text[];

#endif
