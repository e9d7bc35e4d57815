/* SPDX-License-Identifier: MIT */
/* What is known of hosts that many people share, that take in data, or that open a way around a
 * gate that goes by name. */
#ifndef EGRESSD_POLICY_NOTES_H
#define EGRESSD_POLICY_NOTES_H

#include "policy/entry.h"

/* One sentence on an allow entry, static text; NULL: nothing is known. */
const char *note_shared_host(const struct entry *entry);
/* Takes in what is sent to it by anybody who has an account there, so that data can leave. */
const char *note_courier(const struct entry *entry);
const char *note_resolver(const struct entry *entry);

#endif
