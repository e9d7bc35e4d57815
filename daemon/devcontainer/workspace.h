/* SPDX-License-Identifier: MIT */
/* Which devcontainer.json this container was made from. Nothing in a container says so; what there
 * is to go by is told in the order of trust in workspace.c. */
#ifndef EGRESSD_DEVCONTAINER_WORKSPACE_H
#define EGRESSD_DEVCONTAINER_WORKSPACE_H

#include "devcontainer/configuration.h"
#include "devcontainer/settings.h"

struct workspace_file {
    char path[CONFIGURATION_PATH_SIZE];   /* "": there is none */
    char folder[CONFIGURATION_PATH_SIZE]; /* the workspace it is in, or "" */
    char why[256];                        /* one line */
};

/* -EINVAL with reterr when a file is named that is not there, or a folder cannot be looked into. */
int workspace_find(const struct configuration_request *request, const struct settings *settings,
                   struct workspace_file *ret_file, struct configuration_error *reterr);

/* Its text, as the workspace's owner may read it; the caller frees. That of an empty configuration
 * where there is no file. */
int workspace_read(const struct workspace_file *file, char **ret_text, size_t *ret_size,
                   struct configuration_error *reterr);

#endif
