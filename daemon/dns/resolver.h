/* SPDX-License-Identifier: MIT */
/* Names to leased addresses: the one path by which an address enters the kernel, whoever asked (a
 * client through the gate, or a timer). Cache, single flight, upstream, learning, serve-stale. */
#ifndef EGRESSD_DNS_RESOLVER_H
#define EGRESSD_DNS_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/address.h"
#include "dns/budgets.h"
#include "dns/servers.h"
#include "firewall/leases.h"
#include "journal/counters.h"
#include "policy/policy.h"

struct resolver;
struct resolver_waiter;

struct upstream_options;

struct resolver_options {
    uint32_t lease_grace_s; /* a lease outlives the client's TTL by this much */
    uint32_t stale_max_s;   /* serve-stale no longer than this past the last good answer */
    const struct upstream_options *upstream; /* NULL: as always; tests wait less */
};

/* leases and counters are borrowed and must outlive the resolver. Without a policy or servers,
 * every question is refused or fails. */
int resolver_new(uv_loop_t *loop, const struct resolver_options *options, struct leases *leases,
                 struct counters *counters, struct resolver **ret_resolver);
/* on_closed runs when nothing of it is left in the loop; then the memory is gone. Whoever asked has
 * cancelled before: gates and refresh are closed first. */
void resolver_close(struct resolver *resolver, void (*on_closed)(void *context), void *context);

/* The policy must stay until the next call, and be the one that firewall_load has loaded. Forgets
 * names that it refuses; the others are asked anew when next wanted, because other addresses may
 * count now. */
void resolver_set_policy(struct resolver *resolver, const struct policy *policy);
/* Copied. What failed so far may be asked again at once, and what is being asked is asked anew. */
void resolver_set_servers(struct resolver *resolver, const struct servers *servers);

enum resolver_status {
    RESOLVER_OK,      /* addresses, perhaps none (the name has none of this family) */
    RESOLVER_NO_NAME, /* NXDOMAIN from upstream */
    RESOLVER_REFUSED, /* by the policy: the name (nothing was asked), or its addresses */
    RESOLVER_SPENT,   /* a new name below a wildcard that has led to enough: nothing was asked */
    RESOLVER_FAILED,  /* no upstream answered usefully, or the kernel did not take the lease */
};

struct resolver_answer {
    enum resolver_status status;
    bool stale;
    uint32_t ttl_s;         /* what the client is told; the lease outlives it */
    const char *final_name; /* end of the CNAME chain; the asked name itself if there is none */
    const struct address *addresses; /* all leased, acknowledged by the kernel */
    size_t count;
    const char *why; /* REFUSED for the addresses' sake, SPENT or FAILED: a few words; else NULL */
    int extended_error; /* RFC 8914 code that fits, or -1 */
};

typedef void resolver_on_answer(void *context, const struct resolver_answer *answer);

enum resolver_route {
    RESOLVER_ROUTE_NORMAL,
    RESOLVER_ROUTE_DOCKERD, /* asked by dockerd for us: never the embedded server */
};

/* Asks for the addresses of one family. name is canonical. on_answer runs exactly once, perhaps
 * before this returns (then the return value is NULL); the answer is borrowed for the call. */
struct resolver_waiter *resolver_ask(struct resolver *resolver, const char *name,
                                     enum address_family family, enum resolver_route route,
                                     resolver_on_answer *on_answer, void *context);
/* on_answer will not run. */
void resolver_cancel(struct resolver_waiter *waiter);

/* Asks anew even if the cache could answer: for the timers. */
struct resolver_waiter *resolver_refresh(struct resolver *resolver, const char *name,
                                         enum address_family family, resolver_on_answer *on_answer,
                                         void *context);

/* Of the last question of a client for this name and family, in clock_now_ms() time; 0: none that
 * is remembered. */
uint64_t resolver_asked_ms(const struct resolver *resolver, const char *name,
                           enum address_family family);

/* on_learned runs when a client's question made us learn addresses of a name that the policy does
 * not list exactly: for whoever keeps names fresh. One observer; NULL ends it. */
void resolver_observe(struct resolver *resolver,
                      void (*on_learned)(void *context, const char *name,
                                         enum address_family family, uint32_t ttl_s),
                      void *context);

/* on_addresses runs when an answer about a name has been learned and leased: with all addresses
 * that clients are told. */
void resolver_observe_addresses(struct resolver *resolver,
                                void (*on_addresses)(void *context, const char *name,
                                                     const struct address *addresses, size_t count),
                                void *context);

/* on_spent runs when a wildcard refuses new names, at most once a minute for each, with words for
 * people. */
void resolver_observe_budgets(struct resolver *resolver,
                              void (*on_spent)(void *context, const struct entry *entry,
                                               const char *why),
                              void *context);

/* Whether a question about this name, of whose verdict entry is, could leave now. */
enum budget_standing resolver_budget_standing(const struct resolver *resolver,
                                              const struct entry *entry, const char *name);
struct budget_view resolver_budget(const struct resolver *resolver, const struct entry *wildcard);

/* One name as people see it. */
struct resolver_name_view {
    const char *name;
    const char *state; /* "ok", "pending", "stale", "refused", "no-such-name", "failed" */
    uint32_t ttl_left_s;
    const char *last_error; /* NULL: none */
    bool is_refused; /* an answer had addresses, but the policy lets none of them be leased */
    const struct address *addresses; /* both families */
    size_t count;
};
void resolver_each_name(struct resolver *resolver,
                        void (*on_name)(void *context, const struct resolver_name_view *name),
                        void *context);

#endif
