/* SPDX-License-Identifier: MIT */
#include "doctor/whole_machine.h"

#include <dirent.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DOCKER_BRIDGE "docker0"
#define DOCKER_ENGINE "dockerd"
/* Of the sysctls under net.core, this one exists in the kernel's first network namespace alone
 * (net/core/sysctl_net_core.c: net_core_table). */
#define FIRST_NAMESPACE_ONLY "/proc/sys/net/core/dev_weight"

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

bool whole_machine_is_here(void)
{
    return if_nametoindex(DOCKER_BRIDGE) != 0 &&
           (whole_machine_has_this_network() || !has_docker_engine());
}
