/* SPDX-License-Identifier: MIT */
#include "egressctl/egressctl.h"

#include <sysexits.h>

#include "control/protocol.h"
#include "egressctl/command.h"
#include "egressctl/command_line.h"
#include "egressctl/screen.h"

const struct command *const egressctl_commands[] = {
    &status_command, &log_command,       &explain_command, &suggest_command,
    &test_command,   &wait_command,      &doctor_command,  &apply_command,
    &reload_command, &dashboard_command, &metrics_command, NULL,
};

int egressctl_main(int argc, char **argv, const struct position *caller)
{
    struct call call = {.runtime_dir = CONTROL_RUNTIME_DIR, .caller = caller};
    int code = EX_USAGE;

    screen_open();
    if (command_line_parse(argc, argv, &call, &code) < 0)
        return code;
    return call.command->run(&call);
}
