/* SPDX-License-Identifier: MIT */
#include "devcontainer/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devcontainer/document.h"

static const struct {
    const char *text;
    enum configuration_workspace_policy value;
} workspace_policies[] = {
    {"pin", CONFIGURATION_PIN},
    {"follow", CONFIGURATION_FOLLOW},
    {"ignore", CONFIGURATION_IGNORE},
};

static int read_workspace_policy(const char *text, struct settings *settings,
                                 struct text_error *reterr)
{
    for (size_t i = 0; i < sizeof(workspace_policies) / sizeof(workspace_policies[0]); i++)
        if (strcmp(text, workspace_policies[i].text) == 0) {
            settings->workspace_policy = workspace_policies[i].value;
            return 0;
        }
    return text_error_set(reterr, 0, 0,
                          "\"workspacePolicy\" must be \"pin\", \"follow\" or \"ignore\"");
}

static int read_member(const char *key, struct json_object *value, struct settings *settings,
                       struct text_error *reterr)
{
    const char *text;

    if (!json_object_is_type(value, json_type_string))
        return text_error_set(reterr, 0, 0, "\"%.60s\" must be a string", key);
    text = json_object_get_string(value);
    if (strcmp(key, "workspacePolicy") == 0)
        return read_workspace_policy(text, settings, reterr);
    if (strcmp(key, "config") == 0) {
        if ((size_t)snprintf(settings->config, sizeof(settings->config), "%s", text) >=
            sizeof(settings->config))
            return text_error_set(reterr, 0, 0, "\"config\" is longer than a path can be");
        return 0;
    }
    if (strcmp(key, "onFailure") == 0) /* for the shell scripts */
        return 0;
    return text_error_set(reterr, 0, 0,
                          "unknown key \"%.60s\": the keys here are \"workspacePolicy\", "
                          "\"config\", \"onFailure\"",
                          key);
}

int settings_read(const char *path, struct settings *ret_settings,
                  struct configuration_error *reterr)
{
    struct settings settings = {.workspace_policy = CONFIGURATION_PIN};
    struct document document;
    int r = document_read(path, &document, reterr);

    if (r == -ENOENT) {
        *ret_settings = (struct settings){.workspace_policy = CONFIGURATION_FOLLOW};
        return 0;
    }
    if (r < 0)
        return r;
    json_object_object_foreach(document.jsonc.root, key, value)
    {
        struct text_error *error = &reterr->text;

        r = read_member(key, value, &settings, error);
        if (r < 0) {
            configuration_error_place(reterr, path);
            jsonc_find_line(&document.jsonc,
                            jsonc_key(&document.jsonc, jsonc_root(&document.jsonc), key),
                            &error->line, &error->column);
            break;
        }
    }
    document_done(&document);
    if (r == 0)
        *ret_settings = settings;
    return r;
}
