/* SPDX-License-Identifier: MIT */
#include "devcontainer/policy_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

int policy_files_read_document(struct document *document, enum policy_file_kind kind,
                               const char *path, struct policy_builder *builder,
                               struct configuration_error *reterr)
{
    int r = policy_file_read(&document->jsonc, kind, path, builder, &reterr->text);

    if (r < 0)
        configuration_error_place(reterr, path);
    return r;
}

int configuration_read_file(const char *path, struct policy_builder *builder,
                            struct configuration_error *reterr)
{
    struct document document;
    int r = document_read(path, &document, reterr);

    if (r == -ENOENT)
        return configuration_error_set(reterr, path, "does not exist");
    if (r < 0)
        return r;
    r = policy_files_read_document(&document, policy_file_tell(&document.jsonc, path), path,
                                   builder, reterr);
    document_done(&document);
    return r;
}

/* --- baked ------------------------------------------------------------------------------------ */

struct file_list {
    char *paths[CONFIGURATION_FILES_MAX];
    size_t count;
};

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_drop_in(const char *name)
{
    const char *dot = strrchr(name, '.');

    return name[0] != '.' && dot && strcmp(dot, ".json") == 0;
}

static int list_drop_ins(const char *folder, struct file_list *ret_list,
                         struct configuration_error *reterr)
{
    DIR *directory = opendir(folder);
    struct dirent *item;
    int r = 0;

    if (!directory)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : configuration_error_set(reterr, folder, "%s", strerror(errno));
    while (r == 0 && (item = readdir(directory))) {
        if (!is_drop_in(item->d_name))
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

static int read_drop_ins(const char *folder, struct policy_builder *builder,
                         struct configuration_error *reterr)
{
    struct file_list list = {.count = 0};
    int r = list_drop_ins(folder, &list, reterr);

    for (size_t i = 0; i < list.count; i++) {
        if (r == 0)
            r = configuration_read_file(list.paths[i], builder, reterr);
        free(list.paths[i]);
    }
    return r;
}

int configuration_read_baked(const char *root, struct policy_builder *builder,
                             struct configuration_error *reterr)
{
    char *path = xasprintf("%s/etc/egressd/policy.json", root);
    char *folder = xasprintf("%s/etc/egressd/policy.d", root);
    struct document document;
    int r = document_read(path, &document, reterr);

    if (r == 0) {
        r = policy_files_read_document(&document, POLICY_FILE_BARE, path, builder, reterr);
        document_done(&document);
    } else if (r == -ENOENT) {
        r = 0;
    }
    if (r == 0)
        r = read_drop_ins(folder, builder, reterr);
    free(folder);
    free(path);
    return r;
}
