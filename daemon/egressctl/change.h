/* SPDX-License-Identifier: MIT */
#ifndef EGRESSD_EGRESSCTL_CHANGE_H
#define EGRESSD_EGRESSCTL_CHANGE_H

struct json_object;

/* "+ LINE" and "- LINE" of a reply that has "added" and "removed". */
void print_change(struct json_object *change);

#endif
