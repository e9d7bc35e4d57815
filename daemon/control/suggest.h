/* SPDX-License-Identifier: MIT */
/* The reply to `suggest`: what to allow, made of the journal's lines that were refused or, in audit
 * mode, would have been (suggestion.h). Members stay; new ones may come.
 *
 *   "mode"    "enforce" or "audit"
 *   "allow"   [{"entry": the exact text for "allow", "why": TEXT, "count": NUMBER}], the most used
 *             first; what the policy allows by now is left out
 *   "others"  [{"what": TEXT, "why": TEXT, "count": NUMBER}]: what was refused and is not suggested
 *   "where", "then"   as in explain.h */
#ifndef EGRESSD_CONTROL_SUGGEST_H
#define EGRESSD_CONTROL_SUGGEST_H

struct json_object;
struct view;

struct json_object *suggest_describe(const struct view *view);

#endif
