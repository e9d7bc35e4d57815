/* SPDX-License-Identifier: MIT */
#include "firewall/rules.h"

#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/privilege.h"
#include "firewall/expressions.h"
#include "firewall/sets.h"

/* The states of a flow that nft names so (enum ip_conntrack_info, as bits). */
enum {
    STATE_ESTABLISHED = NF_CT_STATE_BIT(IP_CT_ESTABLISHED),
    STATE_RELATED = NF_CT_STATE_BIT(IP_CT_RELATED),
    STATE_NEW = NF_CT_STATE_BIT(IP_CT_NEW),
};

/* As nft numbers key types (its src/datatype.c). */
enum { TYPE_INET_PROTOCOL = 12, TYPE_ICMP6_TYPE = 29 };

/* What the kernel calls a user whom the network's user namespace does not know: overflowuid. */
enum { UID_UNKNOWN = 65534 };

/* Where Docker's resolver hides, on a port that changes: on every user-defined network. */
static const struct address docker_resolver = {ADDRESS_V4, {127, 0, 0, 11}};

struct nftnl_rule *rule_start(uint32_t family, const char *chain, const char *comment)
{
    struct nftnl_rule *rule = nftnl_rule_alloc();
    uint8_t data[COMMENT_SIZE_MAX];

    if (!rule)
        abort();
    nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, family);
    nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, FIREWALL_TABLE);
    nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
    nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, data,
                        comment_pack(NFTNL_UDATA_RULE_COMMENT, comment, data));
    return rule;
}

void rule_finish(struct transaction *transaction, struct snapshot *expected,
                 struct nftnl_rule *rule)
{
    struct nlmsghdr *message =
        transaction_start_for(transaction, (uint16_t)nftnl_rule_get_u32(rule, NFTNL_RULE_FAMILY),
                              NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);

    nftnl_rule_nlmsg_build_payload(message, rule);
    transaction_put(transaction, message);
    snapshot_add_rule(expected, rule);
    nftnl_rule_free(rule);
}

static struct nftnl_rule *start(const char *chain, const char *comment)
{
    return rule_start(NFPROTO_INET, chain, comment);
}

static void finish(struct ruleset *ruleset, struct nftnl_rule *rule)
{
    rule_finish(ruleset->transaction, ruleset->expected, rule);
}

void rule_match_tcp_or_udp(struct ruleset *ruleset, struct nftnl_rule *rule)
{
    static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};

    match_protocols(rule, ruleset_anonymous,
                    ruleset_put_bytes(ruleset, TYPE_INET_PROTOCOL, protocols, sizeof(protocols)));
}

/* meta mark 0x65677264 meta skuid 65053: a mark alone can be set with CAP_NET_RAW, a uid cannot */
static void match_own_socket(struct nftnl_rule *rule)
{
    match_mark(rule, FIREWALL_QUESTION_MARK);
    match_uid(rule, PRIVILEGE_UID);
}

/* --- dns: names are asked at the gate, whomever they are addressed to ------------------------- */

static void put_redirect(struct ruleset *ruleset, enum address_family family, const char *to,
                         uint16_t port, const char *comment)
{
    struct nftnl_rule *rule = start("dns", comment);

    if (to)
        match_destination_in(rule, family, to);
    else
        match_family(rule, family);
    rule_match_tcp_or_udp(ruleset, rule);
    match_port(rule, RULES_DNS_PORT);
    act_redirect(rule, port);
    finish(ruleset, rule);
}

static void put_dns(struct ruleset *ruleset)
{
    const struct firewall_plan *plan = ruleset->plan;
    struct nftnl_rule *rule;

    /* meta mark 0x65677264 meta skuid 65053 return */
    rule = start("dns", "egressd's own questions go to their upstream");
    match_own_socket(rule);
    act_return(rule);
    finish(ruleset, rule);

    for (size_t i = 0; i < FAMILIES; i++) {
        enum address_family family = ruleset_families[i];
        struct set dockerd = set_of_dockerd(family);

        if (!plan->gate_port || (family == ADDRESS_V6 && !plan->gate_has_ipv6))
            continue;
        /* ip daddr @dockerd4 meta l4proto { tcp, udp } th dport 53 redirect to :P1 */
        if (plan->dockerd_gate_port)
            put_redirect(ruleset, family, dockerd.name, plan->dockerd_gate_port,
                         "whom dockerd asks: answered without dockerd, or it would go in circles");
        /* meta nfproto ipv4 meta l4proto { tcp, udp } th dport 53 redirect to :P0 */
        put_redirect(ruleset, family, NULL, plan->gate_port,
                     "every other question goes to the gate");
    }
}

