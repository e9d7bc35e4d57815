/* SPDX-License-Identifier: MIT */
#include "devcontainer/pin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/privilege.h"
#include "devcontainer/document.h"
#include "devcontainer/file.h"

#define FORMAT_VERSION 1
/* Escaped, a byte of the text takes six at the most. */
#define COPY_SIZE_MAX (6 * CONFIGURATION_FILE_SIZE_MAX + 2 * CONFIGURATION_PATH_SIZE)

static bool is_trusted(const struct stat *status)
{
    if (status->st_mode & (S_IWGRP | S_IWOTH))
        return false;
    return status->st_uid == 0 || status->st_uid == PRIVILEGE_UID || status->st_uid == geteuid();
}

static char *copy_member(struct json_object *root, const char *key, size_t *ret_size)
{
    struct json_object *value;
    char *copy;

    if (!json_object_object_get_ex(root, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    *ret_size = (size_t)json_object_get_string_len(value);
    copy = xcalloc(*ret_size + 1, 1);
    memcpy(copy, json_object_get_string(value), *ret_size);
    return copy;
}

int pin_parse(const char *path, const char *bytes, size_t size, struct pin *ret_pin,
              struct configuration_error *reterr)
{
    struct text_error ignored;
    struct pin pin = {0};
    struct jsonc jsonc;
    size_t origin_size = 0, refusal_size;

    if (jsonc_read(bytes, size, &jsonc, &ignored) == 0) {
        pin.origin = copy_member(jsonc.root, "origin", &origin_size);
        pin.text = copy_member(jsonc.root, "text", &pin.size);
        pin.refusal = copy_member(jsonc.root, "refusal", &refusal_size);
        jsonc_done(&jsonc);
    }
    if (!pin.origin || !pin.text == !pin.refusal || origin_size >= CONFIGURATION_PATH_SIZE) {
        pin_done(&pin);
        return configuration_error_set(
            reterr, path,
            "is not what egressd wrote: 'egressctl apply' as root writes "
            "it again from the workspace");
    }
    *ret_pin = pin;
    return 0;
}

int pin_read(const char *state_dir, struct pin *ret_pin, struct configuration_error *reterr)
{
    char *path = xasprintf("%s/workspace.json", state_dir), *text;
    struct stat status;
    size_t size;
    int r = file_read(path, COPY_SIZE_MAX, &text, &size, &status);

    if (r == 0) {
        if (is_trusted(&status))
            r = pin_parse(path, text, size, ret_pin, reterr);
        else
            r = configuration_error_set(reterr, path,
                                        "can be written by others than root and egressd, so it is "
                                        "not trusted: remove it as root");
        free(text);
    } else if (r != -ENOENT) {
        r = configuration_error_set(reterr, path, "%s", file_explain(r));
    }
    free(path);
    return r;
}

char *pin_format(const struct pin *pin)
{
    struct json_object *root = json_object_new_object();
    char *text;

    json_object_object_add(root, "version", json_object_new_int(FORMAT_VERSION));
    json_object_object_add(root, "origin", json_object_new_string(pin->origin));
    if (pin->text)
        json_object_object_add(root, "text", json_object_new_string_len(pin->text, (int)pin->size));
    else
        json_object_object_add(root, "refusal", json_object_new_string(pin->refusal));
    text = xstrdup(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
    json_object_put(root);
    return text;
}

int pin_write(const char *state_dir, const struct pin *pin, struct configuration_error *reterr)
{
    char *path = xasprintf("%s/workspace.json", state_dir);
    char *copy = pin_format(pin);
    int r = file_replace(path, copy, strlen(copy));

    /* Written while an image is built: it is the daemon that reads it. */
    if (r == 0 && geteuid() == 0 && chown(path, PRIVILEGE_UID, PRIVILEGE_UID) < 0)
        r = -errno;
    if (r == -EROFS)
        configuration_error_set(reterr, path,
                                "cannot be written (it is read-only), so the workspace's policy "
                                "cannot be pinned: where it is part of an image, rebuild that; "
                                "else make %.200s a folder that egressd may write to",
                                state_dir);
    else if (r < 0)
        configuration_error_set(
            reterr, path,
            "cannot be written (%s), so the workspace's policy cannot be pinned: "
            "make %.200s a folder that egressd may write to, or set the "
            "Feature's option workspacePolicy to \"follow\" or \"ignore\"",
            strerror(-r), state_dir);
    free(copy);
    free(path);
    return r < 0 ? -EINVAL : 0;
}

void pin_done(struct pin *pin)
{
    free(pin->origin);
    free(pin->text);
    free(pin->refusal);
    *pin = (struct pin){0};
}
