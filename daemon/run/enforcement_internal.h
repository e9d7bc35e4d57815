/* SPDX-License-Identifier: MIT */
/* What the parts of enforcement*.c share. */
#ifndef EGRESSD_RUN_ENFORCEMENT_INTERNAL_H
#define EGRESSD_RUN_ENFORCEMENT_INTERNAL_H

#include <stddef.h>

#include "run/enforcement.h"

#define ENFORCEMENT_OUTLINE "policy.outline" /* in the runtime folder */

struct text_error;

/* The one that is enforced: the configuration's, or the one that denies all. Never NULL once open.
 */
const struct policy *enforcement_policy(const struct enforcement *enforcement);
void enforcement_set_state(struct enforcement *enforcement, enum view_state state,
                           const char *reason);
/* Enforcing, or auditing, as the policy says. */
void enforcement_set_in_force(struct enforcement *enforcement);
void enforcement_set_invalid(struct enforcement *enforcement, const struct failure *failure);

struct configuration_request enforcement_request(const struct enforcement *enforcement);
void enforcement_log_policy(const struct enforcement *enforcement);
/* What the last daemon of this runtime folder enforced, new text, or NULL when nobody knows; and
 * what is different now, for the log and whoever waits. */
char *enforcement_earlier_outline(const struct enforcement *enforcement);
void enforcement_compare_with_earlier(struct enforcement *enforcement, const char *before);
/* Before it is read: a change from now on is one. */
void enforcement_remember_workspace(struct enforcement *enforcement);
/* To whoever asks it while packets and questions come. */
void enforcement_hand_out_policy(struct enforcement *enforcement, const struct policy *policy);

/* The command line's, else the policy's, else those of resolv.conf. Docker's embedded resolver
 * comes from there in any case: it alone knows the names of neighbours, and what dockerd asks must
 * not loop. When resolv.conf cannot be read, those of now count on. */
void enforcement_find_servers(struct enforcement *enforcement, const struct policy *policy,
                              struct servers *ret_servers);
/* Starts to find out whom dockerd asks, where resolv.conf does not say it, and logs the servers
 * once all are known. on_known (NULL: nobody waits) runs at once if there is nothing to find out,
 * else within about a second. */
void enforcement_find_dockerd(struct enforcement *enforcement,
                              void (*on_known)(struct enforcement *enforcement));
void enforcement_log_servers(const struct enforcement *enforcement);
/* Opens the gate for dockerd if it has come to be needed. */
int enforcement_load_table(struct enforcement *enforcement, const struct policy *policy,
                           const struct servers *servers, struct text_error *reterr);

/* From here on what others do to the table is kept to be heard; it is undone once guarded. */
void enforcement_listen(struct enforcement *enforcement);
void enforcement_guard(struct enforcement *enforcement);
/* Only where a monitor is open; on_closed gets the enforcement. */
void enforcement_unguard(struct enforcement *enforcement, void (*on_closed)(void *context));

/* Keeps what happens, for people: from the first on what is asked, later also which packets are
 * refused. Failure is a weakness, no error: all of it is refused whether anybody writes it down or
 * not. */
void enforcement_open_journal(struct enforcement *enforcement, int witness);
/* Once the gates are open, and once the leases of an earlier daemon are known. */
void enforcement_observe_gates(struct enforcement *enforcement);
void enforcement_learn_names(struct enforcement *enforcement);
/* Tries, and tries again when called once more. */
void enforcement_hear_refusals(struct enforcement *enforcement);
/* Finds out how many packets were refused that the kernel did not tell. To be called before a load
 * too, which begins to count anew. */
void enforcement_count_refused(struct enforcement *enforcement);
/* Only where they are heard; on_deaf gets the enforcement. */
void enforcement_stop_hearing(struct enforcement *enforcement, void (*on_deaf)(void *context));
/* When nobody writes any more. */
void enforcement_free_journal(struct enforcement *enforcement);

/* Follows interfaces that come and go, until the enforcement closes. */
void enforcement_watch_links(struct enforcement *enforcement);

/* Ends flows that the policy in force (its outline) no longer justifies. A flow may rightly outlive
 * its lease, so this happens only when the policy before (its outline; NULL: unknown) allowed more.
 * Then the outline is written to a file for the next daemon. Returns how many flows ended. */
size_t enforcement_cut_flows(struct enforcement *enforcement, const char *before);
/* Ends questions that go past the gate, having begun when nothing sent them there. */
void enforcement_end_questions(struct enforcement *enforcement);
/* Does both again where some could not be ended. */
void enforcement_end_again(struct enforcement *enforcement);

#endif
