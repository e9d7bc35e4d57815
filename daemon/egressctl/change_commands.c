/* SPDX-License-Identifier: MIT */
/* apply and reload: root changes what is enforced. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "egressctl/ask.h"
#include "egressctl/change.h"
#include "egressctl/command.h"
#include "egressctl/screen.h"

static void print_change_done(struct json_object *reply)
{
    print_change(reply);
    printf("%s\n", screen_text(reply, "message"));
}

static int run_change(const struct call *call)
{
    struct json_object *reply;
    int r = ask_and_show(call, &reply);

    if (r != 0)
        return r;
    json_object_put(reply);
    return EXIT_SUCCESS;
}

const struct command apply_command = {
    .name = "apply",
    .summary = "adopts the workspace's edited policy (root)",
    .description = "Adopts the workspace's devcontainer.json as it is now, and prints what that\n"
                   "changes. Before, 'egressctl status' shows the change as pending. For root.\n",
    .exit_status = "0 adopted",
    .print = print_change_done,
    .run = run_change,
};

const struct command reload_command = {
    .name = "reload",
    .summary = "reads the policy files again (root)",
    .description =
        "Reads the policy files in /etc/egressd again, and prints what that changes. The\n"
        "workspace's own policy stays as it is: 'egressctl apply' adopts that. For\n"
        "root.\n",
    .exit_status = "0 read",
    .print = print_change_done,
    .run = run_change,
};
