/* SPDX-License-Identifier: MIT */
/* Finds out which servers dockerd asks from inside this network namespace, where resolv.conf does
 * not say it (Docker before 25). Such a question would come to our gate, which would ask dockerd's
 * embedded resolver, which would ask again: a circle. The probe asks the embedded resolver, by TCP,
 * for a name that nobody can guess: whoever then asks the gate for it is dockerd, and the
 * connection's original destination is the server. */
#ifndef EGRESSD_DNS_DOCKER_PROBE_H
#define EGRESSD_DNS_DOCKER_PROBE_H

#include <uv.h>

#include "dns/gate.h"
#include "dns/servers.h"

struct docker_probe;

/* Needs the redirect in place. mark as in exchange.h. 0: on_done runs exactly once, later, within
 * about a second, unless cancelled; count 0: dockerd asks from elsewhere. Or -errno. One probe a
 * gate at a time. */
int docker_probe_start(uv_loop_t *loop, struct gate *gate, const struct firewall_endpoint *embedded,
                       uint32_t mark,
                       void (*on_done)(void *context, const struct address *servers, size_t count),
                       void *context, struct docker_probe **ret_probe);
void docker_probe_cancel(struct docker_probe *probe);

#endif
