/* SPDX-License-Identifier: MIT */
#include "devcontainer/check.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "devcontainer/configuration.h"
#include "devcontainer/document.h"
#include "policy/describe.h"

static const char usage[] =
    "usage: egressd check [FILE...]\n"
    "\n"
    "Compiles the policy in FILE, a devcontainer.json or a policy by itself, and prints it with\n"
    "what may not be meant. Several files make one policy. Without FILE: what the image holds in\n"
    "/etc/egressd. Exits with 0, or with 78 and the place of the error.\n";

static int fill_builder(int count, char **files, struct policy_builder *builder,
                        struct configuration_error *reterr)
{
    if (count == 0)
        return configuration_read_baked("", builder, reterr);
    for (int i = 0; i < count; i++) {
        int r = configuration_read_file(files[i], builder, reterr);

        if (r < 0)
            return r;
    }
    return 0;
}

static int check_files(int count, char **files)
{
    struct policy_builder *builder = policy_builder_new();
    struct configuration_error error = {0};
    char text[CONFIGURATION_ERROR_TEXT_SIZE];
    struct policy *policy = NULL;
    int r = fill_builder(count, files, builder, &error);

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
    int first = 1;

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        return EX_OK;
    }
    if (argc > 1 && strcmp(argv[1], "--") == 0)
        first = 2;
    else if (argc > 1 && argv[1][0] == '-') {
        fprintf(stderr, "egressd check: unknown option '%s'\n\n%s", argv[1], usage);
        return EX_USAGE;
    }
    return check_files(argc > first ? argc - first : 0, argv + first);
}
