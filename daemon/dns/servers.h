/* SPDX-License-Identifier: MIT */
/* Who is asked: the upstreams of the policy or command line, else those of resolv.conf, with
 * Docker's embedded resolver and its ExtServers told apart. A plain value; whoever holds it decides
 * when to read anew. */
#ifndef EGRESSD_DNS_SERVERS_H
#define EGRESSD_DNS_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firewall/firewall.h"

#define SERVERS_MAX 8

struct servers {
    struct firewall_endpoint ordinary[SERVERS_MAX]; /* asked in order for names with a dot */
    size_t ordinary_count;
    struct firewall_endpoint
        embedded; /* Docker's resolver, 127.0.0.11:53; family NONE: there is none */
    /* ExtServers that dockerd asks from inside this namespace (those not marked host(...)):
     * questions to them must not come back to the embedded resolver. Then they are the ordinary
     * ones too. */
    struct address dockerd[SERVERS_MAX];
    size_t dockerd_count;
    /* The embedded resolver is there, but no comment: Docker before 25. dockerd may well ask from
     * inside; docker_probe.h finds out. */
    bool dockerd_unknown;
};

/* Reads the text of a resolv.conf (resolv.conf(5), and moby's "# ExtServers:" comment). Lines that
 * make no sense are passed over, as resolvers do; nothing found leaves an empty value. Pure. */
void servers_parse_resolv_conf(const char *text, size_t size, struct servers *ret_servers);

/* Takes note of ExtServers that were found out otherwise. */
void servers_add_dockerd(struct servers *servers, const struct address *addresses, size_t count);

/* Which servers to ask for a name: single labels, host.docker.internal and gateway.docker.internal
 * go to the embedded resolver where there is one. Returns the count written. */
size_t servers_for_name(const struct servers *servers, const char *name,
                        struct firewall_endpoint ret_endpoints[static SERVERS_MAX]);

/* Everything that may be asked: for the firewall's exemption. Returns the count written. */
size_t servers_all(const struct servers *servers,
                   struct firewall_endpoint ret_endpoints[static SERVERS_MAX + 1]);

bool servers_equal(const struct servers *a, const struct servers *b);

#endif
