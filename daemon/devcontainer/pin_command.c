/* SPDX-License-Identifier: MIT */
#include "devcontainer/pin_command.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

#include "devcontainer/configuration.h"
#include "policy/describe.h"

#define STATE_DIR "/var/lib/egressd"

static const char usage[] =
    "usage: egressd pin [--state-dir DIR] FILE\n"
    "\n"
    "While an image is built, as root: pins the policy in FILE, a devcontainer.json, so that a\n"
    "container of this image enforces it whatever becomes of FILE. FILE is named as it will be in\n"
    "the container, where --devcontainer names it too: a later edit is shown as pending, and the\n"
    "next build adopts it. /etc/egressd/feature.json has to say \"workspacePolicy\": \"pin\".\n"
    "Prints what is pinned. Exits with 0, or with 78 and the place of the error.\n";

static int pin_file(const struct configuration_request *request)
{
    struct configuration configuration = {0};
    struct configuration_error error = {0};
    char text[CONFIGURATION_ERROR_TEXT_SIZE];

    if (configuration_apply(request, &configuration, &error) < 0) {
        fprintf(stderr, "%s\n", configuration_error_format(&error, text));
        return EX_CONFIG;
    }
    if (!configuration.pinned)
        fprintf(stderr, "egressd pin: nothing was pinned, for /etc/egressd/feature.json does not "
                        "say \"workspacePolicy\": \"pin\"\n");
    else
        policy_describe(configuration.policy, stdout);
    configuration_done(&configuration);
    return configuration.pinned ? EX_OK : EX_CONFIG;
}

int pin_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"state-dir", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct configuration_request request = {.state_dir = STATE_DIR};
    int option;

    optind = 0; /* glibc and musl: begin anew */
    opterr = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) == 's')
        request.state_dir = optarg;
    if (option == 'h') {
        fputs(usage, stdout);
        return EX_OK;
    }
    if (option != -1 || argc - optind != 1) {
        fprintf(stderr, "egressd pin: one FILE is needed\n\n%s", usage);
        return EX_USAGE;
    }
    request.devcontainer_file = argv[optind];
    return pin_file(&request);
}