/* They cannot be sent to loopback, so this gate listens everywhere, and "in" keeps others away. Not
 * what comes by the interface that leads to where it is addressed: that is a neighbour outside. */
static void put_inner_dns(struct ruleset *ruleset)
{
    const struct firewall_plan *plan = ruleset->plan;

    for (size_t i = 0;
         plan->inner_gate_port && !ruleset->features.missing[FEATURE_ROUTE] && i < FAMILIES; i++) {
        struct nftnl_rule *rule;

        if (ruleset_families[i] == ADDRESS_V6 && !plan->gate_has_ipv6)
            continue;
        /* iifname != "lo" meta nfproto ipv4 meta l4proto { tcp, udp } th dport 53
         * fib daddr type != local fib daddr . iif oif missing redirect to :P2 */
        rule = start("inner_dns", "asked of whoever, answered by the gate");
        match_not_from_loopback(rule);
        match_family(rule, ruleset_families[i]);
        rule_match_tcp_or_udp(ruleset, rule);
        match_port(rule, RULES_DNS_PORT);
        match_passing_through(rule);
        act_redirect(rule, plan->inner_gate_port);
        finish(ruleset, rule);
    }
}

/* --- what output and forward have in common --------------------------------------------------- */

/* Any process may ask for a source route (IP_OPTIONS, IPV6_RTHDR). Such a packet is addressed to
 * its first stop, which may be an allowed one. Before established flows, as the wish may come
 * later. */
static void put_source_routes(struct ruleset *ruleset, const char *chain)
{
    struct nftnl_rule *rule;

    /* ip hdrlength != 5 goto forbid
     * Whatever the option: nobody needs any of them. */
    rule = start(chain, "IPv4 options can name another destination than the one that is judged");
    match_ip_options(rule);
    act_goto(rule, "forbid");
    finish(ruleset, rule);

    /* exthdr rt exists goto forbid */
    rule = start(chain, "and so can a routing header");
    match_routing_header(rule);
    act_goto(rule, "forbid");
    finish(ruleset, rule);
}

static void put_cut(struct ruleset *ruleset, const char *chain)
{
    /* ct mark & 0x40000000 == 0x40000000 ct direction original goto deny
     * The direction, because the reset that refuses such a packet belongs to the same flow. */
    struct nftnl_rule *rule = start(chain, "flows that a new policy has ended");

    match_flow_mark(rule, FLOW_MARK_CUT);
    match_original_direction(rule);
    act_goto(rule, "deny");
    finish(ruleset, rule);
}

/* ct direction original [meta l4proto tcp th dport 22] ip daddr @deny4_tcp_22 goto deny */
static void put_denied_nets(struct ruleset *ruleset, const char *chain)
{
    const struct policy *policy = ruleset->plan->policy;
    size_t count = 0;
    const struct port_range *services = policy ? policy_services(policy, &count) : NULL;

    for (size_t service = 0; policy && service <= SERVICE_ANY; service++)
        for (size_t i = 0; i < FAMILIES; i++) {
            const struct port_range *range = service < count ? &services[service] : NULL;
            struct set set = set_of_denied(ruleset_families[i], range);
            struct nftnl_rule *rule;

            if (!ruleset_has_nets(policy, POLICY_DENY, ruleset_families[i], service))
                continue;
            rule = start(chain, "the policy denies it, whatever allows it, open flows too");
            match_original_direction(rule);
            if (range)
                match_ports(rule, range);
            match_destination_in(rule, ruleset_families[i], set.name);
            act_goto(rule, "deny");
            finish(ruleset, rule);
        }
}

static void put_established(struct ruleset *ruleset, const char *chain)
{
    static const uint8_t errors[] = {IPPROTO_ICMP, IPPROTO_ICMPV6};
    struct nftnl_rule *rule;

    /* ct state established accept */
    rule = start(chain, "flows that were let through, and answers to inbound ones");
    match_state(rule, STATE_ESTABLISHED);
    act_accept(rule);
    finish(ruleset, rule);

    /* ct state related meta l4proto { icmp, ipv6-icmp } accept
     * Not all that is related: connections that a helper expects would open addresses. */
    rule = start(chain, "errors about such flows");
    match_state(rule, STATE_RELATED);
    match_protocols(rule, ruleset_anonymous,
                    ruleset_put_bytes(ruleset, TYPE_INET_PROTOCOL, errors, sizeof(errors)));
    act_accept(rule);
    finish(ruleset, rule);
}

