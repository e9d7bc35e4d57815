/* SPDX-License-Identifier: MIT */
#include "devcontainer/configuration.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "devcontainer/pin.h"
#include "devcontainer/policy_files.h"
#include "devcontainer/settings.h"
#include "devcontainer/workspace.h"
#include "policy/outline.h"

/* What the workspace says: the text of a devcontainer.json, and where it is from. */
struct source {
    char *text; /* owned */
    size_t size;
    char path[CONFIGURATION_PATH_SIZE];
    char why[256];
};

static const char *root_of(const struct configuration_request *request)
{
    return request->root ? request->root : "";
}

static bool has_workspace(const struct configuration_request *request)
{
    return request->devcontainer_file || request->workspace;
}

static int read_settings(const struct configuration_request *request, struct settings *ret_settings,
                         struct configuration_error *reterr)
{
    char *path = xasprintf("%s/etc/egressd/feature.json", root_of(request));
    int r = settings_read(path, ret_settings, reterr);

    free(path);
    return r;
}

/* --- compiling -------------------------------------------------------------------------------- */

static int read_groups(const struct configuration_request *request, struct policy_builder *builder,
                       struct configuration_error *reterr)
{
    char *folder = xasprintf("%s%s", root_of(request), CONFIGURATION_GROUPS_FOLDER);
    int r = configuration_read_groups(folder, builder, reterr);

    free(folder);
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

static int read_source(const struct source *source, struct policy_builder *builder,
                       struct configuration_error *reterr)
{
    char *copy = xcalloc(source->size + 1, 1);
    struct document document;
    int r;

    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): what was looked at has a text */
    memcpy(copy, source->text, source->size);
    r = document_parse(source->path, copy, source->size, &document, reterr);
    if (r < 0)
        return r;
    r = policy_files_read_document(&document, POLICY_FILE_DEVCONTAINER, source->path, builder,
                                   reterr);
    document_done(&document);
    return r;
}

/* All there is, with the workspace's part unless source is NULL. */
static int compile(const struct configuration_request *request, const struct source *source,
                   struct policy **ret_policy, struct configuration_error *reterr)
{
    struct policy_builder *builder = policy_builder_new();
    int r = read_groups(request, builder, reterr);

    if (r == 0)
        r = read_fixed_part(request, builder, reterr);
    if (r == 0 && source)
        r = read_source(source, builder, reterr);
    if (r == 0 && policy_build(builder, ret_policy, &reterr->text) < 0) {
        configuration_error_place(reterr, "");
        r = -EINVAL;
    }
    policy_builder_free(builder);
    return r;
}

/* --- the workspace ---------------------------------------------------------------------------- */

static void source_done(struct source *source)
{
    free(source->text);
    source->text = NULL;
}

/* As it is now. */
static int look(const struct configuration_request *request, const struct settings *settings,
                struct source *ret_source, struct configuration_error *reterr)
{
    struct workspace_file file;
    int r = workspace_find(request, settings, &file, reterr);

    if (r == 0)
        r = workspace_read(&file, &ret_source->text, &ret_source->size, reterr);
    if (r < 0)
        return r;
    memcpy(ret_source->path, file.path, sizeof(file.path));
    memcpy(ret_source->why, file.why, sizeof(file.why));
    return 0;
}

static int pin(const struct configuration_request *request, const struct source *source,
               struct configuration_error *reterr)
{
    const struct pin pin = {
        .origin = (char *)source->path, .text = source->text, .size = source->size};

    return pin_write(request->state_dir, &pin, reterr);
}

static int pin_refusal(const struct configuration_request *request, const char *origin,
                       const char *refusal, struct configuration_error *reterr)
{
    const struct pin pin = {.origin = (char *)origin, .refusal = (char *)refusal};

    return pin_write(request->state_dir, &pin, reterr);
}

/* What is here at the first start counts for good, also when it turns out to be wrong: nobody but
 * us has run yet. Later it may be anybody's, if nothing could be pinned then. */
static int pin_first(const struct configuration_request *request, const struct settings *settings,
                     struct source *ret_source, struct configuration_error *reterr)
{
    struct configuration_error ignored;
    int r;

    if (!request->is_first_start)
        return configuration_error_set(reterr, "",
                                       "the workspace's policy was not pinned when the container "
                                       "first started, and what is in the workspace now may be "
                                       "anybody's");
    r = look(request, settings, ret_source, reterr);
    if (r < 0) {
        pin_refusal(request, reterr->file, reterr->text.message, &ignored);
        return r;
    }
    r = pin(request, ret_source, reterr);
    if (r < 0)
        source_done(ret_source);
    return r;
}

static void take_pin(struct pin *pin, struct source *ret_source)
{
    snprintf(ret_source->path, sizeof(ret_source->path), "%s", pin->origin);
    snprintf(ret_source->why, sizeof(ret_source->why), "%s",
             pin->origin[0] ? "as it was when it was pinned; 'egressctl apply' adopts a later edit"
                            : "there was none when the workspace was pinned");
    ret_source->text = pin->text;
    ret_source->size = pin->size;
    pin->text = NULL;
}

