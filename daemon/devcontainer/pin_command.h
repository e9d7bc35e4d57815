/* SPDX-License-Identifier: MIT */
/* `egressd pin FILE`: pins the policy of a devcontainer.json while an image is built, so that it is
 * part of the image. For root. */
#ifndef EGRESSD_DEVCONTAINER_PIN_COMMAND_H
#define EGRESSD_DEVCONTAINER_PIN_COMMAND_H

/* argv[0] is the command's own name and is skipped. What is pinned goes to stdout, as `egressd
 * check` prints it; what is wrong with it to stderr. Returns the exit code: 0, 64, 77 or 78. */
int pin_main(int argc, char **argv);

#endif
