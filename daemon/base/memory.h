/* SPDX-License-Identifier: MIT */
/* Allocation for things whose size we choose ourselves. Running out aborts: the kernel's table
 * stands without us, so to die is to stay closed. What an outsider can size is bounded first. */
#ifndef EGRESSD_BASE_MEMORY_H
#define EGRESSD_BASE_MEMORY_H

#include <stddef.h>

void *xcalloc(size_t count, size_t size);
/* New memory beyond the old size is not cleared. */
void *xreallocarray(void *old, size_t count, size_t size);
char *xstrdup(const char *text);
/* Formats into new memory; the caller frees. */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
