/* SPDX-License-Identifier: MIT */
#include "doctor/whole_machine.h"

#include <dirent.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOCKER_BRIDGE "docker0"
#define DOCKER_ENGINE "dockerd"
/* Of the sysctls under net.core, this one exists in the kernel's first network namespace alone
 * (net/core/sysctl_net_core.c: net_core_table). */
#define FIRST_NAMESPACE_ONLY "/proc/sys/net/core/dev_weight"

/* Namespaces of other kinds, and the numbers that the kernel's first always have (linux/proc_ns.h:
 * PROC_PID_INIT_INO and so on). */
static const struct {
    const char *path;
    ino_t first;
} namespaces[] = {
    {"/proc/self/ns/pid", 0xEFFFFFFC},
    {"/proc/self/ns/uts", 0xEFFFFFFE},
    {"/proc/self/ns/ipc", 0xEFFFFFFF},
    {"/proc/self/ns/cgroup", 0xEFFFFFFB},
};

static bool is_docker_engine(const char *id)
{
    char path[64], found[64];
    FILE *file;
    bool is_same;

    snprintf(path, sizeof(path), "/proc/%.20s/comm", id);
    file = fopen(path, "re");
    if (!file)
        return false;
    is_same = fgets(found, sizeof(found), file) && strcmp(found, DOCKER_ENGINE "\n") == 0;
    fclose(file);
    return is_same;
}

/* Docker in Docker has a bridge here too, but its engine is here with it. */
static bool has_docker_engine(void)
{
    DIR *processes = opendir("/proc");
    struct dirent *item;
    bool found = false;

    while (processes && !found && (item = readdir(processes)))
        found = item->d_name[0] >= '1' && item->d_name[0] <= '9' && is_docker_engine(item->d_name);
    if (processes)
        closedir(processes);
    return found;
}

bool whole_machine_has_this_network(void)
{
    return access(FIRST_NAMESPACE_ONLY, F_OK) == 0;
}

/* One namespace of any kind tells a container, which may have been given some of the machine's; a
 * file that engines put there is in the images of virtual machines too. */
static bool is_in_container(void)
{
    struct stat status;

    for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
        if (stat(namespaces[i].path, &status) == 0 && status.st_ino != namespaces[i].first)
            return true;
    return false;
}

const char *whole_machine_sign(void)
{
    const bool is_first = whole_machine_has_this_network();

    if (if_nametoindex(DOCKER_BRIDGE) != 0 && (is_first || !has_docker_engine()))
        return "Docker's bridge is in here";
    if (is_first && is_in_container())
        return "it is the machine's own network namespace";
    return NULL;
}