static void put_allowed_or_denied(struct ruleset *ruleset, const char *chain)
{
    struct nftnl_rule *rule;

    /* jump allowed */
    rule = start(chain, "what the policy and the leases open");
    act_jump(rule, "allowed");
    finish(ruleset, rule);

    /* goto deny */
    rule = start(chain, "everything else is refused");
    act_goto(rule, "deny");
    finish(ruleset, rule);
}

/* --- out -------------------------------------------------------------------------------------- */

static void put_own_questions(struct ruleset *ruleset)
{
    struct nftnl_rule *rule;

    /* meta mark 0x65677264 ct direction reply goto forbid
     * Whoever sends from where an upstream is to all of our ports begins a flow in which our next
     * question is the answer: nothing translates it, and the sender gets it. */
    rule = start("out", "a question of egressd on a flow that somebody else began");
    match_mark(rule, FIREWALL_QUESTION_MARK);
    match_reply_direction(rule);
    act_goto(rule, "forbid");
    finish(ruleset, rule);

    for (size_t i = 0; i < FAMILIES; i++) {
        struct set upstreams = set_of_upstreams(ruleset_families[i]);

        /* meta mark 0x65677264 meta skuid 65053 meta l4proto { tcp, udp } [oifname "lo"]
         * ip daddr . ct original proto-dst @upstream4 ct mark set ct mark | 0x20000000 accept
         * The original port, because Docker's rules rewrite 127.0.0.11:53. */
        for (int is_here = 1; is_here >= 0; is_here--) {
            rule = start("out", is_here ? "egressd's own questions, to an upstream in here"
                                        : "egressd's own questions, to its upstreams only");
            match_own_socket(rule);
            rule_match_tcp_or_udp(ruleset, rule);
            if (is_here)
                match_to_loopback(rule);
            match_original_service_in(rule, ruleset_families[i], upstreams.name);
            act_mark_flow(rule, is_here ? FLOW_MARK_OWN | FLOW_MARK_HERE : FLOW_MARK_OWN);
            act_accept(rule);
            finish(ruleset, rule);
        }
    }

    /* ct mark & 0x20000000 == 0x20000000 ct direction original meta mark != 0x65677264
     * meta skuid >= 0 goto forbid
     * The mark, for root in a container that shares this network can take the uid. The uid at all,
     * because what the kernel sends by itself has none. */
    rule = start("out", "a flow of egressd that another process tries to ride on");
    match_flow_mark(rule, FLOW_MARK_OWN);
    match_original_direction(rule);
    match_other_mark(rule, FIREWALL_QUESTION_MARK);
    match_any_socket(rule);
    act_goto(rule, "forbid");
    finish(ruleset, rule);
}

/* Whoever has the gate's port at another address of loopback may send from the gate's own address
 * too (IP_PKTINFO), and would be believed by whoever just asks. */
static void put_false_answers(struct ruleset *ruleset, uint16_t port)
{
    struct nftnl_rule *rule;

    if (!port)
        return;
    /* ct direction reply meta l4proto { tcp, udp } th sport PORT ct status dnat
     * ct original proto-dst 53 meta skuid != 65053 goto forbid */
    rule = start("out", "an answer that somebody gives in the gate's place");
    match_reply_direction(rule);
    rule_match_tcp_or_udp(ruleset, rule);
    match_source_port(rule, port);
    match_redirected(rule);
    match_original_port(rule, RULES_DNS_PORT);
    match_other_uid(rule, PRIVILEGE_UID);
    act_goto(rule, "forbid");
    finish(ruleset, rule);
}

/* Any process may send IPv6 packets from an address that is not ours (IPV6_FREEBIND). To a socket
 * in here, that begins a flow whose answers go to the address: a way out. To a socket of egressd,
 * it is an answer of an upstream that is elsewhere: a way to lie. */
