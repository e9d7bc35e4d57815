/* SPDX-License-Identifier: MIT */
/* What the files of suggestion.h share; nobody else's. suggestion.c takes in what was wanted, and
 * what speaks against it; suggestion_entries.c makes entries of it, suggestion_groups.c groups;
 * suggestion_room.c leaves out what a policy cannot hold. */
#ifndef EGRESSD_CONTROL_SUGGESTION_INTERNAL_H
#define EGRESSD_CONTROL_SUGGESTION_INTERNAL_H

#include <stdbool.h>

#include "control/suggestion.h"
#include "control/target.h"

/* What an entry without ports is for. */
#define HTTP_PORT 80
#define HTTPS_PORT 443

struct wished_port {
    uint8_t protocol;
    uint16_t port;
    uint64_t count;
};

/* A name, or an address. */
struct wished_host {
    struct target target; /* without a port */
    struct wished_port *ports;
    size_t port_count;
    uint64_t questions; /* about the name, before anything was sent there */
    bool is_special;    /* led to an address that an entry would not let out */
};

/* What one entry would be for: a host at one port, or at 80, 443 or both, as an entry without ports
 * is. Those of a host are neighbours; hosts are in the order of their use. */
struct want {
    const struct wished_host *host;
    struct target target; /* with the port; without one: as said above */
    bool wants_http, wants_https;
    uint64_t count;
    uint64_t groups; /* the groups that open it, a bit for each in their order */
    bool is_covered; /* by an entry that was made already */
};

struct suggestion_maker {
    const struct policy *policy;
    struct table *hosts; /* of struct wished_host, by name */
    struct want *wants;
    size_t want_count;
    struct suggestion_lines entries, others;
};

/* Appends. */
void suggestion_put(struct suggestion_lines *lines, char *take_what, char *take_why,
                    uint64_t count);

/* Some names of many, as text: "a, b, c and 4 more". Names are borrowed. */
#define NAMES_SHOWN_MAX 4
struct shown_names {
    const char *names[NAMES_SHOWN_MAX];
    size_t count;
};
void shown_names_add(struct shown_names *shown, const char *name);
char *shown_names_text(const struct shown_names *shown); /* new text */

/* Makes wants of hosts, and entries of wants. */
void suggestion_make_entries(struct suggestion_maker *maker);
/* Puts groups in the place of wants that they open, and marks those as covered. */
void suggestion_make_groups(struct suggestion_maker *maker);
/* Entries are in order: the last ones give way, and are others then. */
void suggestion_leave_room(struct suggestion_maker *maker);

#endif
