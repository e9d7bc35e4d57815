/* SPDX-License-Identifier: MIT */
#include "devcontainer/drop_ins.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "devcontainer/document.h"

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_drop_in(const char *name, const char *suffix)
{
    const char *dot = strrchr(name, '.');

    return name[0] != '.' && dot && strcmp(dot, suffix) == 0;
}

int drop_ins_list(const char *folder, const char *suffix, struct drop_ins *ret_list,
                  struct configuration_error *reterr)
{
    DIR *directory = opendir(folder);
    struct dirent *item;
    int r = 0;

    ret_list->count = 0;
    if (!directory)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : configuration_error_set(reterr, folder, "%s", strerror(errno));
    while (r == 0 && (item = readdir(directory))) {
        if (!is_drop_in(item->d_name, suffix))
            continue;
        if (ret_list->count == CONFIGURATION_FILES_MAX)
            r = configuration_error_set(reterr, folder, "has more than %d files: merge some",
                                        CONFIGURATION_FILES_MAX);
        else
            ret_list->paths[ret_list->count++] = xasprintf("%s/%s", folder, item->d_name);
    }
    closedir(directory);
    qsort(ret_list->paths, ret_list->count, sizeof(ret_list->paths[0]), compare_paths);
    return r;
}

void drop_ins_done(struct drop_ins *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->paths[i]);
    list->count = 0;
}
