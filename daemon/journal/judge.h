/* SPDX-License-Identifier: MIT */
/* Why a packet was refused, in the policy's terms: the kernel only says that it was. Pure. */
#ifndef EGRESSD_JOURNAL_JUDGE_H
#define EGRESSD_JOURNAL_JUDGE_H

#include "journal/journal.h"

struct policy;

/* Sets reason and detail (static text) of an event about a packet, from its name, address, protocol
 * and port. */
void journal_judge_packet(const struct policy *policy, struct journal_event *event);

#endif
