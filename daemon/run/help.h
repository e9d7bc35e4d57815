/* SPDX-License-Identifier: MIT */
/* What `egressd --help` says. */
#ifndef EGRESSD_RUN_HELP_H
#define EGRESSD_RUN_HELP_H

extern const char help_text[];

#endif
