/* SPDX-License-Identifier: MIT */
/* Arguments that are taken hold no quote and no line end: they are what the shell saw. */
#include <assert.h>
#include <string.h>

#include "devcontainer/pid1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct configuration_arguments arguments;

    if (pid1_parse_arguments((const char *)data, size, &arguments) == 0) {
        assert(!strpbrk(arguments.workspace, "'\n"));
        assert(!strpbrk(arguments.local_workspace, "'\n"));
        assert(!strpbrk(arguments.devcontainer_id, "'\n"));
    }
    return 0;
}
