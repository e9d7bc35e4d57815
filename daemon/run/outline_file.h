/* SPDX-License-Identifier: MIT */
/* The outline of what is in force, kept for the next daemon: flows that nothing justifies any more
 * have to end, others are left alone, because a flow may rightly outlive the lease that let it
 * begin. So whether the policy takes anything away has to be known across a restart. */
#ifndef EGRESSD_RUN_OUTLINE_FILE_H
#define EGRESSD_RUN_OUTLINE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Replaces the file as a whole. 0 or -errno. */
int outline_save(const char *path, const char *outline);

/* New text, or NULL when there is none that can be trusted to be whole. */
char *outline_load(const char *path);

/* Takes off, in place, what says that the file is whole; false: it is not. text[size] is NUL. */
bool outline_unwrap(char *text, size_t size);

#endif
