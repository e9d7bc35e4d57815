/* SPDX-License-Identifier: MIT */
#include "egressctl/log_lines.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "egressctl/screen.h"

#define TIME_WIDTH 10
#define VERDICT_WIDTH 9
#define WHAT_WIDTH 42
#define WHO_WIDTH 12
#define COUNT_WIDTH 6
#define INDENT (TIME_WIDTH + VERDICT_WIDTH)
#define COMMAND_SHOWN_MAX 110 /* two lines of it; --json has more */
#define DAY_S 86400

/* --- one line --------------------------------------------------------------------------------- */

static void print_time(struct json_object *entry)
{
    int64_t ago_s = screen_number(entry, "last_ago_s");
    time_t then = time(NULL) - (time_t)ago_s;
    char text[32] = "";
    struct tm parts;

    if (localtime_r(&then, &parts))
        strftime(text, sizeof(text), ago_s < DAY_S ? "%H:%M:%S" : "%b %e", &parts);
    screen_print(SCREEN_DIM, "%-*s", TIME_WIDTH, text);
}

static void print_verdict(struct json_object *entry)
{
    const char *verdict = screen_text(entry, "verdict");

    if (strcmp(verdict, "granted") == 0)
        screen_print(SCREEN_GOOD, "%-*s", VERDICT_WIDTH, "granted");
    else if (strcmp(verdict, "refused") == 0)
        screen_print(SCREEN_BAD, "%-*s", VERDICT_WIDTH, "refused");
    else
        screen_print(SCREEN_WARN, "%-*s", VERDICT_WIDTH, "audit");
}

/* "api.example.com:443", "[2001:db8::7]:123/udp", "192.0.2.7 (icmp)" */
static void format_what(struct json_object *entry, char text[static SCREEN_LINE_SIZE])
{
    const char *name = screen_text(entry, "name"), *address = screen_text(entry, "address");
    const char *protocol = screen_text(entry, "protocol");
    const char *host = *name ? name : *address ? address : "(a name no host can have)";
    bool has_port = screen_member(entry, "port") != NULL;
    bool has_brackets = has_port && !*name && strchr(address, ':');
    char port[16] = "", suffix[32] = "";

    if (has_port)
        snprintf(port, sizeof(port), ":%lld", (long long)screen_number(entry, "port"));
    if (has_port && strcmp(protocol, "tcp") != 0)
        snprintf(suffix, sizeof(suffix), "/%s", protocol);
    else if (*protocol && !has_port)
        snprintf(suffix, sizeof(suffix), " (%s)", protocol);
    snprintf(text, SCREEN_LINE_SIZE, has_brackets ? "[%s]%s%s" : "%s%s%s", host, port, suffix);
}

static void print_who(struct json_object *entry)
{
    const char *user = screen_text(entry, "user");
    char text[24] = "-";

    if (strcmp(screen_text(entry, "via"), "forward") == 0)
        snprintf(text, sizeof(text), "container");
    else if (*user)
        snprintf(text, sizeof(text), "%s", user);
    else if (screen_member(entry, "uid"))
        snprintf(text, sizeof(text), "uid %lld", (long long)screen_number(entry, "uid"));
    screen_cell(text, WHO_WIDTH);
}

static void print_reason(struct json_object *entry)
{
    const char *name = screen_text(entry, "name"), *address = screen_text(entry, "address");
    long long more = screen_number(entry, "names_more");
    char text[SCREEN_LINE_SIZE], tail[128] = "";

    if (*name && *address && more > 0)
        snprintf(tail, sizeof(tail), " (%s, also of %lld other names)", address, more);
    else if (*name && *address)
        snprintf(tail, sizeof(tail), " (%s)", address);
    snprintf(text, sizeof(text), "%.300s%s", screen_text(entry, "reason"), tail);
    printf("%*s", INDENT, "");
    screen_paragraph(INDENT, text);
}

