/* SPDX-License-Identifier: MIT */
/* status: what is enforced, since when, and where each entry came from. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "egressctl/ask.h"
#include "egressctl/change.h"
#include "egressctl/command.h"
#include "egressctl/screen.h"

#define LABEL_WIDTH 12
#define HOST_WIDTH 36
#define PORTS_WIDTH 18
#define STATE_WIDTH 14
#define TTL_WIDTH 8
#define MORE_WIDTH 4 /* " +12" */

static void print_label(const char *label)
{
    printf("  %-*s", LABEL_WIDTH, label);
}

static void print_rest(size_t count)
{
    if (count > 0)
        screen_print(SCREEN_DIM, "... and %zu more: egressctl status --json has them all\n", count);
}

/* The end of a path that tells files apart in one line. */
static const char *short_path(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void print_state(struct json_object *reply)
{
    const char *state = screen_text(reply, "state");
    enum screen_colour colour = strcmp(state, "enforcing") == 0  ? SCREEN_GOOD
                                : strcmp(state, "auditing") == 0 ? SCREEN_WARN
                                                                 : SCREEN_BAD;
    char duration[SCREEN_DURATION_SIZE];

    screen_print(colour, "%s",
                 strcmp(state, "invalid-policy") == 0 ? "everything is denied: invalid policy"
                                                      : state);
    printf(" for %s (egressd %s, pid %lld)\n",
           screen_duration(screen_number(reply, "since_s"), duration),
           screen_text(reply, "version"), (long long)screen_number(reply, "pid"));
    if (*screen_text(reply, "reason"))
        screen_paragraph(0, screen_text(reply, "reason"));
    if (*screen_text(reply, "reload_error")) {
        screen_print(SCREEN_WARN, "the last reload was refused, the policy before it stands:\n");
        screen_paragraph(printf("  "), screen_text(reply, "reload_error"));
    }
}

static void print_sources(struct json_object *policy)
{
    struct json_object *files = screen_member(policy, "files");
    const char *devcontainer = screen_text(policy, "devcontainer");

    print_label("policy");
    if (screen_length(files) == 0)
        printf("no entries at all: nothing is allowed\n");
    for (size_t i = 0; i < screen_length(files); i++) {
        if (i > 0)
            print_label("");
        printf("%s\n", screen_text_at(files, i));
    }
    print_label("workspace");
    if (!*devcontainer) {
        printf("%s\n", strcmp(screen_text(policy, "workspace_policy"), "ignore") == 0
                           ? "ignored (workspacePolicy)"
                           : "no devcontainer.json");
        return;
    }
    printf("%s%s\n", devcontainer,
           json_object_get_boolean(screen_member(policy, "pinned")) ? " (pinned)" : "");
    if (*screen_text(policy, "how_found")) {
        print_label("");
        screen_paragraph(LABEL_WIDTH + 2, screen_text(policy, "how_found"));
    }
}

static void print_upstreams(struct json_object *reply)
{
    struct json_object *upstreams = screen_member(reply, "upstreams");

    print_label("upstreams");
    if (screen_length(upstreams) == 0)
        printf("none");
    for (size_t i = 0; i < screen_length(upstreams); i++) {
        struct json_object *upstream = screen_item(upstreams, i);
        const char *address = screen_text(upstream, "address");
        long long port = screen_number(upstream, "port");

        printf("%s", i > 0 ? ", " : "");
        if (port == 53)
            printf("%s", address);
        else
            printf(strchr(address, ':') ? "[%s]:%lld" : "%s:%lld", address, port);
    }
    if (screen_member(reply, "embedded_resolver"))
        printf("; Docker's resolver for names without a dot");
    printf("\n");
}

static void print_numbers(struct json_object *reply)
{
    struct json_object *counters = screen_member(reply, "counters");

    print_label("questions");
    printf("%lld asked, %lld refused, %lld failed\n",
           (long long)screen_number(counters, "questions"),
           (long long)screen_number(counters, "questions_refused"),
           (long long)screen_number(counters, "questions_failed"));
    print_label("leases");
    printf("%lld addresses open now\n", (long long)screen_number(reply, "leases"));
}

static bool is_budget_left(struct json_object *names)
{
    return strcmp(screen_text(names, "standing"), "ok") == 0;
}

static void print_place(struct json_object *entry)
{
    if (*screen_text(entry, "file"))
        screen_print(SCREEN_DIM, "%s:%lld", short_path(screen_text(entry, "file")),
                     (long long)screen_number(entry, "line"));
}

static void print_budget(struct json_object *names)
{
    long long refused = screen_number(names, "refused");

    screen_print(is_budget_left(names) ? SCREEN_DIM : SCREEN_WARN, "  led to %lld of %lld names",
                 (long long)screen_number(names, "used"), (long long)screen_number(names, "most"));
    if (refused > 0)
        screen_print(SCREEN_WARN, ", %lld questions for more refused", refused);
    printf("\n");
}

static void print_entry(struct json_object *entry)
{
    struct json_object *names = screen_member(entry, "names");
    char ports[SCREEN_LINE_SIZE];

    screen_cell(screen_text(entry, "host"), HOST_WIDTH);
    screen_join(screen_member(entry, "ports"), " ", ports);
    screen_cell(strcmp(ports, "* */udp") == 0 ? "every port" : ports, PORTS_WIDTH);
    print_place(entry);
    printf("\n");
    if (names && screen_number(names, "used") > 0)
        print_budget(names);
}

/* How many entries from here on stand for the group that this one is of; 0: it is of none. */
static size_t group_size(struct json_object *entries, size_t from)
{
    static const char *const members[] = {"list", "group", "file"};
    struct json_object *first = screen_item(entries, from), *entry;
    size_t at = from;

    if (!*screen_text(first, "group"))
        return 0;
    while ((entry = screen_item(entries, ++at))) {
        bool is_same = screen_number(entry, "line") == screen_number(first, "line");

        for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
            is_same &= strcmp(screen_text(entry, members[i]), screen_text(first, members[i])) == 0;
        if (!is_same)
            break;
    }
    return at - from;
}

/* As it was written; and those of its wildcards that have led to all the names they may. */
static void print_group(struct json_object *entries, size_t from, size_t size)
{
    struct json_object *first = screen_item(entries, from);
    char text[SCREEN_LINE_SIZE];

    snprintf(text, sizeof(text), "@%s", screen_text(first, "group"));
    screen_cell(text, HOST_WIDTH);
    snprintf(text, sizeof(text), "%zu entries", size);
    screen_cell(text, PORTS_WIDTH);
    print_place(first);
    printf("\n");
    for (size_t i = from; i < from + size; i++) {
        struct json_object *entry = screen_item(entries, i), *names = screen_member(entry, "names");

        if (names && !is_budget_left(names))
            print_entry(entry);
    }
}

static void print_entries(struct json_object *entries, const char *list, const char *title)
{
    size_t shown = 0, left_out = 0, size;

    for (size_t i = 0; i < screen_length(entries); i += size) {
        size_t group = group_size(entries, i);

        size = group ? group : 1;
        if (strcmp(screen_text(screen_item(entries, i), "list"), list) != 0)
            continue;
        if (shown++ == 0)
            screen_print(SCREEN_DIM, "\n%-*s%-*sFROM\n", HOST_WIDTH, title, PORTS_WIDTH, "PORTS");
        if (shown > SCREEN_ROWS_MAX)
            left_out += size;
        else if (group)
            print_group(entries, i, size);
        else
            print_entry(screen_item(entries, i));
    }
    print_rest(left_out);
}

/* As many as the line takes, and how many there are more. */
static void print_addresses(struct json_object *addresses)
{
    size_t count = screen_length(addresses), shown = 0;
    int column = HOST_WIDTH + STATE_WIDTH + TTL_WIDTH;

    for (; shown < count; shown++) {
        const char *address = screen_text(screen_item(addresses, shown), "address");

        column += screen_width(address) + 1;
        if (shown > 0 && column + MORE_WIDTH > SCREEN_COLUMNS)
            break;
        printf("%s%s", shown > 0 ? " " : "", address);
    }
    if (shown < count)
        printf(" +%zu", count - shown);
}

static void print_name(struct json_object *name)
{
    struct json_object *addresses = screen_member(name, "addresses");
    size_t count = screen_length(addresses);
    const char *state = screen_text(name, "state"), *error = screen_text(name, "last_error");
    char ttl[SCREEN_DURATION_SIZE];

    screen_cell(screen_text(name, "name"), HOST_WIDTH);
    screen_cell(*state ? state : "leased", STATE_WIDTH);
    snprintf(ttl, sizeof(ttl), "%lld s", (long long)screen_number(name, "ttl_left_s"));
    screen_cell(strcmp(state, "ok") == 0 ? ttl : "-", TTL_WIDTH);
    print_addresses(addresses);
    if (count == 0)
        printf("%s", *error && strcmp(state, "no-such-name") != 0 ? error : "-");
    printf("\n");
}

static void print_names(struct json_object *reply)
{
    struct json_object *names = screen_member(reply, "names");
    size_t count = screen_length(names);

    if (count == 0)
        return;
    screen_print(SCREEN_DIM, "\n%-*s%-*s%-*sADDRESSES\n", HOST_WIDTH, "NAME", STATE_WIDTH, "STATE",
                 TTL_WIDTH, "TTL");
    for (size_t i = 0; i < count && i < SCREEN_ROWS_MAX; i++)
        print_name(screen_item(names, i));
    print_rest((count > SCREEN_ROWS_MAX ? count - SCREEN_ROWS_MAX : 0) +
               (size_t)screen_number(reply, "names_left_out"));
}

/* Whether there was anything to say. */
static bool print_tampering(struct json_object *kernel)
{
    struct json_object *tampering = screen_member(kernel, "tampering");
    char duration[SCREEN_DURATION_SIZE];

    if (!tampering)
        return false;
    screen_print(SCREEN_BAD, "somebody changed the kernel's table; times put back: %lld\n",
                 (long long)screen_number(kernel, "restored"));
    screen_print(SCREEN_BAD, "  last %s ago: %s, by \"%s\" (process %lld of the machine)\n",
                 screen_duration(screen_number(tampering, "ago_s"), duration),
                 screen_text(tampering, "what"), screen_text(tampering, "process"),
                 (long long)screen_number(tampering, "host_pid"));
    return true;
}

static void print_warnings(struct json_object *reply)
{
    struct json_object *weaknesses = screen_member(reply, "weaknesses");

    printf("\n");
    for (size_t i = 0; i < screen_length(weaknesses); i++) {
        screen_print(SCREEN_WARN, "weakness");
        printf(": ");
        screen_paragraph(10, screen_text_at(weaknesses, i));
    }
    if (print_tampering(screen_member(reply, "kernel")) || screen_length(weaknesses) > 0)
        printf("\n");
}

static void print_next(struct json_object *reply)
{
    struct json_object *pending = screen_member(reply, "pending");
    const char *error = screen_text(pending, "error");

    if (!pending && screen_number(screen_member(reply, "counters"), "questions_refused") > 0) {
        printf("next: 'egressctl log' shows what was refused, and what would allow it\n");
        return;
    }
    if (!pending) {
        printf("next: 'egressctl explain HOST' says why a host is refused, and what to add\n");
        return;
    }
    printf("pending: the workspace's policy has changed since it was pinned\n");
    if (*error) {
        screen_print(SCREEN_WARN, "  it cannot be adopted as it is:\n");
        screen_paragraph(printf("  "), error);
        printf("next: put that right; then, as root, 'egressctl apply' adopts it\n");
        return;
    }
    print_change(pending);
    printf("next: if that is meant, rebuild the container, or as root: egressctl apply\n");
}

static void print_elsewhere(struct json_object *reply)
{
    if (!ask_where(reply))
        return;
    screen_print(SCREEN_BAD, "but not here");
    printf(": ");
    screen_paragraph(14, ask_where(reply));
}

static void print_status(struct json_object *reply)
{
    struct json_object *entries = screen_member(reply, "entries");

    print_state(reply);
    print_elsewhere(reply);
    printf("\n");
    print_sources(screen_member(reply, "policy"));
    print_upstreams(reply);
    print_numbers(reply);
    print_entries(entries, "allow", "ALLOWED");
    print_entries(entries, "deny", "DENIED");
    print_names(reply);
    print_warnings(reply);
    print_next(reply);
}

static int run_status(const struct call *call)
{
    struct json_object *reply;
    int r = ask_and_show(call, &reply);

    if (r != 0)
        return r;
    r = strcmp(screen_text(reply, "state"), "enforcing") == 0 && !ask_where(reply) ? EXIT_SUCCESS
                                                                                   : EXIT_FAILURE;
    json_object_put(reply);
    return r;
}

const struct command status_command = {
    .name = "status",
    .summary = "what is enforced, since when, and from where",
    .description =
        "Shows what is enforced and since when, the file and line that each entry came\n"
        "from, the names with their addresses, and what makes less of the promise here.\n",
    .exit_status = "0 enforcing, 1 not, as in audit mode, or not here",
    .print = print_status,
    .run = run_status,
};
