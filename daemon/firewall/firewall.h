/* SPDX-License-Identifier: MIT */
/* What the kernel enforces: two tables, inet egressd and netdev egressd, ours alone. Everything
 * here talks netlink and waits for the kernel's acknowledgement, so when a function returns 0 the
 * kernel has it.
 *
 * Default deny is the resting state: no function of this folder leaves the table without it, and
 * nothing here takes the table away. */
#ifndef EGRESSD_FIREWALL_FIREWALL_H
#define EGRESSD_FIREWALL_FIREWALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/text_error.h"
#include "policy/policy.h"

struct firewall;
struct leases;

/* The mark on the socket of every question that egressd asks an upstream: ASCII "egrd". */
#define FIREWALL_QUESTION_MARK 0x65677264u

struct firewall_endpoint {
    struct address address;
    uint16_t port; /* host byte order */
};

/* What the table is made from. Everything is borrowed for the call. */
struct firewall_plan {
    const struct policy *policy; /* NULL: deny all */
    uint16_t gate_port;          /* 0: no redirect yet (the very first, deny-all table) */
    uint16_t dockerd_gate_port;  /* for questions addressed to dockerd_servers; 0: none */
    uint16_t inner_gate_port;    /* for questions of containers within this one; 0: none */
    bool gate_has_ipv6;          /* a listener on ::1 exists */
    const struct firewall_endpoint *upstreams; /* where our own questions may go */
    size_t upstream_count;
    const struct address *dockerd_servers; /* ExtServers of Docker's embedded resolver */
    size_t dockerd_server_count;
    uint32_t lease_idle_s; /* how long an address stays open after its last new connection */
};

/* A socket for firewall_open. The table that is loaded through it is owned for as long as any
 * process has it open, dead daemon or not; only one may use it at a time. -errno. */
int firewall_socket(void);

/* Takes a socket (negative: makes one), also on failure. reterr says what lacks and what to change:
 * -EPERM no CAP_NET_ADMIN, -EPROTONOSUPPORT or -EOPNOTSUPP no nf_tables in this kernel. */
int firewall_open(int take_socket, struct firewall **ret_firewall, struct text_error *reterr);
void firewall_close(struct firewall *firewall); /* NULL-safe; the table stays */

/* Whether a table of an earlier egressd stands in this network namespace. */
bool firewall_table_exists(struct firewall *firewall);

/* Puts the whole table in place in one transaction, replacing ours if it stands, with the elements
 * of leases (NULL: none) and with in-use addresses that leases still justifies. There is no moment
 * without default deny. On failure the old state stands and reterr names the kernel feature that
 * lacks. */
int firewall_load(struct firewall *firewall, const struct firewall_plan *plan,
                  struct leases *leases, struct text_error *reterr);

/* Whether the table that was loaded is ours alone to change, also while nobody runs, as long as the
 * socket is open: nobody else's commit can touch it. */
bool firewall_owns_table(const struct firewall *firewall);

/* Reads the tables back and compares chains, hooks, policies, rules and sets with what was last put
 * there. 0, or -ENOENT/-EBADMSG with what differs. */
int firewall_verify(struct firewall *firewall, struct text_error *reterr);

/* The table netdev egressd has a chain for each interface by which packets leave. Readable when
 * interfaces came, went or changed; then firewall_follow_links puts chains in place at once. -1:
 * this kernel does not have such chains. Borrowed. */
int firewall_links_fd(const struct firewall *firewall);
int firewall_follow_links(struct firewall *firewall, struct text_error *reterr);

/* Flows of port 53 that are older than the redirect would go on bypassing it: NAT is decided at a
 * flow's first packet. Deletes them from conntrack, whoever owns them, except egressd's own and
 * those that end at the gate of now. */
int firewall_flush_dns_flows(struct firewall *firewall);

/* Ends live outbound flows for which is_allowed says no, by marking them so that the table denies
 * their packets. Inbound flows (their original destination is an address of this host) are left. */
int firewall_cut_flows(struct firewall *firewall,
                       bool (*is_allowed)(void *context, const struct address *destination,
                                          uint8_t protocol, uint16_t port),
                       void *context, size_t *ret_cut);

/* What is weaker for want of a kernel feature that was found missing at load, each as one line for
 * people: the one number index, or NULL behind the last. */
const char *firewall_weakness(const struct firewall *firewall, size_t index);

#endif
