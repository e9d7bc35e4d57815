/* SPDX-License-Identifier: MIT */
/* The reply to `explain`: what the policy, the same that the gate and the firewall ask, says of a
 * target.
 *
 *   "host", "port" (null: none was asked), "protocol"
 *   "allowed"     whether it may be reached (no port asked: at any)
 *   "mode"        "enforce" or "audit": then what is not allowed is let through all the same
 *   "reason"      a sentence
 *   "entry", "list", "group", "file", "line"   what decided; "entry" null: nothing matched
 *   "names"       of a wildcard that allows, as in status.h
 *   "ports"       where it may be reached, ["80","443"]
 *   "leased_by"   for an address: the names that opened it
 *   "name_state", "last_error"   for a name that has been asked; "note": a likely slip
 *   "suggestion"  null if allowed, else {"entry": the exact text to add, or null: "list": the list
 * to change, "where", "then"} */
#ifndef EGRESSD_CONTROL_EXPLAIN_H
#define EGRESSD_CONTROL_EXPLAIN_H

struct json_object;
struct target;
struct view;

/* target: HOST[:PORT[/tcp|/udp]], or a URL. An error reply when it is neither. */
struct json_object *explain_describe(const struct view *view, const char *target);

/* What would let through what was refused, in short: {"entry": the exact text for "allow", or null,
 * "note": TEXT or null}; NULL if it may be reached by now. Special addresses (private, metadata)
 * are not suggested, for they are rarely meant. */
struct json_object *explain_suggestion(const struct view *view, const struct target *target);

/* Adds "where", the place of new entries, and "then", what makes them count. */
void explain_add_where(struct json_object *reply, const struct view *view);

#endif
