/* SPDX-License-Identifier: MIT */
#include "whole_machine.h"

#include <net/if.h>
#include <stdlib.h>
#include <unistd.h>

#define DOCKER_BRIDGE "docker0"
#define CODESPACES_FOLDER "/workspaces/.codespaces"
/* Of the sysctls under net.core, this one exists in the kernel's first network namespace alone
 * (net/core/sysctl_net_core.c: net_core_table). */
#define FIRST_NAMESPACE_ONLY "/proc/sys/net/core/dev_weight"

static bool is_codespace(void)
{
    return getenv("CODESPACES") || access(CODESPACES_FOLDER, F_OK) == 0;
}

bool whole_machine_is_here(void)
{
    return if_nametoindex(DOCKER_BRIDGE) != 0 &&
           (is_codespace() || access(FIRST_NAMESPACE_ONLY, F_OK) == 0);
}
