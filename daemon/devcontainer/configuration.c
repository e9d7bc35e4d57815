/* SPDX-License-Identifier: MIT */
#include "devcontainer/configuration.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "devcontainer/document.h"
#include "devcontainer/file.h"
#include "devcontainer/pin.h"
#include "devcontainer/policy_object.h"
#include "devcontainer/settings.h"
#include "devcontainer/workspace.h"

enum intent { INTENT_READ, INTENT_APPLY };

static const char *root_of(const struct configuration_request *request)
{
    return request->root ? request->root : "";
}

static int read_document_policy(struct document *document, enum policy_file_kind kind,
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
    r = read_document_policy(&document, policy_file_tell(&document.jsonc, path), path, builder,
                             reterr);
    document_done(&document);
    return r;
}

/* --- baked ---------------------------------------------------------------------------------------
 */

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
        r = read_document_policy(&document, POLICY_FILE_BARE, path, builder, reterr);
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

static int read_fixed_part(const struct configuration_request *request,
                           struct policy_builder *builder, struct configuration_error *reterr)
{
    if (request->policy_file_count == 0)
        return configuration_read_baked(root_of(request), builder, reterr);
    for (size_t i = 0; i < request->policy_file_count; i++) {
        int r = configuration_read_file(request->policy_files[i], builder, reterr);

        if (r < 0)
            return r;
    }
    return 0;
}

/* --- workspace -----------------------------------------------------------------------------------
 */

static void say(struct configuration *configuration, const char *path, const char *why)
{
    snprintf(configuration->devcontainer_file, sizeof(configuration->devcontainer_file), "%s",
             path);
    snprintf(configuration->devcontainer_why, sizeof(configuration->devcontainer_why), "%s", why);
}

/* Without a file: an empty one. */
static int read_workspace_document(const struct workspace_file *file, struct document *ret_document,
                                   struct configuration_error *reterr)
{
    int r;

    if (!file->path[0])
        return document_parse("", xstrdup("{}"), 2, ret_document, reterr);
    r = document_read(file->path, ret_document, reterr);
    if (r == -ENOENT)
        return configuration_error_set(reterr, file->path, "vanished while it was read: try again");
    return r;
}

/* Whether two files ask for different policies; what else is in them is not ours. */
static bool ask_for_different(struct document *a, struct document *b)
{
    struct json_object *of_a, *of_b;
    struct text_error ignored;
    size_t place;

    if (devcontainer_find_policy(&a->jsonc, &of_a, &place, &ignored) < 0 ||
        devcontainer_find_policy(&b->jsonc, &of_b, &place, &ignored) < 0)
        return true;
    return !json_object_equal(of_a, of_b);
}

/* A workspace that cannot be read now has changed since it was. */
static bool has_workspace_changed(const struct configuration_request *request,
                                  const struct settings *settings, struct document *pinned)
{
    struct configuration_error ignored;
    struct workspace_file file;
    struct document now;
    bool changed;

    if (workspace_find(request, settings, &file, &ignored) < 0 ||
        read_workspace_document(&file, &now, &ignored) < 0)
        return true;
    changed = ask_for_different(pinned, &now);
    document_done(&now);
    return changed;
}

static int read_pinned(const struct configuration_request *request, const struct settings *settings,
                       struct policy_builder *builder, struct configuration *configuration,
                       struct configuration_error *reterr)
{
    struct document document;
    struct pin pin;
    int r = pin_read(request->state_dir, &pin, reterr);

    if (r < 0)
        return r;
    r = document_parse(pin.origin, pin.text, pin.size, &document, reterr);
    pin.text = NULL;
    if (r == 0) {
        r = read_document_policy(&document, POLICY_FILE_DEVCONTAINER, pin.origin, builder, reterr);
        configuration->pinned = true;
        configuration->pending = has_workspace_changed(request, settings, &document);
        say(configuration, pin.origin,
            pin.origin[0] ? "as it was when it was pinned; 'egressctl apply' adopts a later edit"
                          : "there was none when the workspace was pinned");
        document_done(&document);
    }
    pin_done(&pin);
    return r;
}

/* As the workspace is now. ret_document is for the caller to pin once all compiles. */
static int read_current(const struct configuration_request *request,
                        const struct settings *settings, struct policy_builder *builder,
                        struct configuration *configuration, struct document *ret_document,
                        struct configuration_error *reterr)
{
    struct workspace_file file;
    int r = workspace_find(request, settings, &file, reterr);

