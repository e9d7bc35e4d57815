/* SPDX-License-Identifier: MIT */
/* The rules of each chain; ruleset.c makes what they refer to. */
#ifndef EGRESSD_FIREWALL_RULES_H
#define EGRESSD_FIREWALL_RULES_H

#include "firewall/ruleset.h"

struct nftnl_rule;

struct ruleset {
    struct transaction *transaction;
    const struct firewall_plan *plan;
    struct features features;
    const struct snapshot *existing; /* whose chains and sets stay; NULL: nothing stays */
    struct snapshot *expected;
    uint32_t last_set_id;
};

enum { FAMILIES = 2 };
extern const enum address_family ruleset_families[FAMILIES];

/* A set without name for one rule: { VALUES } of one byte each. Returns its id in this transaction.
 */
uint32_t ruleset_put_bytes(struct ruleset *ruleset, uint32_t key_type, const uint8_t *values,
                           size_t count);
extern const char ruleset_anonymous[];

/* Addresses of a list of the policy for a service (SERVICE_ANY: those for every port). 0: there are
 * none, and no set. */
#define SERVICE_ANY POLICY_SERVICES_MAX
bool ruleset_has_nets(const struct policy *policy, enum policy_list list,
                      enum address_family family, size_t service);

void rules_put(struct ruleset *ruleset);
/* The chains in which packets end: "deny", for what a policy could allow; "forbid", for what none
 * does, because it is made to get past being judged (forged, or a question past the gate); and
 * "refuse", where both lead. */
void rules_put_ends(struct ruleset *ruleset);

/* A rule that has its comment yet nothing else; and, when it has all, its end: it is appended to
 * the transaction and to what is expected, and freed. */
struct nftnl_rule *rule_start(uint32_t family, const char *chain, const char *comment);
void rule_finish(struct transaction *transaction, struct snapshot *expected,
                 struct nftnl_rule *rule);

/* meta l4proto { tcp, udp } */
void rule_match_tcp_or_udp(struct ruleset *ruleset, struct nftnl_rule *rule);
#define RULES_DNS_PORT 53

#endif
