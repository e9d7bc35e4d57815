/* SPDX-License-Identifier: MIT */
#include "run/socket_owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

/* A user may have any number of processes and files open: whoever hides so is not found. */
#define PROCESSES_MAX 4096
#define PATIENCE_MS 20

struct search {
    int proc;
    uid_t uid;
    uint64_t until_ms;
    char link[32]; /* "socket:[INODE]" */
    pid_t processes[PROCESSES_MAX];
    size_t count;
};

static int compare_youngest_first(const void *a, const void *b)
{
    pid_t first = *(const pid_t *)a, second = *(const pid_t *)b;

    return (first < second) - (first > second);
}

static pid_t number_of(const char *name)
{
    char *end;
    long number = strtol(name, &end, 10);

    return *end == '\0' && number > 0 ? (pid_t)number : 0;
}

static void list_processes(struct search *search, DIR *proc)
{
    const struct dirent *item;

    while (search->count < PROCESSES_MAX && (item = readdir(proc))) {
        pid_t process = number_of(item->d_name);

        if (process > 0)
            search->processes[search->count++] = process;
    }
    qsort(search->processes, search->count, sizeof(search->processes[0]), compare_youngest_first);
}

static bool has_open(const struct search *search, int process)
{
    int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *files = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *item;
    bool found = false;

    if (!files)
        return false;
    while (!found && (item = readdir(files)) && clock_now_ms() < search->until_ms) {
        char link[sizeof(search->link)];
        ssize_t size = readlinkat(fd, item->d_name, link, sizeof(link));

        found =
            size == (ssize_t)strlen(search->link) && memcmp(link, search->link, (size_t)size) == 0;
    }
    closedir(files);
    return found;
}

/* Returns how many bytes there were, 0 on failure. */
static size_t read_bytes(int process, const char *name, char *bytes, size_t size)
{
    int fd = openat(process, name, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, bytes, size);

    if (fd >= 0)
        close(fd);
    return got > 0 ? (size_t)got : 0;
}

/* NUL bytes stand between the arguments, and behind the last; a script in one of them has lines. */
static void make_printable(char *text, size_t size)
{
    while (size > 0 && text[size - 1] == '\0')
        size--;
    for (size_t i = 0; i < size; i++)
        if (text[i] == '\0' || text[i] == '\n' || text[i] == '\t')
            text[i] = ' ';
        else if (text[i] < ' ' || text[i] > '~')
            text[i] = '?';
}

static void read_owner(int process, struct socket_owner *owner)
{
    size_t size = read_bytes(process, "comm", owner->process, sizeof(owner->process) - 1);

    if (size > 0 && owner->process[size - 1] == '\n')
        owner->process[--size] = '\0';
    make_printable(owner->process, size);
    make_printable(owner->command,
                   read_bytes(process, "cmdline", owner->command, sizeof(owner->command) - 1));
}

static bool look_at(const struct search *search, pid_t number, struct socket_owner *owner)
{
    char name[16];
    struct stat info;
    bool found = false;
    int process;

    snprintf(name, sizeof(name), "%d", number);
    process = openat(search->proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (process < 0)
        return false;
    if (fstat(process, &info) == 0 && info.st_uid == search->uid) {
        setfsgid(info.st_gid);
        setfsuid(info.st_uid);
        found = has_open(search, process);
        setfsuid(geteuid());
        setfsgid(getegid());
    }
    if (found)
        read_owner(process, owner);
    close(process);
    return found;
}

int socket_owner_find(uint64_t inode, uid_t uid, struct socket_owner *ret_owner)
{
    struct search search = {.uid = uid, .until_ms = clock_now_ms() + PATIENCE_MS};
    struct socket_owner owner = {0};
    bool found = false;
    DIR *proc;

    if (uid == 0)
        return -EPERM; /* to see files as user 0 is to be more than one is */
    proc = opendir("/proc");
    if (!proc)
        return -errno;
    search.proc = dirfd(proc);
    snprintf(search.link, sizeof(search.link), "socket:[%llu]", (unsigned long long)inode);
    list_processes(&search, proc);
    for (size_t i = 0; i < search.count && !found && clock_now_ms() < search.until_ms; i++)
        found = look_at(&search, search.processes[i], &owner);
    closedir(proc);
    if (!found)
        return -ENOENT;
    *ret_owner = owner;
    return 0;
}
