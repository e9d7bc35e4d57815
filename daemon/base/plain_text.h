/* SPDX-License-Identifier: MIT */
/* Text that anybody may have written, for a terminal: it is shown, and drives nothing. */
#ifndef EGRESSD_BASE_PLAIN_TEXT_H
#define EGRESSD_BASE_PLAIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed character of UTF-8 (RFC 3629) at text; 0: there is none, and what a
 * terminal makes of it is anybody's guess. */
size_t plain_text_measure(const char *text);

/* Whether the character at text is one that drives a terminal: C0, DEL, or C1 (C2 80 to C2 9F). */
bool plain_text_is_control(const char *text);

/* Puts '?' in the place of each byte of what is a control character or none at all, but for those
 * in spared. Returns whether there was any. */
bool plain_text_clean(char *text, const char *spared);

#endif
