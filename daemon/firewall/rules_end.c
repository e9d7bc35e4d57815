/* SPDX-License-Identifier: MIT */
/* Where packets end that nothing lets through. */
#include "firewall/rules.h"

#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "firewall/expressions.h"

static void finish(struct ruleset *ruleset, struct nftnl_rule *rule)
{
    rule_finish(ruleset->transaction, ruleset->expected, rule);
}

/* counter limit rate 50/second burst 50 packets log prefix PREFIX group 5 snaplen 96 ... */
static void put_log(struct ruleset *ruleset, const char *chain, const char *prefix)
{
    struct nftnl_rule *rule;

    if (ruleset->features.missing[FEATURE_LOG])
        return;
    rule = rule_start(NFPROTO_INET, chain, "tell egressd who was refused what");
    if (!ruleset->features.missing[FEATURE_COUNT])
        act_count(rule);
    act_limit(rule, 50, 50);
    act_log(rule, prefix, REFUSAL_LOG_GROUP, REFUSAL_LOG_SNAPLEN);
    finish(ruleset, rule);
}

static bool is_audit(const struct ruleset *ruleset)
{
    const struct policy *policy = ruleset->plan->policy;

    return policy && policy_mode(policy) == POLICY_AUDIT;
}

/* Few get here, for the gate answers questions; but what is denied and what is cut come by no other
 * way. */
static void put_questions(struct ruleset *ruleset)
{
    /* meta l4proto { tcp, udp } th dport 53 goto forbid */
    struct nftnl_rule *rule =
        rule_start(NFPROTO_INET, "deny", "questions go to the gate or nowhere");

    rule_match_tcp_or_udp(ruleset, rule);
    match_port(rule, RULES_DNS_PORT);
    act_goto(rule, "forbid");
    finish(ruleset, rule);
}

/* What comes here is told, and refused. */
static void put_refusal(struct ruleset *ruleset, const char *chain, const char *log_prefix,
                        const char *comment)
{
    struct nftnl_rule *rule;

    /* ct state invalid drop */
    rule = rule_start(NFPROTO_INET, chain,
                      "a reset would tear down the good flow that this seems to belong to");
    match_state(rule, NF_CT_STATE_INVALID_BIT);
    act_drop(rule);
    finish(ruleset, rule);

    put_log(ruleset, chain, log_prefix);

    /* goto refuse */
    rule = rule_start(NFPROTO_INET, chain, comment);
    act_goto(rule, "refuse");
    finish(ruleset, rule);
}

/* All in which audit mode differs. */
static void put_audit_verdict(struct ruleset *ruleset)
{
    struct nftnl_rule *rule;

    /* ct state invalid,established accept
     * To tell every packet of such a flow would leave no room for others. */
    rule = rule_start(NFPROTO_INET, "deny", "audit mode: the flow was told when it began");
    match_state(rule, NF_CT_STATE_INVALID_BIT | NF_CT_STATE_BIT(IP_CT_ESTABLISHED));
    act_accept(rule);
    finish(ruleset, rule);

    put_log(ruleset, "deny", REFUSAL_LOG_PREFIX);

    /* accept */
    rule = rule_start(NFPROTO_INET, "deny", "audit mode: nothing is refused");
    act_accept(rule);
    finish(ruleset, rule);
}

static void put_refuse(struct ruleset *ruleset)
{
    struct nftnl_rule *rule;

    if (ruleset->features.missing[FEATURE_REJECT]) {
        /* drop */
        rule = rule_start(NFPROTO_INET, "refuse", "this kernel cannot reject");
        act_drop(rule);
        finish(ruleset, rule);
        return;
    }

    /* meta l4proto tcp reject with tcp reset */
    rule = rule_start(NFPROTO_INET, "refuse",
                      "felt at once, unlike ICMP, which costs IPv6 clients a second");
    act_reject_tcp(rule);
    finish(ruleset, rule);

    /* reject with icmpx admin-prohibited */
    rule = rule_start(NFPROTO_INET, "refuse", "felt at once");
    act_reject(rule);
    finish(ruleset, rule);
}

void rules_put_ends(struct ruleset *ruleset)
{
    put_questions(ruleset);
    if (is_audit(ruleset))
        put_audit_verdict(ruleset);
    else
        put_refusal(ruleset, "deny", REFUSAL_LOG_PREFIX, "the policy is enforced");
    put_refusal(ruleset, "forbid", REFUSAL_LOG_PREFIX_FORBIDDEN, "whatever the mode");
    put_refuse(ruleset);
}
