/* SPDX-License-Identifier: MIT */
/* Whom dockerd asks from inside this network namespace, where resolv.conf does not say it. */
#include "run/enforcement_internal.h"

#include <string.h>

#include "base/log.h"
#include "dns/docker_probe.h"

static void on_probed(void *context, const struct address *servers, size_t count)
{
    struct enforcement *enforcement = context;

    enforcement->docker_probe = NULL;
    enforcement->is_docker_probed = true;
    enforcement->dockerd_count = count;
    if (count > 0)
        memcpy(enforcement->dockerd, servers, count * sizeof(servers[0]));
    enforcement_follow_servers(enforcement);
    if (enforcement->on_dockerd_known)
        enforcement->on_dockerd_known(enforcement);
}

void enforcement_find_dockerd(struct enforcement *enforcement,
                              void (*on_known)(struct enforcement *enforcement))
{
    int r;

    if (!enforcement->servers.dockerd_unknown) {
        enforcement_log_servers(enforcement);
        if (on_known)
            on_known(enforcement);
        return;
    }
    if (enforcement->docker_probe)
        return;
    enforcement->on_dockerd_known = on_known;
    r = docker_probe_start(enforcement->loop, enforcement->gate, &enforcement->servers.embedded,
                           FIREWALL_QUESTION_MARK, on_probed, enforcement,
                           &enforcement->docker_probe);
    if (r == 0)
        return;
    log_warning("cannot ask Docker's resolver: %s; names may not resolve. \"upstreams\" in the "
                "policy says whom to ask instead",
                strerror(-r));
    on_probed(enforcement, NULL, 0);
}
