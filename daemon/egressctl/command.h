/* SPDX-License-Identifier: MIT */
/* A command of the client: what it is called, what it takes, what it does. Help, completion and
 * manual go by this. One file a command, NAME_command.c; egressctl.c has the list. */
#ifndef EGRESSD_EGRESSCTL_COMMAND_H
#define EGRESSD_EGRESSCTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;
struct json_object;
struct position;

#define COMMAND_OPTIONS_MAX 4

struct command_option {
    const char *name;  /* without its dashes; NULL ends the list */
    char letter;       /* of the short form, or 0 */
    const char *value; /* "SECONDS"; NULL: it takes none */
    const char *summary;
};

struct command {
    const char *name;
    const char *operand;     /* "HOST[:PORT[/udp]]", or in brackets where it may be left out; NULL:
                              * it takes none */
    const char *summary;     /* at most 50 characters, for the list of commands */
    const char *description; /* whole lines of at most 80 columns, for its own help */
    const char *exit_status; /* what 0 and 1 mean; the others are the same for all */
    struct command_option options[COMMAND_OPTIONS_MAX + 1]; /* beside --json and --runtime-dir */
    /* A reply, cleaned by screen_clean, for people. NULL: the command prints by itself. */
    void (*print)(struct json_object *reply);
    /* Returns the exit code. */
    int (*run)(const struct call *call);
};

/* A command with what was said to it. Text is borrowed from argv. */
struct call {
    const struct command *command;
    const char *runtime_dir;
    bool as_json;
    const char *operand;                     /* NULL: none was given */
    const char *values[COMMAND_OPTIONS_MAX]; /* of its options; "": given, and takes none */
    const struct position *caller;           /* what the client was started with */
};

/* Ended by NULL; in the order of the help. */
extern const struct command *const egressctl_commands[];

extern const struct command apply_command;
extern const struct command dashboard_command;
extern const struct command doctor_command;
extern const struct command explain_command;
extern const struct command log_command;
extern const struct command metrics_command;
extern const struct command reload_command;
extern const struct command status_command;
extern const struct command suggest_command;
extern const struct command test_command;
extern const struct command wait_command;

/* The value of an option of the command's own, "" if it takes none, NULL if it was not given. */
const char *call_option(const struct call *call, const char *name);

/* The same as a number, otherwise if it was not given. -EINVAL, said to the user, when it is none
 * or above most. */
int call_number(const struct call *call, const char *name, uint32_t otherwise, uint32_t most,
                uint32_t *ret_number);

#endif
