/* SPDX-License-Identifier: MIT */
/* The reply to `log`: refusals and grants, aggregated (journal/journal.h). Members stay; new ones
 * may come.
 *
 * Request: "after": NUMBER (0 or absent: everything that is remembered).
 *
 *   "next"        pass it as "after" the next time: only lines that changed since come then. Of a
 *                 daemon that has ended it stands for all lines
 *   "mode"        "enforce" or "audit"
 *   "forgotten"   lines that the bounded memory has dropped since start
 *   "untold"      refused packets that the kernel did not tell (rate limit, overflow); null: it
 *                 tells of none at all, then "weaknesses" of status say why
 *   "hour"        [60 numbers]: refusals in each of the last minutes, oldest first
 *   "entries"     in the order of their last change, oldest first:
 *     "id"          number, stays with the line
 *     "kind"        "packet", "question", "grant"
 *     "verdict"     "refused", "would-refuse" (audit), "granted"
 *     "name"        TEXT or null; of a packet, the name whose answer gave the address, if known
 *     "names_more"  how many other names gave it too
 *     "address"     TEXT or null
 *     "port"        NUMBER or null
 *     "protocol"    "tcp", "udp", "icmp", "icmpv6", "sctp", "NUMBER" or null
 *     "uid", "user" NUMBER or null, TEXT or null
 *     "process", "command"   TEXT or null, of the first that was seen: who asked, while it waits
 * for the answer; root's are not seen, nor who is refused a connection at once "via"         "out",
 * "forward" (a container inside this one) or null "reason"      a sentence "suggestion"  {"entry":
 * the exact text for "allow" or null, "note": TEXT or null}, or null where there is nothing to do
 * (grants; what is allowed by now). Private, metadata and denied targets have a note, no entry
 *     "first", "last"             RFC 3339, UTC
 *     "first_ago_s", "last_ago_s" NUMBER
 *     "count"       NUMBER */
#ifndef EGRESSD_CONTROL_LOG_H
#define EGRESSD_CONTROL_LOG_H

#include <stdint.h>

#include "journal/journal.h"

struct json_object;
struct view;

struct json_object *log_describe(const struct view *view, uint64_t after);

/* As "kind" and "verdict" say them. */
const char *log_kind_text(enum journal_kind kind);
const char *log_verdict_text(enum journal_verdict verdict);

/* "reason": a sentence. Returns text. */
#define LOG_REASON_SIZE 768
const char *log_reason(const struct journal_event *event, char text[static LOG_REASON_SIZE]);

#endif
