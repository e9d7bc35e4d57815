/* SPDX-License-Identifier: MIT */
/* From policy and servers to what the kernel holds: the table, and the flows that it let begin. */
#include "run/enforcement_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "dns/gate.h"
#include "firewall/firewall.h"
#include "firewall/leases.h"
#include "policy/outline.h"
#include "run/options.h"
#include "run/outline_file.h"

#define RESOLV_CONF_SIZE_MAX (64 * 1024)

/* --- servers ---------------------------------------------------------------------------------- */

/* One that is not there names no server. */
static int read_resolv_conf(const char *path, struct servers *ret_servers)
{
    static char text[RESOLV_CONF_SIZE_MAX];
    ssize_t size = 0;
    int r = 0, fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 && errno != ENOENT)
        return -errno;
    if (fd >= 0) {
        size = read(fd, text, sizeof(text));
        r = size < 0 ? -errno : 0;
        close(fd);
    }
    if (r == 0)
        servers_parse_resolv_conf(text, (size_t)size, ret_servers);
    return r;
}

void enforcement_find_servers(struct enforcement *enforcement, const struct policy *policy,
                              struct servers *ret_servers)
{
    const struct run_options *options = enforcement->options;
    int r = read_resolv_conf(options->resolv_conf, ret_servers);
    struct firewall_endpoint given[SERVERS_MAX];
    size_t count = options->upstream_count, policy_count;
    const struct policy_upstream *upstreams = policy_upstreams(policy, &policy_count);

    if (r < 0) {
        *ret_servers = enforcement->servers;
        if (!enforcement->is_resolv_conf_unread)
            log_warning("cannot read %s: %s, trying again", options->resolv_conf, strerror(-r));
    }
    enforcement->is_resolv_conf_unread = r < 0;
    if (ret_servers->dockerd_unknown && enforcement->is_docker_probed)
        servers_add_dockerd(ret_servers, enforcement->dockerd, enforcement->dockerd_count);
    if (ret_servers->dockerd_unknown)
        ret_servers->ordinary_count = 0; /* a question to dockerd might come back to us */
    memcpy(given, options->upstreams, sizeof(given));
    for (size_t i = 0; options->upstream_count == 0 && i < policy_count && i < SERVERS_MAX; i++)
        given[count++] = (struct firewall_endpoint){upstreams[i].address, upstreams[i].port};
    if (count == 0)
        return;
    memcpy(ret_servers->ordinary, given, sizeof(given));
    ret_servers->ordinary_count = count;
}

static const char *servers_origin(const struct enforcement *enforcement)
{
    size_t count;

    policy_upstreams(enforcement_policy(enforcement), &count);
    if (enforcement->options->upstream_count > 0)
        return "--upstream";
    return count > 0 ? "\"upstreams\" of the policy" : enforcement->options->resolv_conf;
}

void enforcement_log_servers(const struct enforcement *enforcement)
{
    const struct servers *servers = &enforcement->servers;
    char text[SERVERS_MAX * (ADDRESS_TEXT_SIZE + 8)], address[ADDRESS_TEXT_SIZE];
    size_t used = 0;

    if (servers->ordinary_count == 0) {
        log_warning("no upstream DNS server is known: %s names none, and neither does the policy "
                    "(\"upstreams\"). No name can be reached",
                    enforcement->options->resolv_conf);
        return;
    }
    for (size_t i = 0; i < servers->ordinary_count; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s#%u", i > 0 ? ", " : "",
                                 address_format(&servers->ordinary[i].address, address),
                                 servers->ordinary[i].port);
    log_info("upstreams: %s (%s)%s", text, servers_origin(enforcement),
             servers->embedded.address.family != ADDRESS_NONE
                 ? "; Docker's resolver for names without a dot"
                 : "");
}

/* --- the table -------------------------------------------------------------------------------- */

/* dockerd's questions need a gate of their own; once open, it stays. */
static int open_dockerd_gate(struct enforcement *enforcement, const struct servers *servers,
                             const struct policy *policy)
{
    int r;

    if (servers->dockerd_count == 0 || enforcement->dockerd_gate)
        return 0;
    r = gate_open(enforcement->loop, enforcement->resolver, RESOLVER_ROUTE_DOCKERD, GATE_LOOPBACK,
                  &enforcement->counters, &enforcement->dockerd_gate);
    if (r == 0)
        gate_set_policy(enforcement->dockerd_gate, policy);
    return r;
}

