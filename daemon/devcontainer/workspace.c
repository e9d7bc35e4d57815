/* SPDX-License-Identifier: MIT */
#include "devcontainer/workspace.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/privilege.h"
#include "devcontainer/document.h"
#include "devcontainer/file.h"
#include "devcontainer/identity.h"
#include "devcontainer/mounts.h"

#define FOLDER_OF_CODESPACES "/workspaces/.codespaces/shared"
#define FOLDERS_MAX 64
#define ITEMS_MAX 256 /* of .devcontainer: whoever fills it must not hold the daemon up */

struct candidate {
    char *path;
    const char *folder; /* the workspace's, which path begins with; borrowed */
};

struct search {
    const struct configuration_request *request;
    const struct settings *settings;
    struct configuration_error *error;
    char *folders[FOLDERS_MAX]; /* that may be the workspace, likeliest first */
    size_t folder_count;
    struct candidate candidates[CONFIGURATION_FILES_MAX];
    size_t candidate_count;
};

/* Tools that do not substitute variables pass them on as they are. */
static bool is_given(const char *argument)
{
    return argument && argument[0] && strncmp(argument, "${", 2) != 0;
}

static const char *root_of(const struct search *search)
{
    return search->request->root ? search->request->root : "";
}

/* What errno says of a path: 0, it is not there; -EINVAL with an error, nobody can tell. Among
 * folders that may be the workspace or not, one that is closed to us is not it. */
static int explain_absence(const struct search *search, const char *path)
{
    const int error = errno;
    bool is_certain = search->request->devcontainer_file || is_given(search->request->workspace);

    if (error == ENOENT || error == ENOTDIR || !is_certain)
        return 0;
    return configuration_error_set(search->error, path, "%s", file_explain(-error));
}

/* Links in a workspace lead wherever its owner wants: so that they lead to nothing that the owner
 * may not read, its files are seen with the owner's eyes. With everybody's, where the owner is root
 * but others can get in. A folder of "" was named by root: it is seen as what we are. */
static void see_as_owner(const char *folder)
{
    struct stat status;
    int r;

    if (!folder[0])
        return;
    r = lstat(folder, &status);
    if (r == 0 && S_ISLNK(status.st_mode) && status.st_uid == 0)
        r = stat(folder, &status);
    if (r < 0 || (status.st_uid == 0 && status.st_mode & (S_IRWXG | S_IRWXO)))
        privilege_see_as(PRIVILEGE_UID, PRIVILEGE_UID);
    else
        privilege_see_as(status.st_uid, status.st_gid);
}

/* 1: a regular file, 0: there is none, -EINVAL with an error. */
static int is_file(const struct search *search, const char *folder, const char *path)
{
    struct stat status;
    int r;

    see_as_owner(folder);
    r = stat(path, &status) == 0 ? S_ISREG(status.st_mode) : explain_absence(search, path);
    privilege_see_as_self();
    return r;
}

__attribute__((format(printf, 4, 5))) static int choose(struct workspace_file *ret_file,
                                                        const char *folder, const char *path,
                                                        const char *format, ...)
{
    va_list arguments;

    if ((size_t)snprintf(ret_file->path, sizeof(ret_file->path), "%s", path) >=
            sizeof(ret_file->path) ||
        (size_t)snprintf(ret_file->folder, sizeof(ret_file->folder), "%s", folder) >=
            sizeof(ret_file->folder))
        return -ENAMETOOLONG;
    va_start(arguments, format);
    vsnprintf(ret_file->why, sizeof(ret_file->why), format, arguments);
    va_end(arguments);
    return 1;
}

/* --- where the workspace may be --------------------------------------------------------------- */