static int read_pinned(const struct configuration_request *request, const struct settings *settings,
                       struct source *ret_source, struct configuration_error *reterr)
{
    struct pin pin;
    int r = pin_read(request->state_dir, &pin, reterr);

    if (r == -ENOENT)
        return pin_first(request, settings, ret_source, reterr);
    if (r < 0)
        return r;
    if (pin.refusal)
        r = configuration_error_set(reterr, pin.origin, "%s", pin.refusal);
    else
        take_pin(&pin, ret_source);
    pin_done(&pin);
    return r;
}

/* --- what is pending -------------------------------------------------------------------------- */

static void pending_done(struct configuration_pending *pending)
{
    free(pending->added);
    free(pending->removed);
    free(pending->error);
    *pending = (struct configuration_pending){0};
}

static void compare(const struct policy *in_force, const struct policy *other,
                    struct configuration_pending *ret_pending)
{
    char *before = outline_of(in_force), *after = outline_of(other);

    if (strcmp(before, after) != 0) {
        ret_pending->added = outline_subtract(after, before);
        ret_pending->removed = outline_subtract(before, after);
    }
    free(before);
    free(after);
}

static void look_for_pending(const struct configuration_request *request,
                             const struct settings *settings, struct configuration *configuration)
{
    char text[CONFIGURATION_ERROR_TEXT_SIZE];
    struct configuration_error error = {0};
    struct source source = {0};
    struct policy *policy = NULL;

    pending_done(&configuration->pending);
    if (look(request, settings, &source, &error) == 0 &&
        compile(request, &source, &policy, &error) == 0)
        compare(configuration->policy, policy, &configuration->pending);
    else
        configuration->pending.error = xstrdup(configuration_error_format(&error, text));
    policy_free(policy);
    source_done(&source);
}

void configuration_look_for_pending(const struct configuration_request *request,
                                    struct configuration *configuration)
{
    struct configuration_error ignored;
    struct settings settings;

    if (configuration->pinned && read_settings(request, &settings, &ignored) == 0)
        look_for_pending(request, &settings, configuration);
}

bool configuration_is_pending(const struct configuration *configuration)
{
    return configuration->pending.added || configuration->pending.error;
}

/* --- the whole -------------------------------------------------------------------------------- */

enum intent { INTENT_READ, INTENT_APPLY };

static int read_without_workspace(const struct configuration_request *request,
                                  struct configuration *configuration,
                                  struct configuration_error *reterr)
{
    snprintf(configuration->devcontainer_why, sizeof(configuration->devcontainer_why), "%s",
             has_workspace(request) ? "the Feature's option workspacePolicy is \"ignore\""
                                    : "no workspace was named");
    return compile(request, NULL, &configuration->policy, reterr);
}

static int read_with_workspace(const struct configuration_request *request,
                               const struct settings *settings, enum intent intent,
                               struct configuration *configuration,
                               struct configuration_error *reterr)
{
    const bool pins = settings->workspace_policy == CONFIGURATION_PIN && request->state_dir;
    struct source source = {0};
    int r = pins && intent == INTENT_READ ? read_pinned(request, settings, &source, reterr)
                                          : look(request, settings, &source, reterr);

    if (r < 0)
        return r;
    r = compile(request, &source, &configuration->policy, reterr);
    if (r == 0 && pins && intent == INTENT_APPLY)
        r = pin(request, &source, reterr);
    memcpy(configuration->devcontainer_file, source.path, sizeof(source.path));
    memcpy(configuration->devcontainer_why, source.why, sizeof(source.why));
    configuration->pinned = pins;
    source_done(&source);
    return r;
}

static int read_configuration(const struct configuration_request *request, enum intent intent,
                              struct configuration *ret_configuration,
                              struct configuration_error *reterr)
{
    struct configuration configuration = {0};
    struct settings settings;
    int r = read_settings(request, &settings, reterr);

    if (r < 0)
        return r;
    configuration.workspace_policy = settings.workspace_policy;
    if (settings.workspace_policy == CONFIGURATION_IGNORE || !has_workspace(request))
        r = read_without_workspace(request, &configuration, reterr);
    else
        r = read_with_workspace(request, &settings, intent, &configuration, reterr);
    if (r < 0) {
        configuration_done(&configuration);
        return r;
    }
    if (configuration.pinned && intent == INTENT_READ)
        look_for_pending(request, &settings, &configuration);
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
    pending_done(&configuration->pending);
}

int configuration_find_source(const struct configuration_request *request,
                              struct configuration_source *ret_source,
                              struct configuration_error *reterr)
{
    struct workspace_file file = {.path = ""};
    struct settings settings;
    int r = read_settings(request, &settings, reterr);

    if (r == 0 && settings.workspace_policy != CONFIGURATION_IGNORE && has_workspace(request))
        r = workspace_find(request, &settings, &file, reterr);
    if (r < 0)
        return r;
    ret_source->workspace_policy = settings.workspace_policy;
    memcpy(ret_source->file, file.path, sizeof(file.path));
    return 0;
}
