/* SPDX-License-Identifier: MIT */
/* egressd and egressctl: one program under two names. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/privilege.h"
#include "devcontainer/check.h"
#include "devcontainer/groups_command.h"
#include "devcontainer/pin_command.h"
#include "doctor/position.h"
#include "egressctl/egressctl.h"
#include "run/help.h"
#include "run/run.h"

/* For the parts that need no power: their caller may have got some with the file (non-root users).
 */
static int renounce(int (*give_up)(void))
{
    if (!privilege_caller_is_untrusted() || give_up() == 0)
        return 0;
    log_error("cannot give up capabilities: going no further");
    return -EPERM;
}

static int install_capabilities(int argc, char **argv)
{
    int r;

    if (argc != 2) {
        log_error("usage: egressd install-capabilities PATH");
        return EX_USAGE;
    }
    r = privilege_install_file_capabilities(argv[1]);
    if (r == 0)
        return EXIT_SUCCESS;
    log_error("cannot give %s its capabilities: %s. It must be a file on a file system with "
              "extended attributes, and this must be root",
              argv[1], strerror(-r));
    return EX_NOPERM;
}

static int print_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fputs(help_text, stdout);
    return EXIT_SUCCESS;
}

static int print_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("egressd " EGRESSD_VERSION);
    return EXIT_SUCCESS;
}

enum power { NEEDS_POWER, NEEDS_NONE };

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    enum power power;
} commands[] = {
    {"run", run_main, NEEDS_POWER},
    {"check", check_main, NEEDS_NONE},
    {"groups", groups_main, NEEDS_NONE},
    {"pin", pin_main, NEEDS_NONE},
    {"install-capabilities", install_capabilities, NEEDS_NONE},
    {"--help", print_help, NEEDS_NONE},
    {"-h", print_help, NEEDS_NONE},
    {"--version", print_version, NEEDS_NONE},
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int run_client(int argc, char **argv)
{
    struct position caller;

    position_of_caller(&caller);
    if (renounce(privilege_renounce_own) < 0)
        return EX_NOPERM;
    return egressctl_main(argc, argv, &caller);
}

int main(int argc, char **argv)
{
    if (argc > 0 && strcmp(base_name(argv[0]), "egressctl") == 0)
        return run_client(argc, argv);

    for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        if (commands[i].power == NEEDS_NONE && renounce(privilege_renounce) < 0)
            return EX_NOPERM;
        return commands[i].run(argc - 1, argv + 1);
    }
    if (argc > 1)
        log_error("there is no command '%s'", argv[1]);
    fputs(help_text, stderr);
    return EX_USAGE;
}
