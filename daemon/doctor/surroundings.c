/* SPDX-License-Identifier: MIT */
/* What was put into the container, or is shared with its host. */
#include "doctor/checks.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "devcontainer/file.h"
#include "doctor/whole_machine.h"

#define STAT_SIZE_MAX 4096
#define STARTED_FIELD 20 /* of /proc/PID/stat, counted from behind the name: proc(5), 22 */
#define LATE_S 15

/* --- sockets ---------------------------------------------------------------------------------- */

static const char *const engine_sockets[] = {
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/crio/crio.sock",
    "/run/containerd/containerd.sock",
};

static bool is_socket(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* Not blocking: somebody may hold a socket there and never accept. */
static bool can_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_connected;

    if (fd < 0)
        return false;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    is_connected = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return is_connected;
}

/* /var/run is mostly /run. */
static bool is_same_file(const char *a, const char *b)
{
    struct stat of_a, of_b;

    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

/* The daemon's own rights say nothing about anybody's: that there is a socket has to do. */
bool check_engine_socket(enum doctor_viewpoint viewpoint, const struct position *position,
                         char ret_detail[static DOCTOR_DETAIL_SIZE])
{
    bool is_found = false;

    (void)position;
    for (size_t i = 0; i < sizeof(engine_sockets) / sizeof(engine_sockets[0]); i++) {
        const char *path = engine_sockets[i];

        if (!is_socket(path) || (viewpoint == DOCTOR_CALLER && !can_connect(path)) ||
            (i == 1 && is_same_file(path, engine_sockets[0])))
            continue;
        check_add_detail(ret_detail, path);
        is_found = true;
    }
    return is_found;
}

/* --- files ------------------------------------------------------------------------------------ */

bool check_writable_files(enum doctor_viewpoint viewpoint, const struct position *position,
                          char ret_detail[static DOCTOR_DETAIL_SIZE])
{
    static const char *const paths[] = {
        "/usr/local/sbin",
        "/usr/local/sbin/egressd",
        "/usr/local/share/egressd",
        "/etc/egressd",
        "/usr/local/share/egressd/entrypoint.sh",
        "/etc/egressd/policy.json",
        "/etc/egressd/policy.d",
        "/etc/egressd/groups.d",
        "/etc/egressd/feature.json",
        "/var/lib/egressd",
        "/run/egressd",
    };
    bool is_found = false;

    (void)viewpoint;
    for (size_t i = 0; position->uid != 0 && i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (access(paths[i], W_OK) < 0)
            continue;
        check_add_detail(ret_detail, paths[i]);
        is_found = true;
    }
    return is_found;
}

bool check_resolv_conf(enum doctor_viewpoint viewpoint, const struct position *position,
                       char ret_detail[static DOCTOR_DETAIL_SIZE])
{
    static const char path[] = "/etc/resolv.conf";
    struct stat status;

    (void)ret_detail;
    if (viewpoint == DOCTOR_CALLER)
        return position->uid != 0 && access(path, W_OK) == 0;
    return stat(path, &status) == 0 && (status.st_uid != 0 || status.st_mode & S_IWOTH);
}

/* --- namespaces ------------------------------------------------------------------------------- */

bool check_host_network(enum doctor_viewpoint viewpoint, const struct position *position,
                        char ret_detail[static DOCTOR_DETAIL_SIZE])
{
    (void)viewpoint;
    (void)position;
    (void)ret_detail;
    return whole_machine_has_this_network();
}

/* The kernel's threads have their parent in the first process namespace. */
bool check_host_processes(enum doctor_viewpoint viewpoint, const struct position *position,
                          char ret_detail[static DOCTOR_DETAIL_SIZE])
{
    bool is_host = false;
    char *name;
    size_t size;

    (void)viewpoint;
    (void)position;
    (void)ret_detail;
    if (file_read("/proc/2/comm", STAT_SIZE_MAX, &name, &size, NULL) == 0) {
        is_host = strcmp(name, "kthreadd\n") == 0;
        free(name);
    }
    return is_host;
}

/* --- time ------------------------------------------------------------------------------------- */

/* Behind the name, which is of the process's own choice and may hold anything. */
long long check_read_start(const char *stat)
{
    const char *at = strrchr(stat, ')');

    for (int i = 0; at && i < STARTED_FIELD; i++)
        at = strchr(at + 1, ' ');
    return at ? strtoll(at, NULL, 10) : -1;
}

/* Seconds from the machine's start to the process's; negative when nobody knows. */
static long long started_s(const char *path)
{
    long long ticks;
    char *text;
    size_t size;

    if (file_read(path, STAT_SIZE_MAX, &text, &size, NULL) < 0)
        return -1;
    ticks = check_read_start(text);
    free(text);
    return ticks < 0 ? -1 : ticks / sysconf(_SC_CLK_TCK);
}

/* Of the Feature alone: who starts the daemon by hand knows when. The supervisor's start counts, a
 * daemon that it started again is no later. */
bool check_late_start(enum doctor_viewpoint viewpoint, const struct position *position,
                      char ret_detail[static DOCTOR_DETAIL_SIZE])
{
    long long container, supervisor;
    char path[64];

    (void)viewpoint;
    (void)position;
    if (access("/etc/egressd/feature.json", F_OK) < 0)
        return false;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)getppid());
    container = started_s("/proc/1/stat");
    supervisor = started_s(path);
    if (container < 0 || supervisor < container + LATE_S)
        return false;
    snprintf(ret_detail, DOCTOR_DETAIL_SIZE, "%lld s", supervisor - container);
    return true;
}