    if (r == 0)
        r = read_workspace_document(&file, ret_document, reterr);
    if (r < 0)
        return r;
    r = read_document_policy(ret_document, POLICY_FILE_DEVCONTAINER, file.path, builder, reterr);
    if (r < 0) {
        document_done(ret_document);
        return r;
    }
    say(configuration, file.path, file.why);
    return 0;
}

/* --- the whole -----------------------------------------------------------------------------------
 */

static bool has_workspace(const struct configuration_request *request)
{
    return request->devcontainer_file || request->workspace;
}

/* What was refused at the first start is pinned as well, so that it stays refused until root or a
 * rebuild says otherwise: whoever edits the workspace could else have the edit adopted by the next
 * start. */
static void pin_refused(const struct configuration_request *request,
                        const struct settings *settings)
{
    struct configuration_error ignored;
    struct workspace_file file;
    char *text;
    size_t size;

    if (workspace_find(request, settings, &file, &ignored) < 0 || !file.path[0] ||
        file_read(file.path, CONFIGURATION_FILE_SIZE_MAX, &text, &size, NULL) < 0)
        return;
    pin_write(request->state_dir, file.path, text, size, &ignored);
    free(text);
}

static int build(const struct policy_builder *builder, struct configuration *configuration,
                 struct configuration_error *reterr)
{
    if (policy_build(builder, &configuration->policy, &reterr->text) == 0)
        return 0;
    configuration_error_place(reterr, "");
    return -EINVAL;
}

static int read_and_build(const struct configuration_request *request,
                          const struct settings *settings, enum intent intent,
                          struct policy_builder *builder, struct configuration *configuration,
                          struct configuration_error *reterr)
{
    const bool pins = settings->workspace_policy == CONFIGURATION_PIN && request->state_dir;
    struct document document;
    int r = -ENOENT;

    if (settings->workspace_policy == CONFIGURATION_IGNORE || !has_workspace(request)) {
        say(configuration, "",
            has_workspace(request) ? "the Feature's option workspacePolicy is \"ignore\""
                                   : "no workspace was named");
        return build(builder, configuration, reterr);
    }
    if (pins && intent == INTENT_READ)
        r = read_pinned(request, settings, builder, configuration, reterr);
    if (r == 0)
        return build(builder, configuration, reterr);
    if (r != -ENOENT)
        return r;

    r = read_current(request, settings, builder, configuration, &document, reterr);
    if (r == 0) {
        r = build(builder, configuration, reterr);
        if (r == 0 && pins) {
            r = pin_write(request->state_dir, configuration->devcontainer_file, document.text,
                          document.size, reterr);
            configuration->pinned = r == 0;
        }
        document_done(&document);
    }
    if (r < 0 && pins && intent == INTENT_READ)
        pin_refused(request, settings);
    return r;
}

static int read_configuration(const struct configuration_request *request, enum intent intent,
                              struct configuration *ret_configuration,
                              struct configuration_error *reterr)
{
    struct configuration configuration = {0};
    struct policy_builder *builder = policy_builder_new();
    struct settings settings;
    char *path = xasprintf("%s/etc/egressd/feature.json", root_of(request));
    int r = settings_read(path, &settings, reterr);

    if (r == 0)
        r = read_fixed_part(request, builder, reterr);
    if (r == 0) {
        configuration.workspace_policy = settings.workspace_policy;
        r = read_and_build(request, &settings, intent, builder, &configuration, reterr);
    }
    policy_builder_free(builder);
    free(path);
    if (r < 0) {
        configuration_done(&configuration);
        return r;
    }
    *ret_configuration = configuration;
    return 0;
}

int configuration_read(const struct configuration_request *request,
                       struct configuration *ret_configuration, struct configuration_error *reterr)
{
    return read_configuration(request, INTENT_READ, ret_configuration, reterr);
}

int configuration_apply(const struct configuration_request *request,
                        struct configuration *ret_configuration, struct configuration_error *reterr)
{
    return read_configuration(request, INTENT_APPLY, ret_configuration, reterr);
}

void configuration_done(struct configuration *configuration)
{
    policy_free(configuration->policy);
    configuration->policy = NULL;
}
