/* SPDX-License-Identifier: MIT */
/* A policy as sorted lines, to tell whether another one takes something away that it gave. Then
 * flows that nothing justifies any more have to end; otherwise they are left alone, because a flow
 * may rightly outlive the lease that let it begin. Kept in a file, the question can be asked across
 * a restart. */
#ifndef EGRESSD_RUN_OUTLINE_H
#define EGRESSD_RUN_OUTLINE_H

#include <stdbool.h>

struct policy;

/* New text; the caller frees. */
char *outline_of(const struct policy *policy);

/* Whether an allow line of before is gone, or a deny line has come. */
bool outline_narrows(const char *before, const char *after);

/* Replaces the file as a whole. 0 or -errno. */
int outline_save(const char *path, const char *outline);

/* New text, or NULL when there is none that can be trusted to be whole. */
char *outline_load(const char *path);

#endif
