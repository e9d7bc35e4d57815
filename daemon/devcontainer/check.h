/* SPDX-License-Identifier: MIT */
/* `egressd check [--groups DIR] [FILE...]`: compiles a policy and prints it. Needs no privilege and
 * changes nothing. */
#ifndef EGRESSD_DEVCONTAINER_CHECK_H
#define EGRESSD_DEVCONTAINER_CHECK_H

/* argv[0] is the command's own name and is skipped. Without FILE: the baked files. The policy goes
 * to stdout, what is wrong with it to stderr. Returns the exit code: 0, 64 or 78. */
int check_main(int argc, char **argv);

#endif
