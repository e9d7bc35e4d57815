/* SPDX-License-Identifier: MIT */
/* Where the policy comes from: the baked files, and the devcontainer.json in force. Reads JSONC
 * with json-c; every error names file, line, column, the entry and what would be right. Nothing is
 * half applied: either all files were understood, or the caller gets the first error. */
#ifndef EGRESSD_DEVCONTAINER_CONFIGURATION_H
#define EGRESSD_DEVCONTAINER_CONFIGURATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text_error.h"
#include "policy/policy.h"

#define CONFIGURATION_FILES_MAX 64
#define CONFIGURATION_FILE_SIZE_MAX (1024 * 1024)
#define CONFIGURATION_PATH_SIZE 4096
#define CONFIGURATION_GROUPS_FOLDER "/etc/egressd/groups.d"

enum configuration_workspace_policy {
    CONFIGURATION_PIN,    /* the copy of the first start counts (state_dir/workspace.json) */
    CONFIGURATION_FOLLOW, /* the file counts */
    CONFIGURATION_IGNORE, /* baked only */
};

/* What to read. All borrowed; NULL: not given. */
struct configuration_request {
    const char *const *policy_files; /* instead of the baked ones */
    size_t policy_file_count;
    const char *devcontainer_file; /* explicit */
    /* The Feature's entrypoint arguments: literal "${...}" where a tool does not substitute. */
    const char *workspace;
    const char *local_workspace;
    const char *devcontainer_id;
    bool is_codespace; /* see pid1.h */
    const char *state_dir;
    bool is_first_start; /* of the container: the workspace is not the agent's yet */
    const char *root;    /* in front of the paths that are fixed, such as /etc/egressd; for tests */
};

struct configuration_error {
    char file[CONFIGURATION_PATH_SIZE]; /* "" if no file is concerned */
    struct text_error text;
};

/* "FILE:LINE:COLUMN: MESSAGE", as much of it as is known. Returns text. */
#define CONFIGURATION_ERROR_TEXT_SIZE (CONFIGURATION_PATH_SIZE + TEXT_ERROR_SIZE + 32)
const char *configuration_error_format(const struct configuration_error *error,
                                       char text[static CONFIGURATION_ERROR_TEXT_SIZE]);

/* What adopting the workspace's file would change of the policy in force. */
struct configuration_pending {
    char *added, *removed; /* owned; lines of policy/outline.h. NULL: nothing is pending */
    char *error; /* owned; why it could not be adopted as it is (FILE:LINE:COLUMN: ...), or NULL */
};

struct configuration {
    struct policy *policy; /* owned */
    enum configuration_workspace_policy workspace_policy;
    char devcontainer_file[CONFIGURATION_PATH_SIZE]; /* the one in force; "": there is none */
    char devcontainer_why[256]; /* how it was chosen, one line for the log and status */
    bool pinned;                /* the copy counts, not the workspace's file */
    struct configuration_pending pending;
};

/* Finds, reads, compiles. On failure ret_configuration is untouched and reterr is filled; files
 * that are absent are no error, files that cannot be read are. */
int configuration_read(const struct configuration_request *request,
                       struct configuration *ret_configuration, struct configuration_error *reterr);
/* Adopts the workspace's file as it is now (egressctl apply): the copy is replaced only if all
 * compiles. */
int configuration_apply(const struct configuration_request *request,
                        struct configuration *ret_configuration,
                        struct configuration_error *reterr);
void configuration_done(struct configuration *configuration);

/* Looks at the workspace again: does configuration->pending anew. Nothing is ever pending where
 * nothing is pinned. */
void configuration_look_for_pending(const struct configuration_request *request,
                                    struct configuration *configuration);
bool configuration_is_pending(const struct configuration *configuration);

/* Which file of the workspace would be taken now, and what it counts for. */
struct configuration_source {
    enum configuration_workspace_policy workspace_policy;
    char file[CONFIGURATION_PATH_SIZE]; /* "": none */
};
int configuration_find_source(const struct configuration_request *request,
                              struct configuration_source *ret_source,
                              struct configuration_error *reterr);

/* For `egressd check` too. The groups that policies may name besides the shipped ones; read them
 * before any policy. A folder that is absent has none. */
int configuration_read_groups(const char *folder, struct policy_builder *builder,
                              struct configuration_error *reterr);
/* What the image has in /etc/egressd. */
int configuration_read_baked(const char *root, struct policy_builder *builder,
                             struct configuration_error *reterr);
/* One file, a devcontainer.json or a bare policy object, told apart by its keys. */
int configuration_read_file(const char *path, struct policy_builder *builder,
                            struct configuration_error *reterr);

#endif
