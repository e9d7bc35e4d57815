/* SPDX-License-Identifier: MIT */
/* The command line of `egressd run`. */
#ifndef EGRESSD_RUN_OPTIONS_H
#define EGRESSD_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text_error.h"
#include "dns/servers.h"
#include "firewall/firewall.h"

#define OPTIONS_RESOLV_CONF "/etc/resolv.conf"
#define OPTIONS_STATE_DIR "/var/lib/egressd"
#define OPTIONS_RUNTIME_DIR "/run/egressd"
#define OPTIONS_LOG_DIR "/var/log/egressd"
#define OPTIONS_POLICIES_MAX 32

/* Text is borrowed from argv. NULL: not given. */
struct run_options {
    const char *policies[OPTIONS_POLICIES_MAX];
    size_t policy_count;
    const char *devcontainer_file;
    const char *workspace;
    const char *local_workspace;
    const char *devcontainer_id;
    struct firewall_endpoint upstreams[SERVERS_MAX];
    size_t upstream_count;
    const char *resolv_conf;
    const char *state_dir;
    const char *runtime_dir;
    const char *log_dir; /* OPTIONS_LOG_DIR counts if it is there */
    bool foreground;
    bool help;
    /* Not given, but found out by run.c while it still can be. */
    bool is_codespace;
    bool is_first_start; /* nobody has ever held the lock of runtime_dir */
    uint32_t lease_grace_s;
    uint32_t lease_idle_s;
    uint32_t refresh_min_s;
};

/* What holds when nothing is said. */
struct run_options options_default(void);

/* argv[0] is skipped. -EINVAL with a message that names the option and what would be right. */
int options_parse_run(int argc, char **argv, struct run_options *ret_options,
                      struct text_error *reterr);

/* "ADDRESS", "ADDRESS:PORT", "[ADDRESS]:PORT" or a bare IPv6 address; port 53 if none is given. */
int options_parse_endpoint(const char *text, struct firewall_endpoint *ret_endpoint);

#endif
