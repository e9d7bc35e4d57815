/* SPDX-License-Identifier: MIT */
/* dashboard: one page to look at, for a browser of this machine; VS Code forwards it to yours. It
 * reads what anybody may ask the daemon, and changes nothing. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/privilege.h"
#include "base/seccomp.h"
#include "egressctl/ask.h"
#include "egressctl/client.h"
#include "egressctl/command.h"
#include "egressctl/dashboard_pages.h"
#include "egressctl/http_request.h"
#include "egressctl/http_server.h"
#include "egressctl/screen.h"

#define PORT 5386
#define PATIENCE_MS 2000 /* with the daemon */

/* --- what the daemon says --------------------------------------------------------------------- */

static struct json_object *unreachable(const struct call *call, int error)
{
    struct json_object *reply = json_object_new_object();
    char text[512];

    snprintf(text, sizeof(text), "egressd cannot be reached on %s: %s", call->runtime_dir,
             strerror(-error));
    json_object_object_add(reply, "ok", json_object_new_boolean(0));
    json_object_object_add(reply, "error", json_object_new_string(text));
    return reply;
}

static struct http_reply pass_on(const struct call *call, struct json_object *take_question)
{
    struct json_object *reply;
    struct http_reply page;
    const char *text;
    size_t size;
    int r = client_ask(call->runtime_dir, take_question, PATIENCE_MS, &reply);

    if (r < 0)
        reply = unreachable(call, r);
    text = json_object_to_json_string_length(
        reply, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
    page = http_reply_make(r < 0 ? HTTP_UNAVAILABLE : HTTP_OK, "application/json", text, size);
    json_object_put(reply);
    return page;
}

static struct json_object *log_question(const struct http_request *request)
{
    struct json_object *question = client_request("log");
    uint64_t after = http_query_number(request, "after");

    json_object_object_add(question, "after", json_object_new_int64((int64_t)after));
    return question;
}

/* --- what a browser asks ---------------------------------------------------------------------- */

static struct http_reply on_request(void *context, const struct http_request *request)
{
    const struct call *call = context;
    static const char not_here[] = "There is no such page.\n";

    if (strcmp(request->path, "/status.json") == 0)
        return pass_on(call, client_request("status"));
    if (strcmp(request->path, "/log.json") == 0)
        return pass_on(call, log_question(request));
    for (size_t i = 0; i < dashboard_page_count; i++) {
        const struct dashboard_page *page = &dashboard_pages[i];

        if (strcmp(request->path, page->path) == 0)
            return http_reply_make(HTTP_OK, page->type, page->bytes, page->size);
    }
    return http_reply_make(HTTP_NOT_FOUND, "text/plain", not_here, sizeof(not_here) - 1);
}

/* --- the command ------------------------------------------------------------------------------ */

/* Where the kernel cannot hold it to a list of calls, it goes on without: there is nothing left to
 * protect from it but its user's own files. */
static int give_up_power(void)
{
    int r = privilege_become_nobody();

    if (r < 0) {
        complain("cannot give up what root may do (%s): start it as another user", strerror(-r));
        return EX_NOPERM;
    }
    seccomp_install(SECCOMP_STARTS);
    return 0;
}

static int complain_port(uint32_t port, int error)
{
    complain("cannot listen on 127.0.0.1:%" PRIu32 ": %s; another port: --port N", port,
             strerror(-error));
    return error == -EACCES ? EX_NOPERM : EXIT_FAILURE;
}

/* With --json: {"ok":true,"url":TEXT}. Whoever waits for the line may connect then. */
static void announce(const struct call *call, uint16_t port)
{
    struct json_object *reply = json_object_new_object();
    char url[32];

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
    json_object_object_add(reply, "ok", json_object_new_boolean(1));
    json_object_object_add(reply, "url", json_object_new_string(url));
    if (call->as_json)
        screen_print_json(reply);
    else
        printf("%s\n"
               "VS Code forwards it: Ctrl+click that, or see the Ports view. Ctrl+C ends it.\n",
               url);
    fflush(stdout);
    json_object_put(reply);
}

static int run_dashboard(const struct call *call)
{
    uint32_t wanted;
    uint16_t port;
    int listener, r;

    if (call_number(call, "port", PORT, UINT16_MAX, &wanted) < 0)
        return EX_USAGE;
    r = http_server_listen((uint16_t)wanted, &listener, &port);
    if (r < 0)
        return complain_port(wanted, r);
    r = give_up_power();
    if (r != 0)
        return r;
    announce(call, port);
    r = http_server_serve(listener, on_request, (void *)call);
    complain("the dashboard ends: %s", strerror(-r));
    return EXIT_FAILURE;
}

const struct command dashboard_command = {
    .name = "dashboard",
    .summary = "serves a page to look at, for a browser",
    .description =
        "Serves one page, until it is ended: what is allowed and open now, and what was\n"
        "refused in the last hour, with the line that would allow it. It listens on\n"
        "127.0.0.1 alone, which VS Code forwards; it changes nothing, and loads nothing\n"
        "from elsewhere.\n",
    .exit_status = "1 it could not listen, or not go on",
    .options = {{"port", 0, "N", "where it listens (default: 5386; 0: any free port)"}},
    .run = run_dashboard,
};