static void put_answers(struct ruleset *ruleset)
{
    struct nftnl_rule *rule;

    /* ct direction reply ct mark & 0x20000000 == 0x20000000 ip saddr 127.0.0.11
     * meta skuid != 0 meta skuid != 65534 goto forbid
     * dockerd is root, or a user that is unknown where the engine maps users. Its port is seen by
     * everybody, its address lent to everybody (IP_PKTINFO), and the port too while the engine is
     * started anew below its containers. */
    rule = start("out", "an answer that somebody in here gives in the place of Docker's resolver");
    match_reply_direction(rule);
    match_flow_mark(rule, FLOW_MARK_OWN);
    match_source(rule, &docker_resolver);
    match_other_uid(rule, 0);
    match_other_uid(rule, UID_UNKNOWN);
    act_goto(rule, "forbid");
    finish(ruleset, rule);

    /* ct direction reply ct mark & 0x10000000 == 0x10000000 oifname "lo" accept */
    rule = start("out", "answers within this container");
    match_reply_direction(rule);
    match_flow_mark(rule, FLOW_MARK_HERE);
    match_to_loopback(rule);
    act_accept(rule);
    finish(ruleset, rule);

    /* ct direction reply ct mark & 0x10000000 == 0x10000000 goto forbid */
    rule = start("out", "an answer to somebody outside, who did not ask: their address was forged");
    match_reply_direction(rule);
    match_flow_mark(rule, FLOW_MARK_HERE);
    act_goto(rule, "forbid");
    finish(ruleset, rule);

    /* ct direction reply ct mark & 0x20000000 == 0x20000000 meta l4proto udp goto forbid
     * UDP only: a reset that refuses a packet which rides on such a flow is one of its answers. */
    rule = start("out", "an answer that somebody in here forges for egressd");
    match_reply_direction(rule);
    match_flow_mark(rule, FLOW_MARK_OWN);
    match_protocol(rule, IPPROTO_UDP);
    act_goto(rule, "forbid");
    finish(ruleset, rule);

    /* ct state new ct mark set ct mark | 0x10000000 */
    rule = start("out", "remember where a flow began");
    match_state(rule, STATE_NEW);
    act_mark_flow(rule, FLOW_MARK_HERE);
    finish(ruleset, rule);
}

/* meta l4proto udp ct status dnat ct original proto-dst 53 udp dport PORT accept; the same for tcp
 * Not oifname lo: a question that was addressed elsewhere still has the interface it was to leave
 * by. */
static void put_gate(struct ruleset *ruleset, uint16_t port)
{
    static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};

    for (size_t i = 0; port && i < sizeof(protocols); i++) {
        struct nftnl_rule *rule = start("out", "questions on their way to the gate");

        match_protocol(rule, protocols[i]);
        match_redirected(rule);
        match_original_port(rule, RULES_DNS_PORT);
        match_port(rule, port);
        act_accept(rule);
        finish(ruleset, rule);
    }
}

static void put_neighbour_discovery(struct ruleset *ruleset)
{
    /* Hosts send these; the rest of the family is for routers. */
    static const uint8_t types[] = {
        MLD_LISTENER_REPORT, MLD_LISTENER_REDUCTION, ND_ROUTER_SOLICIT,
        ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT,     143 /* MLDv2 report, RFC 3810 */,
    };
    struct nftnl_rule *rule;

    /* meta l4proto ipv6-icmp meta skuid >= 0 goto deny */
    rule = start("out", "only the kernel speaks ICMPv6: a raw socket could send anything in it");
    match_protocol(rule, IPPROTO_ICMPV6);
    match_any_socket(rule);
    act_goto(rule, "deny");
    finish(ruleset, rule);

    /* icmpv6 type { mld-listener-report, ..., nd-neighbor-advert, mld2-listener-report } accept */
    rule = start("out", "without neighbour discovery there is no IPv6");
    match_icmpv6_types(rule, ruleset_anonymous,
                       ruleset_put_bytes(ruleset, TYPE_ICMP6_TYPE, types, sizeof(types)));
    act_accept(rule);
    finish(ruleset, rule);
}

static void put_out(struct ruleset *ruleset)
{
    struct nftnl_rule *rule;

    put_source_routes(ruleset, "out");
    put_cut(ruleset, "out");
    /* Before the denied addresses: an upstream may lie in one of them, and only egressd gets there.
     */
    put_own_questions(ruleset);
    put_false_answers(ruleset, ruleset->plan->gate_port);
    put_false_answers(ruleset, ruleset->plan->dockerd_gate_port);
    put_false_answers(ruleset, ruleset->plan->inner_gate_port);
    put_answers(ruleset);
    put_denied_nets(ruleset, "out");
    put_established(ruleset, "out");

    /* ct state related ct direction reply accept
     * A connection that a helper expects is related too, but goes the original way. */
    rule = start("out", "the resets and errors by which this table refuses");
    match_state(rule, STATE_RELATED);
    match_reply_direction(rule);
    act_accept(rule);
    finish(ruleset, rule);

    put_gate(ruleset, ruleset->plan->gate_port);
    put_gate(ruleset, ruleset->plan->dockerd_gate_port);

    /* oifname "lo" goto lo_out */
    rule = start("out", "within this container");
    match_to_loopback(rule);
    act_goto(rule, "lo_out");
    finish(ruleset, rule);

    put_neighbour_discovery(ruleset);
    put_allowed_or_denied(ruleset, "out");
}

