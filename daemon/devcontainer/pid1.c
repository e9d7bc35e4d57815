/* SPDX-License-Identifier: MIT */
#include "devcontainer/pid1.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "devcontainer/file.h"

#define ENTRYPOINT "/usr/local/share/egressd/entrypoint.sh"
#define COMMAND_LINE_SIZE_MAX (1024 * 1024)
#define ENVIRONMENT_SIZE_MAX (1024 * 1024)

/* The tools put each Feature's entrypoint on a line of its own of a script for 'sh -c'. A NUL ends
 * a line as well: it ends the argument that the script is. */
static size_t measure_line(const char *line, size_t left)
{
    size_t length = 0;

    while (length < left && line[length] != '\n' && line[length] != '\0')
        length++;
    return length;
}

static bool is_entrypoint_line(const char *line, size_t length)
{
    const size_t own = strlen(ENTRYPOINT);

    return length > own && memcmp(line, ENTRYPOINT, own) == 0 && line[own] == ' ';
}

/* " 'ARGUMENT'", then a space or the end. The tools substitute without any quoting: an argument
 * with a quote in it would be something else to the shell than to us, so none is taken. */
static int read_argument(const char **at, const char *end,
                         char ret_argument[static CONFIGURATION_PATH_SIZE])
{
    const char *from, *close;
    size_t length;

    if (end - *at < 3 || (*at)[0] != ' ' || (*at)[1] != '\'')
        return -EBADMSG;
    from = *at + 2;
    close = memchr(from, '\'', (size_t)(end - from));
    if (!close || (close + 1 < end && close[1] != ' '))
        return -EBADMSG;
    length = (size_t)(close - from);
    if (length >= CONFIGURATION_PATH_SIZE)
        return -EBADMSG;
    memcpy(ret_argument, from, length);
    ret_argument[length] = '\0';
    *at = close + 1;
    return 0;
}

static int read_arguments(const char *at, const char *end,
                          struct configuration_arguments *ret_arguments)
{
    struct configuration_arguments arguments = {.workspace = ""};
    int r = read_argument(&at, end, arguments.workspace);

    if (r == 0)
        r = read_argument(&at, end, arguments.local_workspace);
    if (r == 0)
        r = read_argument(&at, end, arguments.devcontainer_id);
    if (r == 0)
        *ret_arguments = arguments;
    return r;
}

int pid1_parse_arguments(const char *command_line, size_t size,
                         struct configuration_arguments *ret_arguments)
{
    const char *at = command_line, *end = command_line + size;

    while (at < end) {
        size_t length = measure_line(at, (size_t)(end - at));

        if (is_entrypoint_line(at, length))
            return read_arguments(at + strlen(ENTRYPOINT), at + length, ret_arguments);
        at += length;
        if (at < end)
            at++;
    }
    return -ENOENT;
}

int configuration_arguments_from_pid1(struct configuration_arguments *ret_arguments)
{
    char *command_line;
    size_t size;
    int r = file_read("/proc/1/cmdline", COMMAND_LINE_SIZE_MAX, &command_line, &size, NULL);

    if (r < 0)
        return r;
    r = pid1_parse_arguments(command_line, size, ret_arguments);
    free(command_line);
    return r;
}

bool pid1_environment_is_codespace(const char *environment, size_t size)
{
    static const char variable[] = "CODESPACES=true";
    const char *end = environment + size;

    for (const char *at = environment; at < end; at += strnlen(at, (size_t)(end - at)) + 1)
        if (strnlen(at, (size_t)(end - at)) == strlen(variable) &&
            memcmp(at, variable, strlen(variable)) == 0)
            return true;
    return false;
}

bool configuration_is_codespace(void)
{
    char *environment;
    size_t size;
    bool is_codespace;

    if (file_read("/proc/1/environ", ENVIRONMENT_SIZE_MAX, &environment, &size, NULL) < 0)
        return false;
    is_codespace = pid1_environment_is_codespace(environment, size);
    free(environment);
    return is_codespace;
}
