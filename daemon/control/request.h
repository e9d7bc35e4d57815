/* SPDX-License-Identifier: MIT */
/* Requests as they come from outside, and replies as they go back: plain JSON objects. */
#ifndef EGRESSD_CONTROL_REQUEST_H
#define EGRESSD_CONTROL_REQUEST_H

#include <stddef.h>

struct json_object;

/* Reads one line (its newline left out): an object, nested no deeper than it can mean anything.
 * -EBADMSG when it is not; then ret_why, static text, says what is wrong. */
int request_parse(const char *line, size_t size, struct json_object **ret_request,
                  const char **ret_why);

/* The text of a member, borrowed, or NULL when it is absent, not text, or has a NUL in it. */
const char *request_text(struct json_object *request, const char *member);

/* A whole number that is not negative, or 0. */
unsigned long long request_number(struct json_object *request, const char *member);

/* {"ok":true} */
struct json_object *reply_new(void);
/* {"ok":false,"code":code,"error":"..."} */
struct json_object *reply_error(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds members. text NULL: adds null. */
void reply_add_text(struct json_object *reply, const char *member, const char *text);
/* When it was, so long ago: "2026-01-31T12:00:00Z". */
void reply_add_time(struct json_object *reply, const char *member, unsigned long long ago_s);
void reply_add_number(struct json_object *reply, const char *member, unsigned long long number);

#endif
