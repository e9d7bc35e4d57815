/* SPDX-License-Identifier: MIT */
/* What the Feature's options say that is not policy: /etc/egressd/feature.json, written by
 * install.sh. */
#ifndef EGRESSD_DEVCONTAINER_SETTINGS_H
#define EGRESSD_DEVCONTAINER_SETTINGS_H

#include "devcontainer/configuration.h"

struct settings {
    enum configuration_workspace_policy workspace_policy;
    char config[CONFIGURATION_PATH_SIZE]; /* relative to the workspace; "": not given */
};

/* Where the file is absent the Feature is not installed: nothing is pinned then, because whoever
 * names a devcontainer.json on the command line means that file, each time. */
int settings_read(const char *path, struct settings *ret_settings,
                  struct configuration_error *reterr);

#endif
