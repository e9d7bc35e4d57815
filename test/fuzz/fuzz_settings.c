/* SPDX-License-Identifier: MIT */
/* What the Feature's options say, through the file as it is read: refused with a place in it, or
 * one of the three ways with a workspace's policy. Nothing that is not understood loosens any. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devcontainer/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings settings = {.workspace_policy = CONFIGURATION_PIN, .config = "untouched"};
    struct configuration_error error = {0};
    int fd = memfd_create("settings", MFD_CLOEXEC);
    char path[64];

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (settings_read(path, &settings, &error) < 0) {
        assert(error.text.message[0] && strcmp(error.file, path) == 0);
        assert(settings.workspace_policy == CONFIGURATION_PIN);
        assert(strcmp(settings.config, "untouched") == 0);
    } else {
        assert(memchr(settings.config, '\0', sizeof(settings.config)));
        /* What is not "pin" was said in so many words. */
        assert(settings.workspace_policy == CONFIGURATION_PIN ||
               settings.workspace_policy == CONFIGURATION_FOLLOW ||
               settings.workspace_policy == CONFIGURATION_IGNORE);
        assert(settings.workspace_policy == CONFIGURATION_PIN ||
               memmem(data, size, "workspacePolicy", strlen("workspacePolicy")) ||
               memchr(data, '\\', size));
    }
    close(fd);
    return 0;
}
