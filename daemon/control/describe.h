/* SPDX-License-Identifier: MIT */
/* Entries, services and addresses as members of replies. */
#ifndef EGRESSD_CONTROL_DESCRIBE_H
#define EGRESSD_CONTROL_DESCRIBE_H

#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

struct doctor_finding;
struct json_object;
struct resolver;

/* ["443","8000-8100/udp"]: the services of the mask, in the form that an entry takes. */
struct json_object *describe_services(const struct policy *policy, uint64_t services);

/* Adds "list", "entry" (as written), "host" and "ports" (normalised), "group" (null: of none),
 * "file", "line". */
void describe_entry(struct json_object *object, enum policy_list list, const struct entry *entry);

/* Adds "names": of a wildcard in allow,
 * {"most","used","refused","standing":"ok"|"resting"|"spent"}, else null. resolver may be NULL. */
void describe_budget(struct json_object *object, const struct resolver *resolver,
                     enum policy_list list, const struct entry *entry);

/* Adds "added" and "removed", the lines of policy/outline.h without their newlines (NULL: none),
 * and "left_out": how many more there are than are listed. */
void describe_change(struct json_object *object, const char *added, const char *removed);

/* {"id","what","detail","remedy"} */
struct json_object *describe_finding(const struct doctor_finding *finding);

/* The list that an entry of this policy (a verdict's) is in. */
enum policy_list describe_list_of(const struct policy *policy, const struct entry *entry);

#endif