static void print_process(struct json_object *entry)
{
    const char *command = screen_text(entry, "command"), *process = screen_text(entry, "process");
    const char *who = *command ? command : process;
    char text[SCREEN_LINE_SIZE];

    if (!*who)
        return;
    snprintf(text, sizeof(text), "by %.*s%s", COMMAND_SHOWN_MAX, who,
             strlen(who) > COMMAND_SHOWN_MAX ? " ..." : "");
    printf("%*s", INDENT, "");
    screen_paragraph(INDENT, text);
}

static void print_suggestion(struct json_object *suggestion, const char *reason)
{
    const char *entry = screen_text(suggestion, "entry"), *note = screen_text(suggestion, "note");

    if (*entry)
        printf("%*sadd to \"allow\": \"%s\"\n", INDENT, "", entry);
    if (*note && strcmp(note, reason) != 0) {
        screen_print(SCREEN_WARN, "%*snote: ", INDENT, "");
        screen_paragraph(INDENT + 6, note);
    }
}

void log_lines_print(struct json_object *entry)
{
    char what[SCREEN_LINE_SIZE];

    print_time(entry);
    print_verdict(entry);
    format_what(entry, what);
    if (strlen(what) < WHAT_WIDTH)
        printf("%-*s", WHAT_WIDTH, what);
    else
        printf("%s\n%*s", what, INDENT + WHAT_WIDTH, "");
    print_who(entry);
    printf("%*lld\n", COUNT_WIDTH, (long long)screen_number(entry, "count"));
    if (strcmp(screen_text(entry, "verdict"), "granted") == 0)
        return;
    print_reason(entry);
    print_process(entry);
    print_suggestion(screen_member(entry, "suggestion"), screen_text(entry, "reason"));
}

void log_lines_print_head(void)
{
    screen_print(SCREEN_DIM, "%-*s%-*s%-*s%-*s%*s\n", TIME_WIDTH, "LAST", VERDICT_WIDTH, "",
                 WHAT_WIDTH, "WHAT", WHO_WIDTH, "WHO", COUNT_WIDTH, "COUNT");
}

/* --- news ------------------------------------------------------------------------------------- */

#define WATCHED_MAX 256

bool log_lines_is_news(struct json_object *entry, int64_t cursor)
{
    /* What was shown, each with the count it had; another line may take its place. */
    static struct {
        int64_t id, count;
    } shown[WATCHED_MAX];
    int64_t id = screen_number(entry, "id"), count = screen_number(entry, "count");
    size_t place = (uint64_t)id % WATCHED_MAX;
    bool is_known = shown[place].id == id;

    if (strcmp(screen_text(entry, "verdict"), "granted") == 0)
        return id > cursor;
    if (is_known && count < 2 * shown[place].count)
        return false;
    shown[place].id = id;
    shown[place].count = count;
    return true;
}

/* --- all of them ------------------------------------------------------------------------------ */

static void print_untold(struct json_object *reply)
{
    int64_t untold = screen_number(reply, "untold"), forgotten = screen_number(reply, "forgotten");

    if (!screen_member(reply, "untold"))
        screen_print(SCREEN_WARN, "refused connections cannot be shown here: egressctl status says "
                                  "why\n");
    if (untold > 0)
        printf("%lld more packets were refused than could be told one by one\n", (long long)untold);
    if (forgotten > 0)
        printf("%lld older lines have been forgotten\n", (long long)forgotten);
}

void log_lines_print_all(struct json_object *reply)
{
    struct json_object *entries = screen_member(reply, "entries");
    size_t count = screen_length(entries);
    size_t first = count > SCREEN_ROWS_MAX ? count - SCREEN_ROWS_MAX : 0;

    if (count == 0) {
        print_untold(reply);
        screen_print(SCREEN_GOOD, "nothing was refused since egressd started\n");
        return;
    }
    if (first > 0)
        screen_print(SCREEN_DIM, "%zu lines before these: egressctl log --json has them all\n",
                     first);
    log_lines_print_head();
    for (size_t i = first; i < count; i++)
        log_lines_print(screen_item(entries, i));
    printf("\n");
    print_untold(reply);
    printf("next: 'egressctl suggest' makes of it what to paste, and says where\n");
}