int enforcement_load_table(struct enforcement *enforcement, const struct policy *policy,
                           const struct servers *servers, struct text_error *reterr)
{
    struct firewall_endpoint upstreams[SERVERS_MAX + 1];
    struct firewall_plan plan = {
        .policy = policy,
        .gate_port = gate_port(enforcement->gate),
        .inner_gate_port = gate_port(enforcement->inner_gate),
        .gate_has_ipv6 = gate_has_ipv6(enforcement->gate),
        .upstreams = upstreams,
        .upstream_count = servers_all(servers, upstreams),
        .dockerd_servers = servers->dockerd,
        .dockerd_server_count = servers->dockerd_count,
        .lease_idle_s = enforcement->options->lease_idle_s,
    };
    int r = open_dockerd_gate(enforcement, servers, policy);

    if (r < 0) {
        text_error_set(reterr, 0, 0, "no port of loopback can be listened on: %s", strerror(-r));
        return r;
    }
    if (enforcement->dockerd_gate && servers->dockerd_count > 0)
        plan.dockerd_gate_port = gate_port(enforcement->dockerd_gate);
    enforcement_count_refused(enforcement);
    return firewall_load(enforcement->firewall, &plan, enforcement->leases, reterr);
}

/* --- flows ------------------------------------------------------------------------------------ */

/* What the table would let begin now. Questions to a server are ours: everybody else's end at the
 * gate. */
static bool is_flow_allowed(void *context, const struct address *destination, uint8_t protocol,
                            uint16_t port)
{
    const struct enforcement *enforcement = context;
    const struct policy *policy = enforcement_policy(enforcement);
    struct firewall_endpoint servers[SERVERS_MAX + 1];
    size_t count = servers_all(&enforcement->servers, servers);

    if (policy_mode(policy) == POLICY_AUDIT)
        return true;
    for (size_t i = 0; i < count; i++) {
        if (servers[i].port == port && address_equal(&servers[i].address, destination))
            return true;
    }
    if (policy_judge_address(policy, destination).services &
        policy_service_of(policy, protocol, port))
        return true;
    return leases_cover(enforcement->leases, destination, protocol, port);
}

/* For the next daemon. */
static void save_outline(const struct enforcement *enforcement)
{
    char path[PATH_MAX];
    int r = -ENAMETOOLONG;

    if (snprintf(path, sizeof(path), "%s/" ENFORCEMENT_OUTLINE, enforcement->options->runtime_dir) <
        (int)sizeof(path))
        r = outline_save(path, enforcement->outline);
    if (r == 0)
        return;
    unlink(path); /* what an earlier policy allowed says nothing about the flows of this one */
    log_warning("cannot write %s: %s, ignoring; flows that are open may end when the daemon "
                "restarts",
                path, strerror(-r));
}

static size_t cut_flows(struct enforcement *enforcement)
{
    size_t cut = 0;
    int r = firewall_cut_flows(enforcement->firewall, is_flow_allowed, enforcement, &cut);

    if (r < 0 && !enforcement->has_uncut_flows)
        log_error("flows that are no longer allowed could not be ended: %s; trying again",
                  strerror(-r));
    enforcement->has_uncut_flows = r < 0;
    return cut;
}

/* As long as some are left, the file says what allowed them, for a daemon that starts then. */
size_t enforcement_cut_flows(struct enforcement *enforcement, const char *before)
{
    size_t cut = 0;

    if (!before || outline_narrows(before, enforcement->outline))
        cut = cut_flows(enforcement);
    if (!enforcement->has_uncut_flows)
        save_outline(enforcement);
    return cut;
}

static void cut_again(struct enforcement *enforcement)
{
    cut_flows(enforcement);
    if (enforcement->has_uncut_flows)
        return;
    log_info("flows that are no longer allowed have been ended");
    save_outline(enforcement);
}

void enforcement_end_questions(struct enforcement *enforcement)
{
    int r = firewall_flush_dns_flows(enforcement->firewall);

    if (r < 0 && !enforcement->has_stray_questions)
        log_error("DNS flows that began without the gate could not be ended: %s; trying again",
                  strerror(-r));
    enforcement->has_stray_questions = r < 0;
}

void enforcement_end_again(struct enforcement *enforcement)
{
    if (enforcement->has_stray_questions)
        enforcement_end_questions(enforcement);
    if (enforcement->has_uncut_flows)
        cut_again(enforcement);
}
