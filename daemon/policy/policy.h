/* SPDX-License-Identifier: MIT */
/* The compiled allowlist: immutable once built, and the one place that decides. The gate, the
 * firewall, `egressd check` and `egressctl explain` all ask here, so they cannot disagree.
 *
 * Ports are compiled into services: the distinct port ranges of all allow entries, cut at the
 * borders of deny entries' ranges so that a deny covers a service wholly or not at all. A set of
 * services is a 64-bit mask: union is OR, deny is AND NOT. Masks mean something only with the
 * policy that made them. */
#ifndef EGRESSD_POLICY_POLICY_H
#define EGRESSD_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/entry.h"

#define POLICY_SERVICES_MAX 64
#define POLICY_ENTRIES_MAX 16384

enum policy_list { POLICY_ALLOW, POLICY_DENY };
/* Audit: what enforce would refuse is let through, and recorded. The verdicts are the same. */
enum policy_mode { POLICY_ENFORCE, POLICY_AUDIT };
enum policy_refusal_answer { POLICY_NXDOMAIN, POLICY_REFUSED };

struct groups;
struct policy;
struct policy_builder;

/* --- building --------------------------------------------------------------------------------- */

struct policy_builder *policy_builder_new(void);
void policy_builder_free(struct policy_builder *builder); /* NULL-safe */

/* The groups that entries may name; add an organisation's own before those. */
struct groups *policy_builder_groups(struct policy_builder *builder);

/* Copies entry and what it borrows; in place of a group, the entries that it stands for (in deny:
 * their hosts, at every port). -EINVAL with reterr when there is no such group, or the policy as a
 * whole would have too many entries. */
int policy_builder_add(struct policy_builder *builder, enum policy_list list,
                       const struct entry *entry, struct text_error *reterr);
/* source (NULL: unknown) is where it is asked for. Enforce, asked for anywhere, wins over audit. */
void policy_builder_set_mode(struct policy_builder *builder, enum policy_mode mode,
                             const struct entry_source *source);
void policy_builder_set_refusal_answer(struct policy_builder *builder,
                                       enum policy_refusal_answer answer);
/* An upstream of the policy's own ("upstreams": ["192.0.2.53", "[2001:db8::53]:5353"]); kept in
 * order. */
int policy_builder_add_upstream(struct policy_builder *builder, const struct address *address,
                                uint16_t port, struct text_error *reterr);

/* Consumes nothing; the builder may be freed afterwards. -EINVAL with reterr when the whole does
 * not compile (more than POLICY_SERVICES_MAX services). An empty builder gives the policy that
 * denies all. */
int policy_build(const struct policy_builder *builder, struct policy **ret_policy,
                 struct text_error *reterr);
void policy_free(struct policy *policy); /* NULL-safe */

/* --- deciding --------------------------------------------------------------------------------- */

enum verdict_reason {
    VERDICT_NOT_LISTED, /* nothing matched */
    VERDICT_ALLOWED,
    VERDICT_DENIED, /* a deny entry took everything that an allow entry gave, or nothing allowed it
                     */
};

struct verdict {
    bool allowed; /* services != 0 */
    enum verdict_reason reason;
    uint64_t services;         /* what may be reached */
    uint64_t private_services; /* ... also at private addresses; subset of services */
    const struct entry
        *entry; /* what decided (the most specific), borrowed; NULL: nothing matched */
};

/* name is canonical (lower case, no final dot). */
struct verdict policy_judge_name(const struct policy *policy, const char *name);

/* What deny entries take of a name, whoever allows it: for names that an allowed one leads to. */
uint64_t policy_denied_services(const struct policy *policy, const char *name);
/* The same of the names of a chain, with a space between two; NULL: none. */
uint64_t policy_denied_via(const struct policy *policy, const char *via);
/* Takes services from a verdict; it denies when none is left. */
void verdict_take(struct verdict *verdict, uint64_t services);
/* policy_judge_name of a name that leads via these to its addresses. */
struct verdict policy_judge_name_via(const struct policy *policy, const char *name,
                                     const char *via);

/* An address by itself: entries that are addresses or prefixes. */
struct verdict policy_judge_address(const struct policy *policy, const struct address *address);

/* Of the verdict on a name: the services that may be leased at this address, which an answer gave;
 * where an address needs an entry of its own, those that it has from that. 0: none, because the
 * address is special and the entry is not private, or because it is denied. ret_why, if not NULL,
 * then says so in a few words (static text). */
uint64_t policy_judge_learned(const struct policy *policy, const struct verdict *verdict,
                              const struct address *address, const char **ret_why);

/* The services that cover this port: several where ranges overlap ("443" of one entry, "*" of
 * another); 0: no allow entry has it. */
uint64_t policy_service_of(const struct policy *policy, uint8_t protocol, uint16_t port);

/* --- reading ---------------------------------------------------------------------------------- */

enum policy_mode policy_mode(const struct policy *policy);
const char *policy_mode_text(const struct policy *policy); /* "enforce" or "audit" */
/* Where this mode was asked for first, also if the other one won; NULL: nowhere. */
const struct entry_source *policy_mode_source(const struct policy *policy, enum policy_mode mode);
enum policy_refusal_answer policy_refusal_answer(const struct policy *policy);

/* Service i is bit i. */
const struct port_range *policy_services(const struct policy *policy, size_t *ret_count);

/* Every entry, allow first, in the order written. */
const struct entry *policy_entries(const struct policy *policy, enum policy_list list,
                                   size_t *ret_count);

/* Entries as they were written: a group is one. */
size_t policy_count_written(const struct policy *policy, enum policy_list list);

/* Names written exactly in allow (no duplicates; also those that a deny refuses altogether are left
 * out): what the timers keep fresh. */
const char *const *policy_exact_names(const struct policy *policy, size_t *ret_count);

/* The ranges that an entry of this list stands for, defaults filled in. Returns how many. */
size_t policy_entry_ports(enum policy_list list, const struct entry *entry,
                          struct port_range ret_ranges[static ENTRY_PORTS_MAX]);

/* The services that an entry of this list gives or takes, before any other entry is heard. */
uint64_t policy_entry_services(const struct policy *policy, enum policy_list list,
                               const struct entry *entry);

/* Address entries as the kernel needs them: a prefix and the services it is for. */
struct policy_net {
    struct prefix prefix;
    uint64_t services;
};
const struct policy_net *policy_nets(const struct policy *policy, enum policy_list list,
                                     size_t *ret_count);

struct policy_upstream {
    struct address address;
    uint16_t port;
};
const struct policy_upstream *policy_upstreams(const struct policy *policy, size_t *ret_count);

#endif
