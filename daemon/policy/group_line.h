/* SPDX-License-Identifier: MIT */
/* A group's file, line by line; see groups.h for what is in one. */
#ifndef EGRESSD_POLICY_GROUP_LINE_H
#define EGRESSD_POLICY_GROUP_LINE_H

#include "base/cursor.h"
#include "policy/entry.h"

/* Takes one line. ret_has_entry: it was not empty, nor a comment alone. -EINVAL with reterr, whose
 * line is not set. */
int group_line_read(struct cursor *c, struct entry *ret_entry, bool *ret_has_entry,
                    struct text_error *reterr);

/* Takes one line as it is, without what ends it. */
const char *group_line_take(struct cursor *c, size_t *ret_size);

#endif
