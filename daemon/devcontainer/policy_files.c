/* SPDX-License-Identifier: MIT */
#include "devcontainer/policy_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "devcontainer/drop_ins.h"
#include "devcontainer/file.h"
#include "policy/groups.h"

#define GROUP_SUFFIX ".group"

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

static int read_drop_ins(const char *folder, struct policy_builder *builder,
                         struct configuration_error *reterr)
{
    struct drop_ins list;
    int r = drop_ins_list(folder, ".json", &list, reterr);

    for (size_t i = 0; r == 0 && i < list.count; i++)
        r = configuration_read_file(list.paths[i], builder, reterr);
    drop_ins_done(&list);
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

/* --- groups ----------------------------------------------------------------------------------- */

static int read_group(const char *path, struct groups *groups, struct configuration_error *reterr)
{
    const char *base = strrchr(path, '/') + 1;
    char *name = xasprintf("%.*s", (int)(strlen(base) - strlen(GROUP_SUFFIX)), base);
    char *text = NULL;
    size_t size;
    int r = file_read(path, CONFIGURATION_FILE_SIZE_MAX, &text, &size, NULL);

    if (r < 0)
        r = configuration_error_set(reterr, path, "%s", file_explain(r));
    else if ((r = groups_add(groups, name, path, text, size, &reterr->text)) < 0)
        configuration_error_place(reterr, path);
    free(text);
    free(name);
    return r;
}

int configuration_read_groups(const char *folder, struct policy_builder *builder,
                              struct configuration_error *reterr)
{
    struct drop_ins list;
    int r = drop_ins_list(folder, GROUP_SUFFIX, &list, reterr);

    for (size_t i = 0; r == 0 && i < list.count; i++)
        r = read_group(list.paths[i], policy_builder_groups(builder), reterr);
    drop_ins_done(&list);
    return r;
}
