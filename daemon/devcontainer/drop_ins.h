/* SPDX-License-Identifier: MIT */
/* The files of a folder such as /etc/egressd/policy.d, to which a base image adds its own. */
#ifndef EGRESSD_DEVCONTAINER_DROP_INS_H
#define EGRESSD_DEVCONTAINER_DROP_INS_H

#include "devcontainer/configuration.h"

struct drop_ins {
    char *paths[CONFIGURATION_FILES_MAX]; /* owned; in alphabetical order */
    size_t count;
};

/* Those whose names end in suffix; none if there is no such folder. drop_ins_done may be called in
 * any case. */
int drop_ins_list(const char *folder, const char *suffix, struct drop_ins *ret_list,
                  struct configuration_error *reterr);
void drop_ins_done(struct drop_ins *list);

#endif
