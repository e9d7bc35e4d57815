/* SPDX-License-Identifier: MIT */
/* explain: which entry decides, and what would allow it. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "egressctl/ask.h"
#include "egressctl/command.h"
#include "egressctl/screen.h"

#define REASON_INDENT 9 /* behind "allowed: ", "refused: " */

static void print_labelled(const char *label, const char *text)
{
    int width = printf("%s: ", label);

    screen_paragraph(width, text);
}

static void print_name(struct json_object *reply)
{
    const char *state = screen_text(reply, "name_state"), *error = screen_text(reply, "last_error");
    char text[SCREEN_LINE_SIZE];

    if (!*state)
        return;
    snprintf(text, sizeof(text), "%s%s%.300s", state, *error ? ": " : "", error);
    print_labelled("name", strcmp(state, "no-such-name") == 0 && *error ? error : text);
}

static void print_suggestion(struct json_object *suggestion)
{
    const char *entry = screen_text(suggestion, "entry");

    if (*entry)
        printf("\nTo allow it, add to \"%s\":\n\n    \"%s\"\n\n", screen_text(suggestion, "list"),
               entry);
    else
        printf("\nTo allow it, take that entry out of \"%s\"\n", screen_text(suggestion, "list"));
    printf("in    %s\nthen  %s\n", screen_text(suggestion, "where"),
           screen_text(suggestion, "then"));
}

static void print_explanation(struct json_object *reply)
{
    bool allowed = json_object_get_boolean(screen_member(reply, "allowed"));
    bool is_audit = strcmp(screen_text(reply, "mode"), "audit") == 0;
    struct json_object *ports = screen_member(reply, "ports");
    struct json_object *leased_by = screen_member(reply, "leased_by");
    struct json_object *suggestion = screen_member(reply, "suggestion");
    char line[SCREEN_LINE_SIZE];

    const char *word = allowed    ? "allowed"
                       : is_audit ? "let through in audit mode, would be refused"
                                  : "refused";

    screen_print(allowed ? SCREEN_GOOD : is_audit ? SCREEN_WARN : SCREEN_BAD, "%s", word);
    printf(": ");
    screen_paragraph_from((int)strlen(word) + 2, REASON_INDENT, screen_text(reply, "reason"));
    if (screen_length(ports) > 0)
        print_labelled("ports", screen_join(ports, ", ", line));
    if (screen_length(leased_by) > 0)
        print_labelled("opened by", screen_join(leased_by, ", ", line));
    print_name(reply);
    if (*screen_text(reply, "note"))
        print_labelled("note", screen_text(reply, "note"));
    if (suggestion)
        print_suggestion(suggestion);
}

static int run_explain(const struct call *call)
{
    struct json_object *reply;
    int r = ask_and_show(call, &reply);

    if (r != 0)
        return r;
    r = json_object_get_boolean(screen_member(reply, "allowed")) ? EXIT_SUCCESS : EXIT_FAILURE;
    json_object_put(reply);
    return r;
}

const struct command explain_command = {
    .name = "explain",
    .operand = "HOST[:PORT[/udp]]",
    .summary = "which entry decides, and what would allow it",
    .description = "Says which entry of the policy decides about a host, where that entry stands,\n"
                   "and what would allow a host that is refused. A URL does as well. Nothing is\n"
                   "sent.\n",
    .exit_status = "0 allowed, 1 refused",
    .print = print_explanation,
    .run = run_explain,
};
