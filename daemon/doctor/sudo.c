/* SPDX-License-Identifier: MIT */
/* Becoming root without a password. The caller tries it; the daemon, which must not run programs,
 * reads the rules while it may. */
#include "doctor/checks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "devcontainer/file.h"

#define TIMEOUT_MS 5000
#define RULES_SIZE_MAX (1024 * 1024)
#define ANSWER_SIZE 16384

/* --- trying ----------------------------------------------------------------------------------- */

static pid_t start(char *const argv[], int output)
{
    posix_spawn_file_actions_t files;
    pid_t child = -1;

    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (posix_spawn(&child, argv[0], &files, NULL, argv, environ) != 0)
        child = -1;
    posix_spawn_file_actions_destroy(&files);
    return child;
}

/* To the end of what it says, or of our patience. */
static void read_answer(int fd, char answer[static ANSWER_SIZE])
{
    uint64_t end_ms = clock_now_ms() + TIMEOUT_MS, now_ms;
    size_t used = 0;

    while (used < ANSWER_SIZE - 1 && (now_ms = clock_now_ms()) < end_ms) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        ssize_t got = poll(&waiting, 1, (int)(end_ms - now_ms));

        if (got > 0)
            got = read(fd, answer + used, ANSWER_SIZE - 1 - used);
        if (got <= 0 && !(got < 0 && errno == EINTR))
            break;
        used += got > 0 ? (size_t)got : 0;
    }
    answer[used] = '\0';
}

/* Whether it ended well; it cannot be ended by us once it is root, so it is not waited for then. */
static bool ended_well(pid_t child)
{
    int status = -1;

    for (int waited_ms = 0; waited_ms < TIMEOUT_MS; waited_ms += 10) {
        if (waitpid(child, &status, WNOHANG) != 0)
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        poll(NULL, 0, 10);
    }
    kill(child, SIGKILL);
    return false;
}

/* Returns whether the command succeeded. */
static bool run(char *const argv[], char ret_answer[static ANSWER_SIZE])
{
    int ends[2];
    pid_t child;

    ret_answer[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    child = start(argv, ends[1]);
    close(ends[1]);
    if (child > 0)
        read_answer(ends[0], ret_answer);
    close(ends[0]);
    return child > 0 && ended_well(child);
}

/* -n: never ask for a password; -k: forget that one was given a while ago. */
static bool try_sudo(char *path)
{
    char answer[ANSWER_SIZE];
    char *const list[] = {path, "-n", "-l", NULL};
    char *const become[] = {path, "-n", "-k", "true", NULL};

    return (run(list, answer) && strstr(answer, "NOPASSWD")) || run(become, answer);
}

static bool try_doas(char *path)
{
    char answer[ANSWER_SIZE];
    char *const become[] = {path, "-n", "true", NULL};

    return run(become, answer);
}

static bool try_programs(char ret_detail[static DOCTOR_DETAIL_SIZE])
{
    static const struct {
        const char *name;
        bool (*try)(char *path);
    } programs[] = {{"sudo", try_sudo}, {"doas", try_doas}};
    bool is_found = false;

    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        char *path = check_find_setuid(programs[i].name);

        if (path && programs[i].try(path)) {
            check_add_detail(ret_detail, programs[i].name);
            is_found = true;
        }
        free(path);
    }
    return is_found;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A NUL ends nothing: what stands behind it is a rule all the same. */
bool check_find_rule(const char *text, size_t size, const char *word)
{
    const char *end = text + size;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *line_end = newline ? newline : end;

        while (text < line_end && (*text == ' ' || *text == '\t'))
            text++;
        if (text < line_end && *text != '#' &&
            memmem(text, (size_t)(line_end - text), word, strlen(word)))
            return true;
        text = newline ? newline + 1 : end;
    }
    return false;
}

static bool has_rule(const char *path, const char *word)
{
    bool is_found;
    char *text;
    size_t size;

    if (file_read(path, RULES_SIZE_MAX, &text, &size, NULL) < 0)
        return false;
    is_found = check_find_rule(text, size, word);
    free(text);
    return is_found;
}

static bool has_rule_in(const char *folder, const char *word)
{
    DIR *directory = opendir(folder);
    bool is_found = false;
    struct dirent *item;

    while (directory && !is_found && (item = readdir(directory))) {
        char *path = xasprintf("%s/%s", folder, item->d_name);

        /* As sudo(8) does: no dot, no tilde at the end. */
        is_found = !strchr(item->d_name, '.') && !strchr(item->d_name, '~') && has_rule(path, word);
        free(path);
    }
    if (directory)
        closedir(directory);
    return is_found;
}

static bool read_rules(char ret_detail[static DOCTOR_DETAIL_SIZE])
{
    static const char *const words[] = {"NOPASSWD", "!authenticate"};
    char *sudo = check_find_setuid("sudo"), *doas = check_find_setuid("doas");
    bool is_found = false;

    for (size_t i = 0; sudo && i < sizeof(words) / sizeof(words[0]) && !is_found; i++)
        is_found = has_rule("/etc/sudoers", words[i]) || has_rule_in("/etc/sudoers.d", words[i]);
    if (is_found)
        check_add_detail(ret_detail, "sudo");
    if (doas && has_rule("/etc/doas.conf", "nopass")) {
        check_add_detail(ret_detail, "doas");
        is_found = true;
    }
    free(doas);
    free(sudo);
    return is_found;
}

bool check_sudo(enum doctor_viewpoint viewpoint, const struct position *position,
                char ret_detail[static DOCTOR_DETAIL_SIZE])
{
    if (!position->is_known || position->no_new_privileges ||
        (viewpoint == DOCTOR_CALLER && position->uid == 0))
        return false;
    return viewpoint == DOCTOR_CALLER ? try_programs(ret_detail) : read_rules(ret_detail);
}
