/* SPDX-License-Identifier: MIT */
/* Names on the wire (RFC 1035 3.1, 4.1.4) to canonical text and back. Canonical: lower case, no
 * final dot, only letters, digits, '-' and '_': a dot or NUL inside a label can never pose as two
 * labels. The root is "". */
#ifndef EGRESSD_DNS_WIRE_NAME_H
#define EGRESSD_DNS_WIRE_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

#define WIRE_NAME_SIZE 255      /* the longest on the wire */
#define WIRE_NAME_TEXT_SIZE 254 /* the longest as text, + NUL */

/* Reads the name at c, which runs over message, and leaves c behind it. Pointers must lead strictly
 * backwards, and not into the header. Returns the length of the text, or -EBADMSG, or -EILSEQ for a
 * well-formed name with other bytes than those above (then c is behind it as well). */
int wire_name_read(const uint8_t *message, struct cursor *c,
                   char ret_text[static WIRE_NAME_TEXT_SIZE]);

/* Writes canonical text, uncompressed. Returns the size, or 0 when it is not the text of a name. */
size_t wire_name_write(const char *text, uint8_t ret_wire[static WIRE_NAME_SIZE]);

#endif
