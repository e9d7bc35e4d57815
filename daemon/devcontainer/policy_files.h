/* SPDX-License-Identifier: MIT */
/* Files that hold a policy, one by one, and those that the image holds. */
#ifndef EGRESSD_DEVCONTAINER_POLICY_FILES_H
#define EGRESSD_DEVCONTAINER_POLICY_FILES_H

#include "devcontainer/document.h"
#include "devcontainer/policy_object.h"

/* Hands what is in it to the builder; path is how entries name their source. */
int policy_files_read_document(struct document *document, enum policy_file_kind kind,
                               const char *path, struct policy_builder *builder,
                               struct configuration_error *reterr);

#endif