static void add_folder(struct search *search, char *take_path)
{
    if (search->folder_count == FOLDERS_MAX)
        free(take_path);
    else
        search->folders[search->folder_count++] = take_path;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What is directly in the folder, but for what is hidden (.codespaces). */
static void add_folders_in(struct search *search, const char *path)
{
    size_t first = search->folder_count;
    struct dirent *item;
    DIR *folder = opendir(path);

    if (!folder)
        return;
    while ((item = readdir(folder)))
        if (item->d_name[0] != '.')
            add_folder(search, xasprintf("%s/%s", path, item->d_name));
    closedir(folder);
    qsort(search->folders + first, search->folder_count - first, sizeof(search->folders[0]),
          compare_texts);
}

static void on_mount(void *context, const char *mount_point)
{
    struct search *search = context;

    add_folder(search, xasprintf("%s%s", root_of(search), mount_point));
}

static void find_folders(struct search *search)
{
    char *path;

    if (is_given(search->request->workspace)) {
        add_folder(search, xstrdup(search->request->workspace));
        return;
    }
    path = xasprintf("%s/workspaces", root_of(search));
    add_folders_in(search, path);
    free(path);
    add_folder(search, xasprintf("%s/workspace", root_of(search)));
    path = xasprintf("%s/proc/self/mountinfo", root_of(search));
    mounts_visit(path, on_mount, search);
    free(path);
}

/* --- the files in it that may be the one ------------------------------------------------------ */

static int add_candidate(struct search *search, const char *folder, const char *name)
{
    char *path = xasprintf("%s/%s", folder, name);
    int r = is_file(search, folder, path);

    if (r == 1 && search->candidate_count == CONFIGURATION_FILES_MAX)
        r = configuration_error_set(
            search->error, folder,
            "has more than %d devcontainer.json: name the one in force with "
            "the Feature's option \"config\"",
            CONFIGURATION_FILES_MAX);
    if (r != 1) {
        free(path);
        return r;
    }
    search->candidates[search->candidate_count++] = (struct candidate){path, folder};
    return 0;
}

static int compare_candidates(const void *a, const void *b)
{
    return strcmp(((const struct candidate *)a)->path, ((const struct candidate *)b)->path);
}

/* .devcontainer/FOLDER/devcontainer.json */
static int add_named_candidates(struct search *search, const char *folder)
{
    size_t first = search->candidate_count, count = 0;
    char *path = xasprintf("%s/.devcontainer", folder);
    struct dirent *item;
    DIR *directory;
    int r = 0;

    see_as_owner(folder);
    directory = opendir(path);
    if (!directory)
        r = explain_absence(search, path);
    privilege_see_as_self();
    while (directory && r == 0 && (item = readdir(directory))) {
        char *name = xasprintf(".devcontainer/%s/devcontainer.json", item->d_name);

        if (count++ == ITEMS_MAX)
            r = configuration_error_set(search->error, path, "has more than %d items in it",
                                        ITEMS_MAX);
        else if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0)
            r = add_candidate(search, folder, name);
        free(name);
    }
    if (directory)
        closedir(directory);
    free(path);
    qsort(search->candidates + first, search->candidate_count - first,
          sizeof(search->candidates[0]), compare_candidates);
    return r;
}

/* In the order of the specification. */
static int find_candidates(struct search *search)
{
    int r = 0;

    for (size_t i = 0; i < search->folder_count && r == 0; i++) {
        r = add_candidate(search, search->folders[i], ".devcontainer/devcontainer.json");
        if (r == 0)
            r = add_candidate(search, search->folders[i], ".devcontainer.json");
        if (r == 0)
            r = add_named_candidates(search, search->folders[i]);
    }
    return r;
}

/* --- which of them ---------------------------------------------------------------------------- */

/* The container's id is made of the paths on the host of the file and of its workspace. */
static bool has_this_id(const struct search *search, const struct candidate *candidate)
{
    const struct configuration_request *request = search->request;
    char id[IDENTITY_TEXT_SIZE];
    char *config_file;

    if (!is_given(request->devcontainer_id) || !is_given(request->local_workspace))
        return false;
    config_file =
        xasprintf("%s%s", request->local_workspace, candidate->path + strlen(candidate->folder));
    identity_compute(config_file, request->local_workspace, id);
    free(config_file);
    return strcmp(id, request->devcontainer_id) == 0;
}

/* "ghcr.io/somebody/egressd/egressd:1", "./egressd" */
static bool is_our_feature(const char *feature)
{
    const char *slash = strrchr(feature, '/');
    const char *name = slash ? slash + 1 : feature;

    return strcspn(name, ":@") == strlen("egressd") && strncmp(name, "egressd", 7) == 0;
}

static bool names_our_feature(const struct candidate *candidate)
{
    struct configuration_error ignored;
    struct document document;
    struct json_object *features;
    bool found = false;
    int r;

    see_as_owner(candidate->folder);
    r = document_read(candidate->path, &document, &ignored);
    privilege_see_as_self();
    if (r < 0)
        return false;
    if (json_object_object_get_ex(document.jsonc.root, "features", &features) &&
        json_object_is_type(features, json_type_object)) {
        json_object_object_foreach(features, key, value)
        {
            (void)value;
            found = found || is_our_feature(key);
        }
    }
    document_done(&document);
    return found;
}

