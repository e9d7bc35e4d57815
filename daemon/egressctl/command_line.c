/* SPDX-License-Identifier: MIT */
#include "egressctl/command_line.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "egressctl/ask.h"
#include "egressctl/command.h"
#include "egressctl/help.h"

/* Of getopt_long. A command's own options have their place in its list, from OPTION_OWN on. */
enum option_id { OPTION_RUNTIME_DIR = 256, OPTION_JSON, OPTION_VERSION, OPTION_OWN };

static const struct option common_options[] = {
    {"runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
};
#define COMMON_COUNT (sizeof(common_options) / sizeof(common_options[0]))

/* What getopt_long wants to be told, for one command or, before there is one, for none. */
struct accepted {
    struct option options[COMMON_COUNT + COMMAND_OPTIONS_MAX + 1];
    char letters[2 * COMMAND_OPTIONS_MAX + 4];
};

static void accept_options(const struct command *command, struct accepted *ret_accepted)
{
    struct accepted accepted = {.letters = "+h"}; /* up to the command */

    memcpy(accepted.options, common_options, sizeof(common_options));
    if (command) {
        char *letter = stpcpy(accepted.letters, "h"); /* anywhere behind it */

        for (size_t i = 0; command->options[i].name; i++) {
            const struct command_option *option = &command->options[i];

            accepted.options[COMMON_COUNT + i] =
                (struct option){option->name, option->value ? required_argument : no_argument, NULL,
                                OPTION_OWN + (int)i};
            if (option->letter)
                *letter++ = option->letter;
            if (option->letter && option->value)
                *letter++ = ':';
        }
    }
    *ret_accepted = accepted;
}

/* The place of a command's own option in its list: getopt_long() knows no others of these. */
static size_t own_option(const struct command *command, int id)
{
    size_t i = 0;

    if (id >= OPTION_OWN)
        return (size_t)(id - OPTION_OWN);
    assert(command);
    while (command->options[i].letter != id)
        i++;
    return i;
}

static int end(int code, int *ret_code)
{
    *ret_code = code;
    return -ECANCELED;
}

static int parse_options(int argc, char **argv, struct call *call, int *ret_code)
{
    const char *name = call->command ? call->command->name : "";
    struct accepted accepted;
    int id;

    accept_options(call->command, &accepted);
    opterr = 0;
    optind = 0;
    while ((id = getopt_long(argc, argv, accepted.letters, accepted.options, NULL)) != -1) {
        if (id == '?') {
            complain("option '%s' is not understood or lacks its value: see egressctl%s%s --help",
                     argv[optind - 1], *name ? " " : "", name);
            return end(EX_USAGE, ret_code);
        } else if (id == 'h') {
            help_print(stdout, call->command);
            return end(EXIT_SUCCESS, ret_code);
        } else if (id == OPTION_VERSION) {
            printf("egressctl %s\n", EGRESSD_VERSION);
            return end(EXIT_SUCCESS, ret_code);
        } else if (id == OPTION_RUNTIME_DIR) {
            call->runtime_dir = optarg;
        } else if (id == OPTION_JSON) {
            call->as_json = true;
        } else {
            call->values[own_option(call->command, id)] = optarg ? optarg : "";
        }
    }
    return 0;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; egressctl_commands[i]; i++) {
        if (strcmp(egressctl_commands[i]->name, name) == 0)
            return egressctl_commands[i];
    }
    return NULL;
}

static int parse_operand(int argc, char **argv, struct call *call, int *ret_code)
{
    const struct command *command = call->command;

    if (command->operand && optind < argc)
        call->operand = argv[optind++];
    if (optind < argc) {
        complain("'%s' is one argument too many: see egressctl %s --help", argv[optind],
                 command->name);
        return end(EX_USAGE, ret_code);
    }
    if (command->operand && command->operand[0] != '[' && !call->operand) {
        complain("%s what? egressctl %s %s", command->name, command->name, command->operand);
        return end(EX_USAGE, ret_code);
    }
    return 0;
}

int command_line_parse(int argc, char **argv, struct call *ret_call, int *ret_code)
{
    int r = parse_options(argc, argv, ret_call, ret_code);

    if (r < 0)
        return r;
    if (optind >= argc) {
        help_print(stderr, NULL);
        return end(EX_USAGE, ret_code);
    }
    ret_call->command = find_command(argv[optind]);
    if (!ret_call->command) {
        complain("there is no command '%s': see egressctl --help", argv[optind]);
        return end(EX_USAGE, ret_code);
    }
    argc -= optind;
    argv += optind;
    r = parse_options(argc, argv, ret_call, ret_code);
    return r < 0 ? r : parse_operand(argc, argv, ret_call, ret_code);
}
