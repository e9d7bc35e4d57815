/* SPDX-License-Identifier: MIT */
/* suggest: the entries that would have let through what was refused, ready to paste. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "egressctl/ask.h"
#include "egressctl/command.h"
#include "egressctl/screen.h"

#define OTHER_INDENT 4
#define ENTRY_INDENT 6
#define COMMENT_INDENT (ENTRY_INDENT + 3)
#define COMMENT_SIZE 4096
#define COMMENT_MARK_WIDTH 5  /* "  // " */
#define COMMENT_COLUMN_MAX 40 /* an entry that is longer does not push the comments of others */

/* --- the block -------------------------------------------------------------------------------- */

static const char *times_text(struct json_object *line, char text[static SCREEN_LINE_SIZE])
{
    int64_t count = screen_number(line, "count");

    if (count == 1)
        return "once";
    snprintf(text, SCREEN_LINE_SIZE, "%lld times", (long long)count);
    return text;
}

/* In lines of 80 columns; each is a comment. */
static void print_comment_lines(const char *text)
{
    int column = SCREEN_COLUMNS;

    for (size_t size; *text; text += size, text += strspn(text, " ")) {
        size = strcspn(text, " ");
        if (column + 1 + (int)size > SCREEN_COLUMNS) {
            printf("%s%*s//", column == SCREEN_COLUMNS ? "" : "\n", ENTRY_INDENT, "");
            column = COMMENT_INDENT - 1;
        }
        printf(" %.*s", (int)size, text);
        column += 1 + (int)size;
    }
    printf("\n");
}

/* "entry" and its comma, where it stands. */
static int entry_width(struct json_object *line)
{
    return ENTRY_INDENT + screen_width(screen_text(line, "entry")) + 3;
}

/* column: where its comment begins, if it has the room. */
static void print_entry(struct json_object *line, int column, bool is_last)
{
    const char *entry = screen_text(line, "entry");
    char comment[COMMENT_SIZE], times[SCREEN_LINE_SIZE];
    int width, length, room, padding;

    length = snprintf(comment, sizeof(comment), "%s, %s", screen_text(line, "why"),
                      times_text(line, times));
    width = entry_width(line);
    room = SCREEN_COLUMNS - width - COMMENT_MARK_WIDTH - length;
    if (room < 0) {
        print_comment_lines(comment);
        printf("%*s\"%s\"%s\n", ENTRY_INDENT, "", entry, is_last ? "" : ",");
    } else {
        padding = column > width ? column - width : 0;
        printf("%*s\"%s\"%s%*s  // %s\n", ENTRY_INDENT, "", entry, is_last ? " " : ",",
               padding < room ? padding : room, "", comment);
    }
}

static void print_block(struct json_object *allow)
{
    int column = 0, width;

    for (size_t i = 0; i < screen_length(allow); i++) {
        width = entry_width(screen_item(allow, i));
        if (width > column && width <= COMMENT_COLUMN_MAX)
            column = width;
    }
    printf("    \"allow\": [\n");
    for (size_t i = 0; i < screen_length(allow); i++)
        print_entry(screen_item(allow, i), column, i + 1 == screen_length(allow));
    printf("    ]\n");
}

/* --- around it -------------------------------------------------------------------------------- */

static void print_others(struct json_object *others)
{
    const size_t count = screen_length(others);

    if (count == 0)
        return;
    screen_print(SCREEN_WARN, "\nNot suggested:\n");
    for (size_t i = 0; i < count && i < SCREEN_ROWS_MAX; i++) {
        struct json_object *line = screen_item(others, i);
        char text[COMMENT_SIZE], times[SCREEN_LINE_SIZE];

        printf("  %s\n%*s", screen_text(line, "what"), OTHER_INDENT, "");
        snprintf(text, sizeof(text), "%s, %s", screen_text(line, "why"), times_text(line, times));
        screen_paragraph(OTHER_INDENT, text);
    }
    if (count > SCREEN_ROWS_MAX)
        printf("  and %zu more: --json has all of them\n", count - SCREEN_ROWS_MAX);
}

static void print_suggestion(struct json_object *reply)
{
    struct json_object *allow = screen_member(reply, "allow");
    struct json_object *others = screen_member(reply, "others");
    bool is_audit = strcmp(screen_text(reply, "mode"), "audit") == 0;

    if (screen_length(allow) == 0)
        printf("Nothing to add: %s\n",
               screen_length(others) > 0
                   ? "what was refused had better stay so."
                   : "the policy allows all that was asked for since egressd started.");
    else
        print_block(allow);
    print_others(others);
    if (screen_length(allow) == 0)
        return;
    printf("\nWhoever wants out decides what stands here: read it before you paste it.\n\n");
    printf("in    ");
    screen_paragraph(6, screen_text(reply, "where"));
    printf("then  ");
    screen_paragraph(6, screen_text(reply, "then"));
    if (is_audit)
        printf("and   take \"mode\": \"audit\" away, so that all else is refused\n");
}

static int run_suggest(const struct call *call)
{
    struct json_object *reply;
    int r = ask_and_show(call, &reply);

    if (r == 0)
        json_object_put(reply);
    return r;
}

const struct command suggest_command = {
    .name = "suggest",
    .summary = "the entries that would allow what was refused",
    .description =
        "Makes an \"allow\" block, ready to paste, of what was refused since egressd\n"
        "started or, in audit mode, would have been: as few entries as do, the most\n"
        "used first, each with the reason and how often. Groups and wildcards are taken\n"
        "where they fit, and say what else they open. What had better stay closed is\n"
        "listed below.\n",
    .exit_status = "0 shown, also when there is nothing to add",
    .print = print_suggestion,
    .run = run_suggest,
};
