/* SPDX-License-Identifier: MIT */
/* The workspace's devcontainer.json as it was at the container's first start, kept where only root
 * and the daemon can write: the workspace is open to the agent that the policy is for. That there
 * was none, or none that could be read, is kept too: whoever writes one later must not be believed
 * at the next start. */
#ifndef EGRESSD_DEVCONTAINER_PIN_H
#define EGRESSD_DEVCONTAINER_PIN_H

#include <stddef.h>

#include "devcontainer/configuration.h"

struct pin {
    char *origin; /* owned; "": there was no file */
    char *text;   /* owned; NULL: nothing could be read */
    size_t size;
    char *refusal; /* owned; why nothing could be read, or NULL */
};

/* -ENOENT: nothing is pinned yet. -EINVAL with reterr: the copy cannot be read, or was tampered
 * with. */
int pin_read(const char *state_dir, struct pin *ret_pin, struct configuration_error *reterr);
int pin_write(const char *state_dir, const struct pin *pin, struct configuration_error *reterr);
void pin_done(struct pin *pin);

/* The same from and to the bytes of the copy. path: for the error. */
int pin_parse(const char *path, const char *bytes, size_t size, struct pin *ret_pin,
              struct configuration_error *reterr);
char *pin_format(const struct pin *pin); /* new text; the caller frees */

#endif
