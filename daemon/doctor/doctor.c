/* SPDX-License-Identifier: MIT */
#include "doctor/doctor.h"

#include <stdio.h>
#include <string.h>

#include "doctor/checks.h"

enum { BY_DAEMON = 1 << DOCTOR_DAEMON, BY_CALLER = 1 << DOCTOR_CALLER };

static const struct {
    const char *id;
    unsigned viewpoints;
    doctor_check *find;
    const char *what, *remedy;
} checks[] = {
    {"root", BY_CALLER, check_root,
     "you are root here, and root can take away what the kernel enforces",
     "set \"remoteUser\" to a user who is not root"},
    {"capabilities", BY_CALLER, check_capabilities,
     "this user holds a capability that can undo or get around the policy",
     "take it away where it was given: capAdd, runArgs (--cap-drop), ambient capabilities of a "
     "login"},
    {"sudo", BY_DAEMON | BY_CALLER, check_sudo,
     "a user can become root without a password, and root can take away what the kernel enforces",
     "remove sudo or its NOPASSWD rule from the image, or add \"securityOpt\": "
     "[\"no-new-privileges\"] to devcontainer.json"},
    {"setuid-programs", BY_CALLER, check_setuid_programs,
     "programs here run with more rights than their caller has: a flaw in one of them is enough to "
     "undo the policy",
     "add \"securityOpt\": [\"no-new-privileges\"] to devcontainer.json"},
    {"engine-socket", BY_DAEMON | BY_CALLER, check_engine_socket,
     "a container engine can be reached from in here: who may ask it can start a container with "
     "any rights, outside the policy",
     "do not mount the socket (mounts, docker-outside-of-docker), or give it to root alone"},
    {"privileged", BY_DAEMON | BY_CALLER, check_privileged,
     "the container is privileged: who becomes root in here is root of the machine",
     "take \"privileged\": true (or --privileged) out of devcontainer.json and its Features"},
    {"host-network", BY_DAEMON | BY_CALLER, check_host_network,
     "the container shares the network of its host, where others change the tables too",
     "add \"runArgs\": [\"--network=bridge\"] to devcontainer.json"},
    {"host-processes", BY_DAEMON | BY_CALLER, check_host_processes,
     "the container shares the processes of its host: who becomes root in here reaches them",
     "take --pid=host out of runArgs (\"pid: host\" in compose)"},
    {"resolv-conf", BY_DAEMON | BY_CALLER, check_resolv_conf,
     "/etc/resolv.conf can be written by others than root: who does it chooses whom egressd asks, "
     "and with it every address of an allowed name",
     "let it belong to root, mode 644; or name \"upstreams\" in a policy of the image"},
    {"writable-files", BY_CALLER, check_writable_files,
     "this user can write to what egressd is started from or believes",
     "let it belong to root, and be written by root alone; then rebuild"},
    {"late-start", BY_DAEMON, check_late_start,
     "egressd came up long after the container did: what ran before was not held by it",
     "let the Feature's entrypoint start it: \"overrideCommand\" and an \"entrypoint\" in compose "
     "or runArgs must not replace it"},
};

void check_add_detail(char detail[static DOCTOR_DETAIL_SIZE], const char *text)
{
    size_t used = strlen(detail), needed = strlen(text) + (used > 0 ? 2 : 0);

    if (used + needed < DOCTOR_DETAIL_SIZE)
        snprintf(detail + used, DOCTOR_DETAIL_SIZE - used, "%s%s", used > 0 ? ", " : "", text);
}

void doctor_examine(enum doctor_viewpoint viewpoint, const struct position *position,
                    void (*on_finding)(void *context, const struct doctor_finding *finding),
                    void *context)
{
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        struct doctor_finding finding = {
            .id = checks[i].id, .what = checks[i].what, .remedy = checks[i].remedy};

        if (checks[i].viewpoints & 1U << viewpoint &&
            checks[i].find(viewpoint, position, finding.detail))
            on_finding(context, &finding);
    }
}

bool doctor_looks_for(enum doctor_viewpoint viewpoint, const char *id)
{
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (checks[i].viewpoints & 1U << viewpoint && strcmp(checks[i].id, id) == 0)
            return true;
    return false;
}

const char *doctor_format(const struct doctor_finding *finding, char text[static DOCTOR_TEXT_SIZE])
{
    const char *detail = finding->detail;

    snprintf(text, DOCTOR_TEXT_SIZE, "%s%s%s%s. What to do: %s", finding->what, *detail ? " (" : "",
             detail, *detail ? ")" : "", finding->remedy);
    return text;
}
