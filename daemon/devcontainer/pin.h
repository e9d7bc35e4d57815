/* SPDX-License-Identifier: MIT */
/* The workspace's devcontainer.json as it was at the container's first start, kept where only root
 * and the daemon can write: the workspace is open to the agent that the policy is for. That there
 * was none is kept too, or the agent could add one. */
#ifndef EGRESSD_DEVCONTAINER_PIN_H
#define EGRESSD_DEVCONTAINER_PIN_H

#include <stddef.h>

#include "devcontainer/configuration.h"

struct pin {
    char *origin; /* owned; "": there was no file */
    char *text;   /* owned */
    size_t size;
};

/* -ENOENT: nothing is pinned yet. -EINVAL with reterr: the copy cannot be read, or was tampered
 * with. */
int pin_read(const char *state_dir, struct pin *ret_pin, struct configuration_error *reterr);
int pin_write(const char *state_dir, const char *origin, const char *text, size_t size,
              struct configuration_error *reterr);
void pin_done(struct pin *pin);

#endif
