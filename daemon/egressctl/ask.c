/* SPDX-License-Identifier: MIT */
#include "egressctl/ask.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "control/protocol.h"
#include "egressctl/client.h"
#include "egressctl/command.h"
#include "egressctl/screen.h"

#define COMPLAINT_SIZE 4096

void complain(const char *format, ...)
{
    char text[COMPLAINT_SIZE];
    struct json_object *clean;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    clean = json_object_new_string(text);
    screen_clean(clean);
    screen_complain(json_object_get_string(clean));
    json_object_put(clean);
}

void complain_unreachable(const struct call *call, int error)
{
    if (error == -ENOENT || error == -ECONNREFUSED)
        complain("egressd is not running: nobody answers on %s/" CONTROL_SOCKET_NAME,
                 call->runtime_dir);
    else
        complain("egressd cannot be reached on %s/" CONTROL_SOCKET_NAME ": %s", call->runtime_dir,
                 strerror(-error));
    complain("the container's log says why, in lines that begin with 'egressd:' (docker logs "
             "CONTAINER; in VS Code: Dev Containers: Show Container Log)");
}

struct json_object *ask_request(const struct call *call)
{
    struct json_object *request = client_request(call->command->name);

    if (call->operand)
        json_object_object_add(request, "target", json_object_new_string(call->operand));
    return request;
}

/* An error reply is said, and gives the exit code. */
static int code_of_error(struct json_object *reply)
{
    int64_t code = screen_number(reply, "code");

    complain("%s",
             *screen_text(reply, "error") ? screen_text(reply, "error") : "the daemon refused");
    return code > 0 && code < 128 ? (int)code : EXIT_FAILURE;
}

/* The reply as it came: what complain says of it is cleaned there. */
static int ask_for(const struct call *call, struct json_object *take_request,
                   struct json_object **ret_reply)
{
    struct json_object *reply;
    int r = client_ask(call->runtime_dir, take_request, ASK_TIMEOUT_MS, &reply);

    if (r < 0) {
        complain_unreachable(call, r);
        return EX_UNAVAILABLE;
    }
    if (call->as_json)
        screen_print_json(reply);
    if (!json_object_get_boolean(screen_member(reply, "ok"))) {
        r = code_of_error(reply);
        json_object_put(reply);
        return r;
    }
    *ret_reply = reply;
    return 0;
}

int ask(const struct call *call, struct json_object *take_request, struct json_object **ret_reply)
{
    int r = ask_for(call, take_request ? take_request : ask_request(call), ret_reply);

    if (r == 0)
        screen_clean(*ret_reply);
    return r;
}

int ask_raw(const struct call *call, struct json_object **ret_reply)
{
    return ask_for(call, ask_request(call), ret_reply);
}

const char *ask_where(struct json_object *reply)
{
    unsigned long long there = (unsigned long long)screen_number(reply, "network");
    unsigned long long here = control_network();

    if (there == 0 || here == 0 || there == here)
        return NULL;
    return "egressd enforces in another network than the one of this container. If its container "
           "was restarted, restart this one: until then nothing is reached from here. If not, this "
           "container was never in its network, and NOTHING IS HELD BACK";
}

void show(const struct call *call, struct json_object *reply)
{
    if (call->as_json) {
        screen_print_json(reply);
    } else {
        screen_clean(reply);
        call->command->print(reply);
    }
}

int ask_and_show(const struct call *call, struct json_object **ret_reply)
{
    int r = ask(call, NULL, ret_reply);

    if (r == 0 && !call->as_json)
        call->command->print(*ret_reply);
    return r;
}
