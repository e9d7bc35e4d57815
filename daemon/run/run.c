/* SPDX-License-Identifier: MIT */
#include "run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/param.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/privilege.h"
#include "base/seccomp.h"
#include "control/protocol.h"
#include "devcontainer/pid1.h"
#include "egressctl/client.h"
#include "firewall/firewall.h"
#include "run/daemon.h"
#include "run/failure.h"
#include "run/help.h"
#include "run/options.h"
#include "run/supervisor.h"
#include "run/witness.h"

#define LOCK_NAME "lock"
#define DESCRIPTORS 16384
#define ANSWER_TIMEOUT_MS 10000
#define PAUSE_US 20000

/* --- what came with the process --------------------------------------------------------------- */

/* A socket a question: many questions at once must not leave the control socket without one. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = MIN(limit.rlim_max, DESCRIPTORS);
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Environment, descriptors, signals and the like are whatever the caller left: nothing of it may
 * matter. The working folder stays root's, for paths that root gave; nobody else gives any. */
static void forget_surroundings(void)
{
    const int numbers[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    sigset_t none;

    clearenv();
    if (privilege_caller_is_untrusted() && chdir("/") < 0)
        log_debug("cannot change to /: %s, ignoring", strerror(errno));
    for (int fd = open("/dev/null", O_RDWR); fd >= 0 && fd <= STDERR_FILENO; fd = dup(fd))
        ; /* so that nothing we open becomes one of the first three */
    closefrom(STDERR_FILENO + 1);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        signal(numbers[i], SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(022);
}

/* Started by somebody else than root: what they say does not count, what root wrote into the
 * container's first command line does. */
static void take_options_from_pid1(struct run_options *ret_options)
{
    static struct configuration_arguments arguments;
    int r;

    *ret_options = options_default();
    r = configuration_arguments_from_pid1(&arguments);
    if (r < 0) {
        log_warning("the container's first process does not name the workspace (%s), ignoring: the "
                    "image's own policy alone is enforced",
                    strerror(-r));
        return;
    }
    ret_options->workspace = arguments.workspace;
    ret_options->local_workspace = arguments.local_workspace;
    ret_options->devcontainer_id = arguments.devcontainer_id;
}

static int check_net_admin(struct failure *failure)
{
    if (privilege_has_net_admin())
        return 0;
    return failure_set(failure, EX_NOPERM,
                       "the capability NET_ADMIN is missing: nothing can be enforced. The Feature "
                       "asks for it (capAdd); otherwise give it with --cap-add NET_ADMIN, or "
                       "cap_add in compose%s",
                       privilege_caller_is_untrusted()
                           ? ". Where the container's user is not root, the binary needs it too: "
                             "egressd install-capabilities PATH while the image is built"
                           : "");
}

/* --- the daemon's folders --------------------------------------------------------------------- */

static int make_parents(const char *path)
{
    char parent[PATH_MAX];

    if (snprintf(parent, sizeof(parent), "%s", path) >= (int)sizeof(parent))
        return -ENAMETOOLONG;
    for (char *slash = strchr(parent + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(parent, 0755) < 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    return 0;
}

/* Another user's may hold anything, and can be moved away under us: -EPERM and its owner. */
static int own_folder(int fd, uid_t *ret_owner)
{
    struct stat info;

    if (fstat(fd, &info) < 0)
        return -errno;
    if (info.st_uid != 0 && info.st_uid != PRIVILEGE_UID) {
        *ret_owner = info.st_uid;
        return -EPERM;
    }
    if ((info.st_uid != PRIVILEGE_UID || info.st_gid != PRIVILEGE_UID) &&
        fchown(fd, PRIVILEGE_UID, PRIVILEGE_UID) < 0)
        return -errno;
    if ((info.st_mode & 07777) != 0755 && fchmod(fd, 0755) < 0)
        return -errno;
    return 0;
}

/* The daemon's own from here on: nobody else puts a socket or a pinned policy there. */
static int make_folder(const char *path, struct failure *failure)
{
    uid_t owner = 0;
    int fd = -1, r;

    r = make_parents(path);
    if (r == 0 && mkdir(path, 0755) < 0 && errno != EEXIST)
        r = -errno;
    if (r == 0) {
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        r = fd < 0 ? -errno : own_folder(fd, &owner);
    }
    if (fd >= 0)
        close(fd);
    if (owner != 0)
        return failure_set(
            failure, EX_UNAVAILABLE,
            "the folder %s belongs to user %u, who could change what is in it: "
            "choose another one with --runtime-dir, --state-dir or --log-dir, or remove it",
            path, owner);
    if (r < 0)
        return failure_set(failure, EX_UNAVAILABLE,
                           "cannot make the folder %s for user %d: %s. Choose another one with "
                           "--runtime-dir or --state-dir, or make it writable",
                           path, PRIVILEGE_UID, strerror(-r));
    return 0;
}

static int become_daemon(const struct run_options *options, struct failure *failure)
{
    int r = 0;

    /* Anyone else cannot: install.sh has made them in the image. */
    if (!privilege_caller_is_untrusted()) {
        r = make_folder(options->runtime_dir, failure);
        if (r == 0)
            r = make_folder(options->state_dir, failure);
        if (r == 0 && options->log_dir)
            r = make_folder(options->log_dir, failure);
    }
    if (r < 0)
        return r;
    r = privilege_become_daemon();
    if (r < 0)
        return failure_set(failure, EX_NOPERM,
                           "cannot become user %d: %s. The container needs the capabilities SETUID "
                           "and SETGID beside NET_ADMIN: look for --cap-drop in runArgs",
                           PRIVILEGE_UID, strerror(-r));
    seccomp_install(SECCOMP_STARTS); /* whether it is missing is said by the daemon */
    return 0;
}

/* --- one daemon at a time --------------------------------------------------------------------- */

/* The lock lives as long as any process that has the descriptor: supervisor and daemon. Its file
 * stays, and tells that the container has been started before. -EWOULDBLOCK: it is somebody else's.
 */
static int take_lock(const char *runtime_dir, bool *ret_is_first)
{
    char path[PATH_MAX];
    int fd, r = 0;

    if (snprintf(path, sizeof(path), "%s/" LOCK_NAME, runtime_dir) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    /* Readable to nobody else: who can open it could hold the lock. */
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    *ret_is_first = fd >= 0;
    if (fd < 0 && errno == EEXIST)
        fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        r = -errno;
        close(fd);
    }
    return r;
}

/* Returns when the other daemon answers: whoever started us may rely on it then. */
static int leave_it_to_the_other(const struct run_options *options, struct failure *failure)
{
    struct json_object *reply;

    if (options->foreground)
        return failure_set(failure, EXIT_FAILURE, "already running here (%s/" LOCK_NAME ")",
                           options->runtime_dir);
    for (int waited_us = 0; waited_us < ANSWER_TIMEOUT_MS * 1000; waited_us += PAUSE_US) {
        if (client_ask(options->runtime_dir, client_request("wait"), ANSWER_TIMEOUT_MS, &reply) ==
            0) {
            json_object_put(reply);
            log_info("already running here: 'egressctl status' says how it is");
            return 0;
        }
        usleep(PAUSE_US);
    }
    return failure_set(failure, EX_UNAVAILABLE,
                       "another egressd holds %s/" LOCK_NAME " but does not answer: end it (as "
                       "root), then start this one again",
                       options->runtime_dir);
}

static int start(struct run_options *options, struct failure *failure)
{
    struct daemon_setup setup = {.options = options, .socket = -1};
    int r = check_net_admin(failure);

    options->is_codespace = configuration_is_codespace();
    if (r == 0)
        r = become_daemon(options, failure);
    if (r < 0)
        return failure->exit_code;
    r = take_lock(options->runtime_dir, &options->is_first_start);
    if (r == -EWOULDBLOCK)
        return leave_it_to_the_other(options, failure) < 0 ? failure->exit_code : EXIT_SUCCESS;
    if (r < 0) {
        failure_set(failure, EX_UNAVAILABLE, "cannot write to %s: %s. It must belong to user %d",
                    options->runtime_dir, strerror(-r), PRIVILEGE_UID);
        return failure->exit_code;
    }
    setup.witness = witness_start(); /* without, nobody says which process was refused */
    /* As a container's first process it starts itself again: if it ended, so would the network. */
    if (options->foreground && getpid() != 1)
        return supervisor_run_foreground(daemon_run, &setup);
    /* Before there is a second process: with the supervisor it outlives each daemon, and the table
     * stays owned while there is none. If there is no such socket, the daemon says why. */
    setup.socket = firewall_socket();
    return options->foreground ? supervisor_run_first(daemon_run, &setup)
                               : supervisor_run_background(daemon_run, &setup);
}

int run_main(int argc, char **argv)
{
    static struct run_options options; /* the daemon's, for as long as it lives */
    struct failure failure = {0};
    struct text_error error = {0};
    int code;

    if (privilege_caller_is_untrusted()) {
        take_options_from_pid1(&options);
    } else if (options_parse_run(argc, argv, &options, &error) < 0) {
        log_error("%s", error.message);
        return EX_USAGE;
    }
    if (options.help) {
        fputs(help_text, stdout);
        return EXIT_SUCCESS;
    }
    forget_surroundings();
    code = start(&options, &failure);
    if (failure.text[0])
        log_error("%s", failure.text);
    return code;
}
