/* SPDX-License-Identifier: MIT */
/* Rights that a process has, and those that it could get by starting a program. */
#include "doctor/checks.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "base/memory.h"

#define FALLBACK_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define SHOWN_MAX 6

/* Each of them is enough: to change the table, to send what does not meet it, to enter the daemon's
 * namespace or the daemon itself. */
static const struct {
    unsigned capability;
    const char *name;
} strong[] = {
    {CAP_NET_ADMIN, "NET_ADMIN"},
    {CAP_NET_RAW, "NET_RAW"},
    {CAP_SYS_ADMIN, "SYS_ADMIN"},
    {CAP_SYS_PTRACE, "SYS_PTRACE"},
};

#define STRONG_COUNT (sizeof(strong) / sizeof(strong[0]))

static bool has_strong(uint64_t capabilities)
{
    for (size_t i = 0; i < STRONG_COUNT; i++)
        if (position_may(capabilities, strong[i].capability))
            return true;
    return false;
}

bool check_root(enum doctor_viewpoint viewpoint, const struct position *position,
                char ret_detail[static DOCTOR_DETAIL_SIZE])
{
    (void)viewpoint;
    (void)ret_detail;
    return position->is_known && position->uid == 0 &&
           position_may(position->permitted, CAP_NET_ADMIN);
}

bool check_capabilities(enum doctor_viewpoint viewpoint, const struct position *position,
                        char ret_detail[static DOCTOR_DETAIL_SIZE])
{
    (void)viewpoint;
    if (!position->is_known || position->uid == 0 || !has_strong(position->permitted))
        return false;
    for (size_t i = 0; i < STRONG_COUNT; i++)
        if (position_may(position->permitted, strong[i].capability))
            check_add_detail(ret_detail, strong[i].name);
    return true;
}

/* Docker's --privileged gives all there are; these three nobody gives for anything less. */
bool check_privileged(enum doctor_viewpoint viewpoint, const struct position *position,
                      char ret_detail[static DOCTOR_DETAIL_SIZE])
{
    (void)viewpoint;
    (void)ret_detail;
    return position->is_known && position_may(position->bounding, CAP_SYS_ADMIN) &&
           position_may(position->bounding, CAP_SYS_MODULE) &&
           position_may(position->bounding, CAP_SYS_RAWIO);
}

/* --- programs --------------------------------------------------------------------------------- */

/* Calls back with each folder of PATH until it returns true. */
static bool visit_path(bool (*visit)(void *context, const char *folder), void *context)
{
    const char *path = getenv("PATH");
    char *folders = xstrdup(path && *path ? path : FALLBACK_PATH), *rest = folders, *folder;
    bool is_done = false;

    while (!is_done && (folder = strsep(&rest, ":")))
        is_done = folder[0] == '/' && visit(context, folder);
    free(folders);
    return is_done;
}

/* nosuid takes both away. */
static bool gives_rights(const char *folder)
{
    struct statvfs mount;

    return statvfs(folder, &mount) == 0 && !(mount.f_flag & ST_NOSUID);
}

static bool is_setuid_root(const struct stat *status)
{
    return S_ISREG(status->st_mode) && status->st_uid == 0 && status->st_mode & S_ISUID &&
           status->st_mode & (S_IXUSR | S_IXGRP | S_IXOTH);
}

struct search {
    const char *name;
    char *found;
};

static bool find_in(void *context, const char *folder)
{
    struct search *search = context;
    char *path = xasprintf("%s/%s", folder, search->name);
    struct stat status;

    if (gives_rights(folder) && stat(path, &status) == 0 && is_setuid_root(&status))
        search->found = path;
    else
        free(path);
    return search->found;
}

char *check_find_setuid(const char *name)
{
    struct search search = {.name = name};

    visit_path(find_in, &search);
    return search.found;
}

struct programs {
    char *detail;
    size_t count;
    dev_t devices[32]; /* of folders that were seen: /bin may be /usr/bin */
    ino_t folders[32];
    size_t folder_count;
};

static bool was_seen(struct programs *programs, int folder)
{
    const size_t room = sizeof(programs->folders) / sizeof(programs->folders[0]);
    struct stat status;

    if (fstat(folder, &status) < 0 || programs->folder_count == room)
        return true;
    for (size_t i = 0; i < programs->folder_count; i++)
        if (programs->devices[i] == status.st_dev && programs->folders[i] == status.st_ino)
            return true;
    programs->devices[programs->folder_count] = status.st_dev;
    programs->folders[programs->folder_count++] = status.st_ino;
    return false;
}

static bool has_capabilities(const char *path)
{
    return getxattr(path, "security.capability", NULL, 0) > 0;
}

static void count_program(struct programs *programs, const char *folder, const char *name)
{
    char *path = xasprintf("%s/%s", folder, name);
    struct stat status;

    if (lstat(path, &status) == 0 && S_ISREG(status.st_mode) &&
        (is_setuid_root(&status) || has_capabilities(path)) && strncmp(name, "egressd", 7) != 0) {
        if (programs->count++ < SHOWN_MAX)
            check_add_detail(programs->detail, name);
    }
    free(path);
}

static bool count_in(void *context, const char *folder)
{
    struct programs *programs = context;
    DIR *directory = gives_rights(folder) ? opendir(folder) : NULL;
    struct dirent *item;

    if (!directory)
        return false;
    if (!was_seen(programs, dirfd(directory)))
        while ((item = readdir(directory)))
            count_program(programs, folder, item->d_name);
    closedir(directory);
    return false;
}

bool check_setuid_programs(enum doctor_viewpoint viewpoint, const struct position *position,
                           char ret_detail[static DOCTOR_DETAIL_SIZE])
{
    struct programs programs = {.detail = ret_detail};
    char rest[32];

    (void)viewpoint;
    if (!position->is_known || position->uid == 0 || position->no_new_privileges ||
        !has_strong(position->bounding))
        return false;
    visit_path(count_in, &programs);
    if (programs.count > SHOWN_MAX) {
        snprintf(rest, sizeof(rest), "%zu more", programs.count - SHOWN_MAX);
        check_add_detail(ret_detail, rest);
    }
    return programs.count > 0;
}
