/* SPDX-License-Identifier: MIT */
/* What commands have in common: they ask the daemon, show what it says, or say why there is
 * nothing to show. */
#ifndef EGRESSD_EGRESSCTL_ASK_H
#define EGRESSD_EGRESSCTL_ASK_H

struct call;
struct json_object;

#define ASK_TIMEOUT_MS 10000

/* To stderr, as one line that begins with "egressctl:" and is safe to print. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* error: of client_ask. */
void complain_unreachable(const struct call *call, int error);

/* A request is {"command": the call's name}, "target": its operand, if it has one. Takes
 * take_request; NULL: that one. Returns 0 with a reply that is ok and cleaned, and owned by the
 * caller; or an exit code, and the reason has been said. With --json the reply has been printed. */
int ask(const struct call *call, struct json_object *take_request, struct json_object **ret_reply);
struct json_object *ask_request(const struct call *call);
/* ask(call, NULL, ...) with the reply as it came: whoever prints of it cleans that. */
int ask_raw(const struct call *call, struct json_object **ret_reply);

/* NULL, or what to tell people of a reply of wait or status that comes from another network than
 * this process's: what is enforced there holds nobody here. */
const char *ask_where(struct json_object *reply);

/* A reply of the client's own or of the daemon: as JSON, or cleaned and by the command's print. */
void show(const struct call *call, struct json_object *reply);

/* ask and show in one: the same, and without --json the command's print has shown it. */
int ask_and_show(const struct call *call, struct json_object **ret_reply);

#endif
