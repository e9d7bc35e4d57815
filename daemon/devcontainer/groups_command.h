/* SPDX-License-Identifier: MIT */
/* `egressd groups [NAME] [--json] [--groups DIR]`: lists the groups that a policy may name, or
 * prints one. Needs no privilege and changes nothing. */
#ifndef EGRESSD_DEVCONTAINER_GROUPS_COMMAND_H
#define EGRESSD_DEVCONTAINER_GROUPS_COMMAND_H

/* argv[0] is the command's own name and is skipped. Returns the exit code: 0, 1 when there is no
 * such group, 64, or 78 when an organisation's own cannot be read.
 *
 * --json, one line: {"groups": [GROUP...]}, or with NAME one GROUP by itself, which is
 *   {"name": "npm", "title", "source", "date": TEXT or null, "file": where an organisation's own
 * was read, or null, "entries": [{"entry": as it is written, "host", "ports": [TEXT...], "private":
 * true or false, "names": N or null}...]} */
int groups_main(int argc, char **argv);

#endif
