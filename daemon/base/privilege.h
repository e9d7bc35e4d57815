/* SPDX-License-Identifier: MIT */
/* The stages of giving up power. Each says what it takes away and what it must leave. */
#ifndef EGRESSD_BASE_PRIVILEGE_H
#define EGRESSD_BASE_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

/* The daemon's own uid and gid. Numeric, because the image may lack /etc/passwd; from the range
 * that Debian's policy 9.2.2 reserves, so that no package or person has it. The kernel exempts the
 * daemon's own questions by this uid and a mark, hence nobody else may have it. */
#define PRIVILEGE_UID 65053

/* Whether the effective set holds CAP_NET_ADMIN. */
bool privilege_has_net_admin(void);

/* True when whoever started us is not root, so that nothing they say may be trusted: the program
 * then has its capability from its file. */
bool privilege_caller_is_untrusted(void);

/* Should: leave no capability and no way to any, for the parts of the program that need none (their
 * caller may have got some from the file). Mustn't: change the user. Returns 0 or -errno. */
int privilege_renounce(void);

/* Should: leave nothing of root either, whose files are open to it without any capability. For
 * parts that listen to others and that root may start. Mustn't: change any other user. Returns 0 or
 * -errno. */
int privilege_become_nobody(void);

/* Should: leave no capability. Mustn't: close the ways to some, for 'egressctl doctor' to try them
 * as its caller could. Returns 0 or -errno. */
int privilege_renounce_own(void);

/* Should: become PRIVILEGE_UID/GID without supplementary groups, out of reach of the signals and
 * tracers of whoever started us; empty the bounding, ambient and inheritable sets, set
 * no_new_privs, dump no core. Keeps CAP_NET_ADMIN, and for reading the configuration what there is
 * of the power to read any file, and to see as another user does. The stage of the supervisor, and
 * of a daemon that starts. Needs CAP_SETUID, CAP_SETGID and (for the bounding set) CAP_SETPCAP.
 * Returns 0 or -errno. */
int privilege_become_daemon(void);

/* Should: see files as this user does, and no more of them, until privilege_see_as_self. Does
 * nothing once the power to read any file is gone: there is none to lend then. */
void privilege_see_as(uid_t uid, gid_t gid);
void privilege_see_as_self(void);

/* Should: after privilege_become_daemon, keep CAP_NET_ADMIN alone. The stage of a daemon that
 * serves. Returns 0 or -errno. */
int privilege_drop(void);

/* Should: after privilege_become_daemon, keep CAP_SETUID and CAP_SETGID alone, to see as another
 * user does. The stage of the witness (run/witness.h). Returns 0 or -errno. */
int privilege_become_witness(void);

/* Writes the file capabilities that a start by a user who is not root needs (security.capability,
 * capabilities(7)) on path. For install.sh: images without the setcap program. Returns 0 or -errno.
 */
int privilege_install_file_capabilities(const char *path);

#endif
