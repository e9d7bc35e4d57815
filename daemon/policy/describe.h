/* SPDX-License-Identifier: MIT */
/* A policy as text: what `egressd check` prints. One entry a line, normalised, with where it was
 * written, and below it what its author may not have meant. */
#ifndef EGRESSD_POLICY_DESCRIBE_H
#define EGRESSD_POLICY_DESCRIBE_H

#include <stdio.h>

#include "policy/policy.h"

void policy_describe(const struct policy *policy, FILE *out);

/* "FILE:LINE:COLUMN", as much of it as is known; "" for what was not in a file. */
#define SOURCE_TEXT_SIZE 512
const char *source_format(const struct entry_source *source, char text[static SOURCE_TEXT_SIZE]);
const char *entry_format_source(const struct entry *entry, char text[static SOURCE_TEXT_SIZE]);

/* "80,443 (default)", "22,8000-8100,123/udp", "every port". */
#define PORTS_TEXT_SIZE 320
const char *entry_format_ports(enum policy_list list, const struct entry *entry,
                               char text[static PORTS_TEXT_SIZE]);

#endif
