/* SPDX-License-Identifier: MIT */
#include "control/request.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REQUEST_DEPTH_MAX 4
#define MESSAGE_SIZE 2048
#define TIME_TEXT_SIZE 32

static bool is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r')
            return false;
    }
    return true;
}

int request_parse(const char *line, size_t size, struct json_object **ret_request,
                  const char **ret_why)
{
    struct json_tokener *tokener;
    struct json_object *request;
    size_t end;

    if (size > INT_MAX) {
        *ret_why = "the request is too long";
        return -EBADMSG;
    }
    tokener = json_tokener_new_ex(REQUEST_DEPTH_MAX);
    if (!tokener)
        abort();
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    request = json_tokener_parse_ex(tokener, line, (int)size);
    end = json_tokener_get_parse_end(tokener);
    json_tokener_free(tokener);

    if (!json_object_is_type(request, json_type_object) || !is_blank(line + end, size - end)) {
        json_object_put(request);
        *ret_why = "the request is not one JSON object in one line";
        return -EBADMSG;
    }
    *ret_request = request;
    return 0;
}

const char *request_text(struct json_object *request, const char *member)
{
    struct json_object *value;
    const char *text;

    if (!json_object_object_get_ex(request, member, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    text = json_object_get_string(value);
    return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

unsigned long long request_number(struct json_object *request, const char *member)
{
    struct json_object *value;

    if (!json_object_object_get_ex(request, member, &value) ||
        !json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
        return 0;
    return json_object_get_uint64(value);
}

struct json_object *reply_new(void)
{
    struct json_object *reply = json_object_new_object();

    if (!reply)
        abort();
    json_object_object_add(reply, "ok", json_object_new_boolean(true));
    return reply;
}

struct json_object *reply_error(int code, const char *format, ...)
{
    struct json_object *reply = reply_new();
    char message[MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    json_object_object_add(reply, "ok", json_object_new_boolean(false));
    json_object_object_add(reply, "code", json_object_new_int(code));
    reply_add_text(reply, "error", message);
    return reply;
}

void reply_add_text(struct json_object *reply, const char *member, const char *text)
{
    json_object_object_add(reply, member, text ? json_object_new_string(text) : NULL);
}

void reply_add_number(struct json_object *reply, const char *member, unsigned long long number)
{
    json_object_object_add(reply, member, json_object_new_uint64(number));
}

void reply_add_time(struct json_object *reply, const char *member, unsigned long long ago_s)
{
    time_t then = time(NULL) - (time_t)ago_s;
    char text[TIME_TEXT_SIZE] = "";
    struct tm parts;

    if (gmtime_r(&then, &parts))
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    reply_add_text(reply, member, text);
}
