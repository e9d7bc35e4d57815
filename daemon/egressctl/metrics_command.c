/* SPDX-License-Identifier: MIT */
/* metrics: numbers for a program that collects them. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "egressctl/ask.h"
#include "egressctl/command.h"
#include "egressctl/screen.h"

/* By itself, because the newlines in it are meant. */
static void print_text(const char *text)
{
    struct json_object *lines = json_object_new_array();

    while (*text) {
        size_t length = strcspn(text, "\n");

        json_object_array_add(lines, json_object_new_string_len(text, (int)length));
        text += length + (text[length] == '\n');
    }
    screen_clean(lines);
    for (size_t i = 0; i < screen_length(lines); i++)
        printf("%s\n", screen_text_at(lines, i));
    json_object_put(lines);
}

static int run_metrics(const struct call *call)
{
    struct json_object *reply;
    int r = ask_raw(call, &reply);

    if (r != 0)
        return r;
    if (!call->as_json)
        print_text(screen_text(reply, "text"));
    json_object_put(reply);
    return EXIT_SUCCESS;
}

const struct command metrics_command = {
    .name = "metrics",
    .summary = "numbers in OpenMetrics' text format",
    .description =
        "Prints what egressd has counted in the text format of OpenMetrics 1.0, for a\n"
        "program that collects it: Prometheus' node exporter, by its textfile collector.\n",
    .exit_status = "0 printed",
    .run = run_metrics,
};
