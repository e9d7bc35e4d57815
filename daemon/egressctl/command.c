/* SPDX-License-Identifier: MIT */
#include "egressctl/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "egressctl/ask.h"

const char *call_option(const struct call *call, const char *name)
{
    const struct command_option *options = call->command->options;

    for (size_t i = 0; options[i].name; i++) {
        if (strcmp(options[i].name, name) == 0)
            return call->values[i];
    }
    return NULL;
}

int call_number(const struct call *call, const char *name, uint32_t otherwise, uint32_t most,
                uint32_t *ret_number)
{
    const char *text = call_option(call, name);
    unsigned long number = otherwise;

    if (text) {
        number = strtoul(text, NULL, 10);
        if (*text == '\0' || strspn(text, "0123456789") != strlen(text) || number > most) {
            complain("--%s takes a number, at most %u, and '%s' is none", name, most, text);
            return -EINVAL;
        }
    }
    *ret_number = (uint32_t)number;
    return 0;
}
