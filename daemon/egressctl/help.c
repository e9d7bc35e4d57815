/* SPDX-License-Identifier: MIT */
#include "egressctl/help.h"

#include "control/protocol.h"
#include "egressctl/command.h"

#define COMMAND_WIDTH 28
#define OPTION_WIDTH 21

static const struct command_option common_options[] = {
    {"json", 0, NULL, "prints one line of JSON instead of text for people"},
    {"runtime-dir", 0, "DIR", "where the daemon's socket is (default: " CONTROL_RUNTIME_DIR ")"},
    {"help", 'h', NULL, "prints this"},
    {NULL},
};

static void print_options(FILE *stream, const struct command_option *options)
{
    for (; options->name; options++) {
        char text[64];

        snprintf(text, sizeof(text), "%c%c%s--%s%s%s", options->letter ? '-' : ' ',
                 options->letter ? options->letter : ' ', options->letter ? ", " : "  ",
                 options->name, options->value ? " " : "", options->value ? options->value : "");
        fprintf(stream, "  %-*s %s\n", OPTION_WIDTH + 4, text, options->summary);
    }
}

static const char other_statuses[] =
    "64 usage, 69 no daemon answers, 77 not permitted, 78 the configuration is wrong.\n";

static void print_command(FILE *stream, const struct command *command)
{
    fprintf(stream, "Usage: egressctl %s%s%s [OPTIONS]\n\n%s\n", command->name,
            command->operand ? " " : "", command->operand ? command->operand : "",
            command->description);
    print_options(stream, command->options);
    print_options(stream, common_options);
    fprintf(stream, "\nExit status: %s;\n%s", command->exit_status, other_statuses);
}

static void print_all(FILE *stream)
{
    fputs("Usage: egressctl COMMAND [OPTIONS]\n"
          "\n"
          "Asks egressd what this container may reach, and what it has refused.\n"
          "\n",
          stream);
    for (size_t i = 0; egressctl_commands[i]; i++) {
        const struct command *command = egressctl_commands[i];
        char text[64];

        snprintf(text, sizeof(text), "%s %s", command->name,
                 command->operand ? command->operand : "");
        fprintf(stream, "  %-*s%s\n", COMMAND_WIDTH, text, command->summary);
    }
    fputs("\n"
          "Options of every command; 'egressctl COMMAND --help' tells its own:\n"
          "\n",
          stream);
    print_options(stream, common_options);
    fputs("      --version             prints the version\n", stream);
    fprintf(stream,
            "\nExit status: 0 yes (enforcing, allowed, done), 1 no (not enforcing, refused);\n%s",
            other_statuses);
}

void help_print(FILE *stream, const struct command *command)
{
    if (command)
        print_command(stream, command);
    else
        print_all(stream);
}
