/* SPDX-License-Identifier: MIT */
#include "devcontainer/check.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

#include "devcontainer/configuration.h"
#include "devcontainer/document.h"
#include "policy/describe.h"

static const char usage[] =
    "usage: egressd check [--groups DIR] [FILE...]\n"
    "\n"
    "Compiles the policy in FILE, a devcontainer.json or a policy by itself, and prints it with\n"
    "what may not be meant. Several files make one policy. Without FILE: what the image holds in\n"
    "/etc/egressd. Groups besides the shipped ones are read from /etc/egressd/groups.d, or from\n"
    "DIR. Exits with 0, or with 78 and the place of the error.\n";

static int fill_builder(const char *groups, int count, char **files, struct policy_builder *builder,
                        struct configuration_error *reterr)
{
    int r = configuration_read_groups(groups, builder, reterr);

    if (r == 0 && count == 0)
        return configuration_read_baked("", builder, reterr);
    for (int i = 0; r == 0 && i < count; i++)
        r = configuration_read_file(files[i], builder, reterr);
    return r;
}

static int check_files(const char *groups, int count, char **files)
{
    struct policy_builder *builder = policy_builder_new();
    struct configuration_error error = {0};
    char text[CONFIGURATION_ERROR_TEXT_SIZE];
    struct policy *policy = NULL;
    int r = fill_builder(groups, count, files, builder, &error);

    if (r == 0 && policy_build(builder, &policy, &error.text) < 0) {
        configuration_error_place(&error, "");
        r = -1;
    }
    policy_builder_free(builder);
    if (r < 0) {
        fprintf(stderr, "%s\n", configuration_error_format(&error, text));
        return EX_CONFIG;
    }
    policy_describe(policy, stdout);
    policy_free(policy);
    return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

int check_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"groups", required_argument, NULL, 'g'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *groups = CONFIGURATION_GROUPS_FOLDER;
    int option;

    optind = 0; /* glibc and musl: begin anew */
    opterr = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return EX_OK;
        }
        if (option != 'g') {
            fprintf(stderr, "egressd check: '%s' is not understood\n\n%s", argv[optind - 1], usage);
            return EX_USAGE;
        }
        groups = optarg;
    }
    return check_files(groups, argc - optind, argv + optind);
}
