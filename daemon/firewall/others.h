/* SPDX-License-Identifier: MIT */
/* What other tables do that the table of ours cannot hold: netfilter asks everybody in turn, and
 * whoever comes later may send a packet elsewhere than where it was allowed to go. */
#ifndef EGRESSD_FIREWALL_OTHERS_H
#define EGRESSD_FIREWALL_OTHERS_H

#include <stddef.h>

struct firewall;

#define OTHERS_TEXT_SIZE 320

/* Looks for a rule that writes another destination into packets behind our chains (address
 * translation comes before them, and is judged). 1: ret_text names its table; 0: there is none;
 * -errno. */
int others_find_rewriter(struct firewall *firewall, char ret_text[static OTHERS_TEXT_SIZE]);

#endif