/* --- the other chains ------------------------------------------------------------------------- */

/* Any process may bind its socket to an interface, before a flow begins or later, and the packets
 * take it wherever they go: also a question that was redirected to the gate, which "out" sees with
 * the interface of before, and the rest of a flow that began over loopback. */
static void put_leaving(struct ruleset *ruleset)
{
    struct nftnl_rule *rule;

    for (size_t i = 0; i < FAMILIES; i++) {
        /* oifname != "lo" ip daddr 127.0.0.0/8 drop */
        rule = start("leaving", "loopback, by an interface that a process has chosen");
        match_not_to_loopback(rule);
        match_loopback_address(rule, ruleset_families[i]);
        act_drop(rule);
        finish(ruleset, rule);
    }
    if (ruleset->features.missing[FEATURE_ROUTE])
        return;
    /* oifname != "lo" ct state established,related,new fib daddr type local drop
     * The state, because neighbours are discovered without: one may have our link-local address. */
    rule = start("leaving", "an address of another interface of ours, likewise");
    match_not_to_loopback(rule);
    match_state(rule, STATE_ESTABLISHED | STATE_RELATED | STATE_NEW);
    match_own_address(rule);
    act_drop(rule);
    finish(ruleset, rule);
}

/* meta l4proto { tcp, udp } th sport PORT goto forbid
 * Resolvers answer. Who begins as one takes the questions that are then asked from the other port:
 * they are answers of this flow, so they are redirected no more, or cannot be redirected. */
static void put_no_flow_from(struct ruleset *ruleset, uint16_t port)
{
    struct nftnl_rule *rule;

    if (!port)
        return;
    rule = start("lo_out", "a flow that begins where resolvers are, to be taken for one");
    rule_match_tcp_or_udp(ruleset, rule);
    match_source_port(rule, port);
    act_goto(rule, "forbid");
    finish(ruleset, rule);
}

static void put_lo_out(struct ruleset *ruleset)
{
    struct nftnl_rule *rule;

    /* ip daddr 127.0.0.11 goto forbid */
    rule = start("lo_out", "Docker's resolver forwards any name: closed on every port");
    match_destination(rule, &docker_resolver);
    act_goto(rule, "forbid");
    finish(ruleset, rule);

    /* meta l4proto { tcp, udp } th dport 53 goto forbid */
    rule = start("lo_out", "a question that went past the redirect, to any other resolver");
    rule_match_tcp_or_udp(ruleset, rule);
    match_port(rule, RULES_DNS_PORT);
    act_goto(rule, "forbid");
    finish(ruleset, rule);

    put_no_flow_from(ruleset, RULES_DNS_PORT);
    put_no_flow_from(ruleset, ruleset->plan->gate_port);
    put_no_flow_from(ruleset, ruleset->plan->dockerd_gate_port);

    /* accept */
    rule = start("lo_out", "what runs here may talk to what runs here");
    act_accept(rule);
    finish(ruleset, rule);
}

static void put_forward(struct ruleset *ruleset)
{
    put_source_routes(ruleset, "forward");
    put_cut(ruleset, "forward");
    put_denied_nets(ruleset, "forward");
    put_established(ruleset, "forward");
    put_allowed_or_denied(ruleset, "forward");
}

/* An inbound packet that begins a flow makes its answers established. The first two kinds can
 * belong to an outbound flow that conntrack has forgotten, or never knew because nothing asked it
 * to track. */
static void put_in(struct ruleset *ruleset)
{
    uint16_t inner_gate_port = ruleset->plan->inner_gate_port;
    struct nftnl_rule *rule;

    /* iifname != "lo" ct status & dnat == 0 meta l4proto { tcp, udp } th dport P2 drop */
    if (inner_gate_port) {
        rule = start("in", "the gate for containers within this one is nobody else's");
        match_not_from_loopback(rule);
        match_not_redirected(rule);
        rule_match_tcp_or_udp(ruleset, rule);
        match_port(rule, inner_gate_port);
        act_drop(rule);
        finish(ruleset, rule);
    }

    /* iifname != "lo" ct state new meta l4proto { tcp, udp } th sport 53 drop */
    rule = start("in", "a late DNS answer must not become a flow whose answers pass");
    match_not_from_loopback(rule);
    match_state(rule, STATE_NEW);
    rule_match_tcp_or_udp(ruleset, rule);
    match_source_port(rule, RULES_DNS_PORT);
    act_drop(rule);
    finish(ruleset, rule);

    /* iifname != "lo" ct state new tcp flags & (fin | syn | rst | ack) != syn drop */
    rule = start("in", "nor may the rest of a connection that was never let through");
    match_not_from_loopback(rule);
    match_state(rule, STATE_NEW);
    match_mid_stream(rule);
    act_drop(rule);
    finish(ruleset, rule);
}

