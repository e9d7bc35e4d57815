/* SPDX-License-Identifier: MIT */
/* `egressd run`: from the command line to a daemon that runs, in the order of privilege stages. */
#ifndef EGRESSD_RUN_RUN_H
#define EGRESSD_RUN_RUN_H

/* argv[0] is "run". Returns the exit code. */
int run_main(int argc, char **argv);

#endif
