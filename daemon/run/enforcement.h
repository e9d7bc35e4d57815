/* SPDX-License-Identifier: MIT */
/* What is in force: the configuration and the servers, and made from them the kernel's table, the
 * leases, the gates and the timers of names. Changed as a whole or not at all, by its functions
 * alone. */
#ifndef EGRESSD_RUN_ENFORCEMENT_H
#define EGRESSD_RUN_ENFORCEMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "control/commands.h"
#include "control/view.h"
#include "devcontainer/configuration.h"
#include "dns/servers.h"
#include "doctor/doctor.h"
#include "firewall/changes.h"
#include "firewall/others.h"
#include "journal/counters.h"
#include "run/failure.h"
#include "run/stamp.h"

struct askers;
struct docker_probe;
struct journal;
struct monitor;
struct names;
struct refusals;
struct run_options;

/* Notices what others do to the table, and undoes it. */
struct guard {
    struct monitor *monitor; /* NULL: the kernel does not tell */
    uv_poll_t news;
    uv_timer_t rest;
    unsigned restored; /* how often the table was not what it should be, and was put back */
    uint64_t restored_ms;
    struct change last;
    uint64_t logged_ms; /* 0: never */
    unsigned unlogged;
    bool looks_around;               /* other tables have changed since they were looked at */
    char rewriter[OTHERS_TEXT_SIZE]; /* what is wrong with one of them, or "" */
    unsigned handles_open;
    void (*on_closed)(void *context);
};
#define ENFORCEMENT_FINDINGS_MAX 16

/* What was seen there last. */
struct enforcement_workspace {
    bool is_found; /* false: nobody can tell which file it is */
    char file[CONFIGURATION_PATH_SIZE];
    struct stamp stamp;
    uint64_t next_look_ms; /* clock_now_ms() */
};

struct enforcement {
    uv_loop_t *loop;
    const struct run_options *options;
    struct counters counters;
    struct firewall *firewall;
    struct leases *leases;
    struct resolver *resolver;
    struct refresh *refresh;
    struct gate *gate;
    struct gate *inner_gate;   /* for the containers within this one */
    struct gate *dockerd_gate; /* NULL until dockerd has servers to ask through us */

    struct configuration configuration; /* its policy is NULL as long as none was valid */
    struct enforcement_workspace workspace;
    struct policy *deny_all;               /* what is enforced then */
    char *outline;                         /* of what is enforced */
    char *started_added, *started_removed; /* what the last start changed of it, or NULL */
    struct servers servers;
    struct docker_probe *docker_probe; /* under way, or NULL */
    void (*on_dockerd_known)(struct enforcement *enforcement);
    bool is_docker_probed;
    struct address dockerd[SERVERS_MAX]; /* what it found: servers that dockerd asks from in here */
    size_t dockerd_count;
    bool found_table; /* an earlier daemon's table stood at start: its flows are judged by its
                         policy */
    bool is_resolv_conf_unread; /* it is there, but could not be read: to be tried again */
    bool has_uncut_flows;       /* that are no longer allowed: to be tried again */
    bool has_stray_questions;   /* past the gate: to be tried again */

    struct journal *journal;
    struct askers *askers;
    struct names *names;
    struct refusals *refusals; /* NULL: the kernel does not tell which packets it refuses */
    uv_poll_t refused_news;
    void (*on_deaf)(void *context);
    uint64_t refused, refused_before; /* packets that the table counts, and those before it */
    uint64_t untold;                  /* of these, told by nobody */
    uint64_t counted_ms;
    const char *untellable; /* why it does not, for people; NULL: it does, or is not asked yet */

    uv_poll_t links; /* network interfaces come and go */
    bool watches_links;

    struct doctor_finding findings[ENFORCEMENT_FINDINGS_MAX];
    size_t finding_count;

    enum view_state state;
    char reason[FAILURE_TEXT_SIZE];
    char reload_error[FAILURE_TEXT_SIZE];
    char table_failure[FAILURE_TEXT_SIZE]; /* "": the kernel's table is what it should be */
    uint64_t since_ms;
    uint64_t verified_ms;
    struct guard guard;

    unsigned parts_open;
    void (*on_closed)(void *context);
    void *closed_context;
};

/* Each step leaves default deny behind, also when it fails. They come in this order; the steps fail
 * with what to tell people. */

/* The kernel is asked, through a socket of firewall_socket (negative: one is made), and denies
 * everything from here on. witness, borrowed, is of witness_start, or negative. */
int enforcement_open(struct enforcement *enforcement, uv_loop_t *loop,
                     const struct run_options *options, int take_socket, int witness,
                     struct failure *failure);
/* Reads the configuration, opens the gates, puts the whole table in place. An invalid configuration
 * is no failure: everything stays denied, the state says so, and a reload can repair it. */
int enforcement_fill(struct enforcement *enforcement, struct failure *failure);
/* Asks the kernel whether all of it is there. */
int enforcement_verify(struct enforcement *enforcement, struct failure *failure);
/* Starts asking names, and undoing what others do to the table. The state is now what it is. */
void enforcement_begin(struct enforcement *enforcement);

/* Reads the configuration anew. Returns 0 or an exit code; ret_change says what happened. */
int enforcement_reload(struct enforcement *enforcement, enum commands_reload how,
                       struct commands_change *ret_change);
/* To be called every few seconds: follows the workspace, or tells whether something is pending. */
void enforcement_watch_workspace(struct enforcement *enforcement);
/* Reads resolv.conf anew. To be called when it has changed, and as long as it is unread. */
void enforcement_follow_servers(struct enforcement *enforcement);
/* To be called every few seconds: puts the table back if somebody changed it unheard. */
void enforcement_check(struct enforcement *enforcement);
/* To be called at the start, while privileges last, and now and then: what around us could undo our
 * work. */
void enforcement_examine_surroundings(struct enforcement *enforcement);
/* To be called every minute or so. */
void enforcement_sweep(struct enforcement *enforcement);

void enforcement_view(struct enforcement *enforcement, struct view *ret_view);

/* The table stays. on_closed runs when nothing is left in the loop, perhaps at once. */
void enforcement_close(struct enforcement *enforcement, void (*on_closed)(void *context),
                       void *context);

#endif
