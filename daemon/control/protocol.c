/* SPDX-License-Identifier: MIT */
#include "control/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

int control_socket_path(const char *runtime_dir, char ret_path[static CONTROL_SOCKET_PATH_SIZE])
{
    char path[CONTROL_SOCKET_PATH_SIZE];
    int length = snprintf(path, sizeof(path), "%s/" CONTROL_SOCKET_NAME, runtime_dir);

    if (length < 0 || (size_t)length >= sizeof(path))
        return -ENAMETOOLONG;
    snprintf(ret_path, CONTROL_SOCKET_PATH_SIZE, "%s", path);
    return 0;
}

unsigned long long control_network(void)
{
    struct stat info;

    return stat("/proc/self/ns/net", &info) == 0 ? info.st_ino : 0;
}
