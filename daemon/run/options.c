/* SPDX-License-Identifier: MIT */
#include "run/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "control/protocol.h"

#define DNS_PORT 53
#define ENDPOINT_TEXT_SIZE 64

enum option_id {
    OPTION_POLICY = 256,
    OPTION_DEVCONTAINER,
    OPTION_WORKSPACE,
    OPTION_LOCAL_WORKSPACE,
    OPTION_DEVCONTAINER_ID,
    OPTION_UPSTREAM,
    OPTION_RESOLV_CONF,
    OPTION_STATE_DIR,
    OPTION_RUNTIME_DIR,
    OPTION_LOG_DIR,
    OPTION_FOREGROUND,
    OPTION_LEASE_GRACE,
    OPTION_LEASE_IDLE,
    OPTION_REFRESH_MIN,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"policy", required_argument, NULL, OPTION_POLICY},
    {"devcontainer", required_argument, NULL, OPTION_DEVCONTAINER},
    {"workspace", required_argument, NULL, OPTION_WORKSPACE},
    {"local-workspace", required_argument, NULL, OPTION_LOCAL_WORKSPACE},
    {"devcontainer-id", required_argument, NULL, OPTION_DEVCONTAINER_ID},
    {"upstream", required_argument, NULL, OPTION_UPSTREAM},
    {"resolv-conf", required_argument, NULL, OPTION_RESOLV_CONF},
    {"state-dir", required_argument, NULL, OPTION_STATE_DIR},
    {"runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR},
    {"log-dir", required_argument, NULL, OPTION_LOG_DIR},
    {"foreground", no_argument, NULL, OPTION_FOREGROUND},
    {"lease-grace", required_argument, NULL, OPTION_LEASE_GRACE},
    {"lease-idle", required_argument, NULL, OPTION_LEASE_IDLE},
    {"refresh-min", required_argument, NULL, OPTION_REFRESH_MIN},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

/* Where each number goes, and within which bounds it means something. */
static const struct {
    enum option_id id;
    const char *name;
    size_t offset;
    uint32_t least, most;
} number_options[] = {
    {OPTION_LEASE_GRACE, "lease-grace", offsetof(struct run_options, lease_grace_s), 0, 3600},
    {OPTION_LEASE_IDLE, "lease-idle", offsetof(struct run_options, lease_idle_s), 1, 86400},
    {OPTION_REFRESH_MIN, "refresh-min", offsetof(struct run_options, refresh_min_s), 1, 3600},
};

struct run_options options_default(void)
{
    return (struct run_options){
        .resolv_conf = OPTIONS_RESOLV_CONF,
        .state_dir = OPTIONS_STATE_DIR,
        .runtime_dir = OPTIONS_RUNTIME_DIR,
        .lease_grace_s = 60,
        .lease_idle_s = 600,
        .refresh_min_s = 10,
    };
}

/* Digits alone: strtoul would take a sign and blanks. */
static int parse_number(const char *text, uint32_t least, uint32_t most, uint32_t *ret_number)
{
    unsigned long number;

    if (*text == '\0' || strlen(text) > 6 || strspn(text, "0123456789") != strlen(text))
        return -EINVAL;
    number = strtoul(text, NULL, 10);
    if (number < least || number > most)
        return -EINVAL;
    *ret_number = (uint32_t)number;
    return 0;
}

int options_parse_endpoint(const char *text, struct firewall_endpoint *ret_endpoint)
{
    struct firewall_endpoint endpoint = {.port = DNS_PORT};
    char address[ENDPOINT_TEXT_SIZE];
    const char *port = NULL;
    size_t length = strlen(text);
    uint32_t number;
    int r;

    if (text[0] == '[') {
        const char *close = strchr(text, ']');

        if (!close || (close[1] != ':' && close[1] != '\0'))
            return -EINVAL;
        port = close[1] == ':' ? close + 2 : NULL;
        length = (size_t)(close - ++text);
    } else if (strchr(text, ':') && strchr(text, ':') == strrchr(text, ':')) {
        length = (size_t)(strchr(text, ':') - text);
        port = text + length + 1;
    }
    if (length >= sizeof(address))
        return -EINVAL;
    memcpy(address, text, length);
    address[length] = '\0';
    r = address_parse(address, &endpoint.address);
    if (r == 0 && port) {
        r = parse_number(port, 1, UINT16_MAX, &number);
        if (r == 0)
            endpoint.port = (uint16_t)number;
    }
    if (r == 0)
        *ret_endpoint = endpoint;
    return r;
}

static int take_upstream(struct run_options *options, const char *text, struct text_error *reterr)
{
    if (options->upstream_count == SERVERS_MAX)
        return text_error_set(reterr, 0, 0, "--upstream: at most %d can be given", SERVERS_MAX);
    if (options_parse_endpoint(text, &options->upstreams[options->upstream_count]) < 0)
        return text_error_set(reterr, 0, 0,
                              "--upstream: '%s' is not an address with or without a port: write "
                              "192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353",
                              text);
    options->upstream_count++;
    return 0;
}

static int take_policy(struct run_options *options, const char *path, struct text_error *reterr)
{
    if (options->policy_count == OPTIONS_POLICIES_MAX)
        return text_error_set(reterr, 0, 0, "--policy: at most %d files can be given",
                              OPTIONS_POLICIES_MAX);
    options->policies[options->policy_count++] = path;
    return 0;
}

/* Daemon and client build the socket's path from it. */
static int take_runtime_dir(struct run_options *options, const char *path,
                            struct text_error *reterr)
{
    char socket_path[CONTROL_SOCKET_PATH_SIZE];

    if (path[0] != '/')
        return text_error_set(reterr, 0, 0, "--runtime-dir: '%s' is not an absolute path", path);
    if (control_socket_path(path, socket_path) < 0)
        return text_error_set(reterr, 0, 0,
                              "--runtime-dir: '%s' is too long for a socket in it (at most %d "
                              "bytes): choose a shorter path",
                              path, CONTROL_RUNTIME_DIR_MAX);
    options->runtime_dir = path;
    return 0;
}

static int take_number(struct run_options *options, int id, const char *text,
                       struct text_error *reterr)
{
    for (size_t i = 0; i < sizeof(number_options) / sizeof(number_options[0]); i++) {
        uint32_t *number = (void *)((char *)options + number_options[i].offset);

        if ((int)number_options[i].id != id)
            continue;
        if (parse_number(text, number_options[i].least, number_options[i].most, number) == 0)
            return 0;
        return text_error_set(reterr, 0, 0, "--%s: '%s' is not a number of seconds from %u to %u",
                              number_options[i].name, text, number_options[i].least,
                              number_options[i].most);
    }
    return text_error_set(reterr, 0, 0, "option not understood");
}

static int take_option(struct run_options *options, int id, const char *value,
                       struct text_error *reterr)
{
    switch (id) {
    case OPTION_POLICY:
        return take_policy(options, value, reterr);
    case OPTION_DEVCONTAINER:
        options->devcontainer_file = value;
        return 0;
    case OPTION_WORKSPACE:
        options->workspace = value;
        return 0;
    case OPTION_LOCAL_WORKSPACE:
        options->local_workspace = value;
        return 0;
    case OPTION_DEVCONTAINER_ID:
        options->devcontainer_id = value;
        return 0;
    case OPTION_UPSTREAM:
        return take_upstream(options, value, reterr);
    case OPTION_RESOLV_CONF:
        options->resolv_conf = value;
        return 0;
    case OPTION_STATE_DIR:
        options->state_dir = value;
        return 0;
    case OPTION_RUNTIME_DIR:
        return take_runtime_dir(options, value, reterr);
    case OPTION_LOG_DIR:
        options->log_dir = value;
        return 0;
    case OPTION_FOREGROUND:
        options->foreground = true;
        return 0;
    case OPTION_HELP:
        options->help = true;
        return 0;
    default:
        return take_number(options, id, value, reterr);
    }
}

int options_parse_run(int argc, char **argv, struct run_options *ret_options,
                      struct text_error *reterr)
{
    struct run_options options = options_default();
    int id, r;

    opterr = 0;
    optind = 0; /* glibc and musl: begin anew */
    while ((id = getopt_long(argc, argv, "+:h", long_options, NULL)) != -1) {
        if (id == '?')
            return text_error_set(reterr, 0, 0, "there is no option '%s': see egressd --help",
                                  argv[optind - 1]);
        if (id == ':')
            return text_error_set(reterr, 0, 0, "option '%s' needs a value", argv[optind - 1]);
        r = take_option(&options, id == 'h' ? OPTION_HELP : id, optarg, reterr);
        if (r < 0)
            return r;
    }
    if (optind < argc)
        return text_error_set(reterr, 0, 0, "'%s' is not an option: see egressd --help",
                              argv[optind]);
    if (options.devcontainer_file && options.workspace)
        return text_error_set(reterr, 0, 0,
                              "--devcontainer names the file and --workspace searches for it: "
                              "give one of them");
    *ret_options = options;
    return 0;
}
