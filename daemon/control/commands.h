/* SPDX-License-Identifier: MIT */
/* What can be asked on the control socket: {"command":NAME, ...}. A reply is {"ok":true, ...}, or
 * {"ok":false,"code":CODE,"error":TEXT} with an exit code of protocol.h. status.h and explain.h
 * document what theirs hold.
 *
 *   status                       see status.h
 *   explain  "target":TEXT       see explain.h
 *   wait                         "state", and "message" if that is not "enforcing". Answers at
 * once: the client asks again until it likes the answer apply, reload                root:
 * "message"; reads the configuration anew, apply the workspace's file too */
#ifndef EGRESSD_CONTROL_COMMANDS_H
#define EGRESSD_CONTROL_COMMANDS_H

#include "control/server.h"
#include "control/view.h"

#define COMMANDS_MESSAGE_SIZE 2048

enum commands_reload { COMMANDS_RELOAD, COMMANDS_APPLY };

/* How commands reach what is above them. */
struct commands {
    void *context;
    void (*view)(void *context, struct view *ret_view);
    /* Returns 0, or the exit code that fits; ret_message says what happened either way. */
    int (*reload)(void *context, enum commands_reload how,
                  char ret_message[static COMMANDS_MESSAGE_SIZE]);
};

/* A control_on_request; context is a struct commands. */
struct json_object *commands_answer(void *context, const struct control_caller *caller,
                                    struct json_object *request);

#endif
