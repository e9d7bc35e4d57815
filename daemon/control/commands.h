/* SPDX-License-Identifier: MIT */
/* What can be asked on the control socket: {"command":NAME, ...}. A reply is {"ok":true, ...}, or
 * {"ok":false,"code":CODE,"error":TEXT} with an exit code of protocol.h. status.h, explain.h,
 * log.h and suggest.h document what theirs hold.
 *
 *   status                    see status.h
 *   explain  "target":TEXT    see explain.h
 *   log      "after":NUMBER   see log.h
 *   suggest                   see suggest.h
 *   metrics                   see metrics.h
 *   wait                      see below
 *   apply, reload             see below
 *
 * wait answers at once: the client asks again until it likes the answer. "state" and "network" are
 * as in status.h; with "enforcing" and "auditing" come "mode" and how many entries are in "allow"
 * and in "deny" (as written: a group is one), else "message". "added", "removed" and "left_out" are
 * as in "pending" of status.h, if the policy is not the one that was enforced here before the
 * daemon was last started.
 *
 * apply and reload are for root. They read the configuration anew, apply the workspace's file too:
 * "message", and what that changed, as above. */
#ifndef EGRESSD_CONTROL_COMMANDS_H
#define EGRESSD_CONTROL_COMMANDS_H

#include "control/server.h"
#include "control/view.h"

#define COMMANDS_MESSAGE_SIZE 2048

enum commands_reload { COMMANDS_RELOAD, COMMANDS_APPLY };

/* What came of it. */
struct commands_change {
    char message[COMMANDS_MESSAGE_SIZE];
    char *added, *removed; /* owned; lines of policy/outline.h, or NULL */
};
void commands_change_done(struct commands_change *change);

/* How commands reach what is above them. */
struct commands {
    void *context;
    void (*view)(void *context, struct view *ret_view);
    /* Returns 0, or the exit code that fits; ret_change says what happened either way. */
    int (*reload)(void *context, enum commands_reload how, struct commands_change *ret_change);
};

/* A control_on_request; context is a struct commands. */
struct json_object *commands_answer(void *context, const struct control_caller *caller,
                                    struct json_object *request);

#endif
