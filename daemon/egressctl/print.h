/* SPDX-License-Identifier: MIT */
/* Replies of the daemon as people read them, on stdout. They have been through screen_clean. */
#ifndef EGRESSD_EGRESSCTL_PRINT_H
#define EGRESSD_EGRESSCTL_PRINT_H

struct json_object;

void print_status(struct json_object *reply);
void print_explanation(struct json_object *reply);
/* "+ LINE" and "- LINE" of a reply that has "added" and "removed". */
void print_change(struct json_object *change);

#endif
