/* SPDX-License-Identifier: MIT */
/* The reply to `status`. Members stay; new ones may come.
 *
 *   "version", "pid", "network" (the number of its namespace, as of /proc/self/ns/net)
 *   "state"       "enforcing", "auditing" (nothing is refused), "invalid-policy" (everything is
 *                 denied), "starting", "failed"
 *   "reason"      why not enforcing, and what to do, or null
 *   "reload_error" why the last reload was refused (the older policy stands), or null
 *   "mode"        "enforce" or "audit"
 *   "since"       when the state began, "2026-01-31T12:00:00Z"; "since_s": how long ago
 *   "policy" {"workspace_policy","devcontainer","how_found","pinned","pending","files":[FILE...]}
 *   "pending"     null, or what 'egressctl apply' would change of the policy: {"added":[LINE...],
 *                 "removed":[LINE...],"left_out": how many more lines there are, "error": why the
 *                 workspace cannot be adopted as it is ("FILE:LINE:COLUMN: ..."), or null}. A LINE
 *                 is "allow api.example.com 80 443 private", "deny 192.0.2.0/24 *", "refusal
 *                 nxdomain": see policy/outline.h
 *   "entries"     [{"list":"allow"|"deny","entry":AS WRITTEN,"host","ports":["443",...],"group",
 *                  "file","line","names"}]; group: that it is of, or null; names: of a wildcard in
 *                  allow, to how many names it may lead and has led, {"most","used","refused":
 *                  questions,"standing": "ok", "resting" (too many within an hour) or "spent"},
 *                  else null
 *   "names"       [{"name","state","ttl_left_s","last_error",
 *                  "addresses":[{"address","ports":[...],"left_s"}]}], by name; left_s 0: the lease
 *                  has ended, a flow may still use it. state "": known by leases alone
 *   "names_left_out", "addresses_left_out"   how many more there are than are listed
 *   "upstreams"   [{"address","port"}]; "embedded_resolver": Docker's, or null
 *   "leases"      how many addresses are leased, all names together
 *   "counters"    {NAME: NUMBER}, since the daemon started
 *   "kernel"      {"verified_s": seconds since the table was last found right, "owned": whether
 *                  nobody else can change it, "restored": how often it was wrong,
 *                  "tampering": null, or the last time: {"ago_s", "what", "process", "host_pid"}}
 *   "weaknesses"  [TEXT]: what makes less of the promise, those of the surroundings last
 *   "findings"    the latter once more, for programs: [{"id","what","detail","remedy"}] */
#ifndef EGRESSD_CONTROL_STATUS_H
#define EGRESSD_CONTROL_STATUS_H

struct json_object;
struct view;

struct json_object *status_describe(const struct view *view);

#endif
