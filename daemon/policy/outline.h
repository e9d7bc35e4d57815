/* SPDX-License-Identifier: MIT */
/* A policy as sorted lines, one for each thing that it says, to tell what another one says
 * differently:
 *
 *   allow api.example.com 80 443 private      allow *.example.com 443 names 20
 *   deny 192.0.2.0/24 *      mode enforce     refusal nxdomain      upstream 192.0.2.53 53 */
#ifndef EGRESSD_POLICY_OUTLINE_H
#define EGRESSD_POLICY_OUTLINE_H

#include <stdbool.h>

struct policy;

/* New text; the caller frees. Each line ends in a newline, and none is there twice. */
char *outline_of(const struct policy *policy);

/* Whether an allow line of before is gone, or a deny line has come, or audit mode has ended. */
bool outline_narrows(const char *before, const char *after);

/* The lines of one that are not in the other: new text, "" if there are none. */
char *outline_subtract(const char *outline, const char *other);

#endif