static int choose_candidate(const struct search *search, struct workspace_file *ret_file)
{
    const struct candidate *all = search->candidates;
    const size_t count = search->candidate_count;

    if (count == 0)
        return choose(ret_file, "", "", "no devcontainer.json was found in %.160s",
                      is_given(search->request->workspace) ? search->request->workspace
                                                           : "/workspaces, /workspace or a mount");
    if (count == 1)
        return choose(ret_file, all[0].folder, all[0].path, "the only one in the workspace");
    for (size_t i = 0; i < count; i++)
        if (has_this_id(search, &all[i]))
            return choose(ret_file, all[i].folder, all[i].path,
                          "of %zu, the one that the devcontainerId was made from", count);
    for (size_t i = 0; i < count; i++)
        if (names_our_feature(&all[i]))
            return choose(ret_file, all[i].folder, all[i].path,
                          "of %zu, the first whose \"features\" name egressd; if it is another, "
                          "set the option \"config\"",
                          count);
    return choose(ret_file, all[0].folder, all[0].path,
                  "of %zu, the first in the specification's order; if it is another, set the "
                  "option \"config\"",
                  count);
}

/* --- the ways, in order of trust -------------------------------------------------------------- */

static int find_named_on_command_line(const struct search *search, struct workspace_file *ret_file)
{
    const char *path = search->request->devcontainer_file;
    int r;

    if (!path)
        return 0;
    r = is_file(search, "", path);
    if (r == 0)
        return configuration_error_set(search->error, path, "is not a file that can be read");
    return r < 0 ? r : choose(ret_file, "", path, "named on the command line");
}

static int find_named_by_option(struct search *search, struct workspace_file *ret_file)
{
    static const char variable[] = "${containerWorkspaceFolder}/";
    const char *config = search->settings->config;

    if (!config[0])
        return 0;
    if (strncmp(config, variable, strlen(variable)) == 0)
        config += strlen(variable);
    for (size_t i = 0; i < search->folder_count; i++) {
        char *path =
            config[0] == '/' ? xstrdup(config) : xasprintf("%s/%s", search->folders[i], config);
        int r = is_file(search, search->folders[i], path);

        if (r == 1)
            r = choose(ret_file, search->folders[i], path,
                       "named by the Feature's option \"config\"");
        free(path);
        if (r != 0)
            return r;
    }
    return configuration_error_set(search->error, config,
                                   "does not exist in the workspace, but the Feature's option "
                                   "\"config\" names it");
}

/* The agent of Codespaces passes its merged file to the CLI as the configuration, and mounts it.
 * Anywhere else nobody does, and whoever can make that file could choose the policy by it. */
static int find_of_codespaces(const struct search *search, struct workspace_file *ret_file)
{
    char *folder = xasprintf("%s" FOLDER_OF_CODESPACES, root_of(search));
    char *path = xasprintf("%s/merged_devcontainer.json", folder);
    int r = search->request->is_codespace ? is_file(search, folder, path) : 0;

    if (r == 1)
        r = choose(ret_file, folder, path, "what Codespaces made this container from");
    free(path);
    free(folder);
    return r;
}

static int find_in_order(struct search *search, struct workspace_file *ret_file)
{
    int r = find_named_on_command_line(search, ret_file);

    if (r != 0)
        return r;
    if (!search->request->workspace)
        return choose(ret_file, "", "", "no workspace was named");
    find_folders(search);
    r = find_named_by_option(search, ret_file);
    if (r == 0)
        r = find_of_codespaces(search, ret_file);
    if (r == 0)
        r = find_candidates(search);
    if (r == 0)
        r = choose_candidate(search, ret_file);
    return r;
}

int workspace_find(const struct configuration_request *request, const struct settings *settings,
                   struct workspace_file *ret_file, struct configuration_error *reterr)
{
    struct search search = {.request = request, .settings = settings, .error = reterr};
    struct workspace_file file;
    int r = find_in_order(&search, &file);

    for (size_t i = 0; i < search.folder_count; i++)
        free(search.folders[i]);
    for (size_t i = 0; i < search.candidate_count; i++)
        free(search.candidates[i].path);
    if (r == -ENAMETOOLONG)
        return configuration_error_set(reterr, "", "the path of the devcontainer.json is too long");
    if (r < 0)
        return -EINVAL;
    *ret_file = file;
    return 0;
}

int workspace_read(const struct workspace_file *file, char **ret_text, size_t *ret_size,
                   struct configuration_error *reterr)
{
    int r;

    if (!file->path[0]) {
        *ret_text = xstrdup("{}");
        *ret_size = strlen(*ret_text);
        return 0;
    }
    see_as_owner(file->folder);
    r = file_read(file->path, CONFIGURATION_FILE_SIZE_MAX, ret_text, ret_size, NULL);
    privilege_see_as_self();
    if (r == -ENOENT)
        return configuration_error_set(reterr, file->path, "vanished while it was read: try again");
    if (r < 0)
        return configuration_error_set(reterr, file->path, "%s", file_explain(r));
    return 0;
}