/* ct state new [match] update @lease4 { ip daddr . meta l4proto . th dport timeout IDLE } accept
 * [match] accept
 * The second is for packets of no state, and for when the set of addresses in use is full: a rule
 * ends where its update fails. */
static void put_leased(struct ruleset *ruleset, enum address_family family, const struct set *set,
                       const struct port_range *range, const char *comment)
{
    uint64_t idle_ms = (uint64_t)ruleset->plan->lease_idle_s * 1000;
    struct set in_use = set_in_use(family);
    struct nftnl_rule *rule;

    for (int notes = 1; notes >= 0; notes--) {
        rule = start("allowed", notes ? comment : "the same when the use cannot be noted");
        if (notes)
            match_state(rule, STATE_NEW);
        if (range) {
            match_ports(rule, range);
            match_destination_in(rule, family, set->name);
        }
        if (range && notes)
            match_service_in(rule, family, NULL);
        if (!range)
            match_service_in(rule, family, set->name);
        if (notes)
            act_prolong(rule, in_use.name, idle_ms);
        act_accept(rule);
        finish(ruleset, rule);
    }
}

static void put_in_use(struct ruleset *ruleset, enum address_family family)
{
    uint64_t idle_ms = (uint64_t)ruleset->plan->lease_idle_s * 1000;
    struct set in_use = set_in_use(family);
    struct nftnl_rule *rule;

    /* ct state new ip daddr . meta l4proto . th dport @lease4 update @lease4 {...} accept */
    rule = start("allowed", "an address in use, whose answer has ended");
    match_state(rule, STATE_NEW);
    match_service_in(rule, family, in_use.name);
    act_prolong(rule, in_use.name, idle_ms);
    act_accept(rule);
    finish(ruleset, rule);
}

static void put_allowed_services(struct ruleset *ruleset, enum address_family family)
{
    const struct policy *policy = ruleset->plan->policy;
    size_t count = 0;
    const struct port_range *services = policy ? policy_services(policy, &count) : NULL;

    for (size_t i = 0; i < count; i++) {
        struct set leased = set_of_range(family, &services[i]);
        struct set nets = set_of_nets(family, &services[i]);
        struct nftnl_rule *rule;

        if (ports_are_range(&services[i]))
            put_leased(ruleset, family, &leased, &services[i],
                       "leased to a name that is allowed a range of ports");
        if (!ruleset_has_nets(policy, POLICY_ALLOW, family, i))
            continue;
        /* meta l4proto tcp th dport 22 ip daddr @net4_tcp_22 accept */
        rule = start("allowed", "the policy allows the address itself");
        match_ports(rule, &services[i]);
        match_destination_in(rule, family, nets.name);
        act_accept(rule);
        finish(ruleset, rule);
    }
}

static void put_allowed(struct ruleset *ruleset)
{
    struct nftnl_rule *rule;

    /* meta l4proto { tcp, udp } th dport 53 goto forbid */
    rule = start("allowed", "questions go to the gate or nowhere");
    rule_match_tcp_or_udp(ruleset, rule);
    match_port(rule, RULES_DNS_PORT);
    act_goto(rule, "forbid");
    finish(ruleset, rule);

    for (size_t i = 0; i < FAMILIES; i++) {
        enum address_family family = ruleset_families[i];
        struct set leased = set_of_leases(family);

        put_leased(ruleset, family, &leased, NULL, "leased to an allowed name");
        put_in_use(ruleset, family);
        put_allowed_services(ruleset, family);
    }
}

void rules_put(struct ruleset *ruleset)
{
    put_dns(ruleset);
    put_inner_dns(ruleset);
    put_out(ruleset);
    put_forward(ruleset);
    put_in(ruleset);
    put_leaving(ruleset);
    put_lo_out(ruleset);
    put_allowed(ruleset);
    rules_put_ends(ruleset);
}
