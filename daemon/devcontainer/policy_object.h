/* SPDX-License-Identifier: MIT */
/* The object that holds a policy, in customizations.egressd as in a file of its own: checked key by
 * key, and handed to the builder. */
#ifndef EGRESSD_DEVCONTAINER_POLICY_OBJECT_H
#define EGRESSD_DEVCONTAINER_POLICY_OBJECT_H

#include "devcontainer/jsonc.h"
#include "policy/policy.h"

/* object is a value of the document, at this place. file is how entries name their source. The
 * builder holds part of the policy after an error: throw it away. */
int policy_object_read(struct jsonc *document, struct json_object *object, size_t place,
                       const char *file, struct policy_builder *builder, struct text_error *reterr);

/* Our part of a devcontainer.json: NULL if it has none. Most files hold it once; a merged
 * configuration has an array of such objects. ret_place is where it stands. -EINVAL if
 * "customizations" is no object. */
int devcontainer_find_policy(struct jsonc *document, struct json_object **ret_value,
                             size_t *ret_place, struct text_error *reterr);

/* The whole file: a devcontainer.json or a policy object by itself. */
enum policy_file_kind { POLICY_FILE_BARE, POLICY_FILE_DEVCONTAINER };
int policy_file_read(struct jsonc *document, enum policy_file_kind kind, const char *file,
                     struct policy_builder *builder, struct text_error *reterr);

/* By its keys, and by its name where they leave it open. */
enum policy_file_kind policy_file_tell(const struct jsonc *document, const char *path);

#endif
