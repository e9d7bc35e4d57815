/* SPDX-License-Identifier: MIT */
/* What somebody may have meant to write. */
#ifndef EGRESSD_BASE_SPELLING_H
#define EGRESSD_BASE_SPELLING_H

#include <stddef.h>

/* The nearest of the known words, or NULL if none is near. */
const char *spelling_find_near(const char *word, const char *const *known, size_t count);

#endif
