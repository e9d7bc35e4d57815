/* SPDX-License-Identifier: MIT */
/* The words that rules are made of. Each function appends what stands in its comment as nft writes
 * it. A key of several fields is put together in registers from 0 on, one for each four bytes. */
#ifndef EGRESSD_FIREWALL_EXPRESSIONS_H
#define EGRESSD_FIREWALL_EXPRESSIONS_H

#include <stdint.h>

#include "base/address.h"
#include "policy/ports.h"

struct nftnl_rule;

/* --- matches ---------------------------------------------------------------------------------- */

/* meta nfproto ipv4, meta nfproto ipv6 */
void match_family(struct nftnl_rule *rule, enum address_family family);
/* meta nfproto ipv4 ip hdrlength != 5; exthdr rt exists */
void match_ip_options(struct nftnl_rule *rule);
void match_routing_header(struct nftnl_rule *rule);
/* meta l4proto PROTOCOL */
void match_protocol(struct nftnl_rule *rule, uint8_t protocol);
/* meta l4proto PROTOCOL th dport FROM-TO */
void match_ports(struct nftnl_rule *rule, const struct port_range *range);
/* th dport PORT; the protocol has been matched before */
void match_port(struct nftnl_rule *rule, uint16_t port);
/* th sport PORT; likewise */
void match_source_port(struct nftnl_rule *rule, uint16_t port);
/* meta mark MARK */
void match_mark(struct nftnl_rule *rule, uint32_t mark);
/* meta mark != MARK */
void match_other_mark(struct nftnl_rule *rule, uint32_t mark);
/* meta skuid UID, meta skuid != UID: neither of a packet that the kernel makes by itself */
void match_uid(struct nftnl_rule *rule, uint32_t uid);
void match_other_uid(struct nftnl_rule *rule, uint32_t uid);
/* meta skuid >= 0: a packet that a process sent, unlike those that the kernel makes by itself */
void match_any_socket(struct nftnl_rule *rule);
/* meta rtclassid >= 0: the packet has a route; nft writes the realm 0 by its name, "cosmos" */
void match_routed(struct nftnl_rule *rule);
/* meta protocol ETHERTYPE */
void match_ethertype(struct nftnl_rule *rule, uint16_t ethertype);
/* oifname NAME, oifname != NAME ... */
void match_to_loopback(struct nftnl_rule *rule);
void match_not_to_loopback(struct nftnl_rule *rule);
void match_not_from_loopback(struct nftnl_rule *rule);
/* ct state STATES: bits NFT_CT_STATE_BIT(..) */
void match_state(struct nftnl_rule *rule, uint32_t states);
/* ct direction original, ct direction reply */
void match_original_direction(struct nftnl_rule *rule);
void match_reply_direction(struct nftnl_rule *rule);
/* ct status dnat, ct status ! dnat */
void match_redirected(struct nftnl_rule *rule);
void match_not_redirected(struct nftnl_rule *rule);
/* ct original proto-dst PORT */
void match_original_port(struct nftnl_rule *rule, uint16_t port);
/* ct mark & BIT == BIT */
void match_flow_mark(struct nftnl_rule *rule, uint32_t bit);
/* tcp flags & (fin | syn | rst | ack) != syn */
void match_mid_stream(struct nftnl_rule *rule);
/* ip daddr ADDRESS, ip6 daddr ADDRESS; the same for saddr */
void match_destination(struct nftnl_rule *rule, const struct address *address);
void match_source(struct nftnl_rule *rule, const struct address *address);
/* ip daddr 127.0.0.0/8, ip6 daddr ::1 */
void match_loopback_address(struct nftnl_rule *rule, enum address_family family);
/* icmpv6 type @SET, a set that this transaction makes; and the same for meta l4proto */
void match_icmpv6_types(struct nftnl_rule *rule, const char *set, uint32_t set_id);
void match_protocols(struct nftnl_rule *rule, const char *set, uint32_t set_id);

/* fib daddr type local: an address of ours, at whatever interface */
void match_own_address(struct nftnl_rule *rule);
/* fib daddr type != local fib daddr . iif oif missing: on its way through here, and not back to
 * where it came from */
void match_passing_through(struct nftnl_rule *rule);

/* ip daddr @SET */
void match_destination_in(struct nftnl_rule *rule, enum address_family family, const char *set);
/* ip daddr . meta l4proto . th dport @SET; NULL: loads the key only */
void match_service_in(struct nftnl_rule *rule, enum address_family family, const char *set);
/* ip daddr . ct original proto-dst @SET */
void match_original_service_in(struct nftnl_rule *rule, enum address_family family,
                               const char *set);

/* --- actions ---------------------------------------------------------------------------------- */

/* update @SET { ip daddr . meta l4proto . th dport timeout TIMEOUT }: the key lies in the registers
 */
void act_prolong(struct nftnl_rule *rule, const char *set, uint64_t timeout_ms);
/* ct mark set ct mark | BIT */
void act_mark_flow(struct nftnl_rule *rule, uint32_t bit);
/* redirect to :PORT */
void act_redirect(struct nftnl_rule *rule, uint16_t port);
/* limit rate RATE/second burst BURST packets */
/* Counts the packets that come so far. */
void act_count(struct nftnl_rule *rule);
void act_limit(struct nftnl_rule *rule, uint64_t rate, uint32_t burst);
/* log prefix PREFIX group GROUP snaplen SNAPLEN queue-threshold 1 */
void act_log(struct nftnl_rule *rule, const char *prefix, uint16_t group, uint32_t snaplen);
/* reject with tcp reset; reject with icmpx admin-prohibited */
void act_reject_tcp(struct nftnl_rule *rule);
void act_reject(struct nftnl_rule *rule);
/* accept, drop, return */
void act_accept(struct nftnl_rule *rule);
void act_drop(struct nftnl_rule *rule);
void act_return(struct nftnl_rule *rule);
/* goto CHAIN, jump CHAIN */
void act_goto(struct nftnl_rule *rule, const char *chain);
void act_jump(struct nftnl_rule *rule, const char *chain);

#endif
