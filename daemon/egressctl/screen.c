/* SPDX-License-Identifier: MIT */
#include "egressctl/screen.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static bool has_colours;

static const char *const colour_codes[] = {
    [SCREEN_PLAIN] = "",        [SCREEN_GOOD] = "\033[32m", [SCREEN_BAD] = "\033[31m",
    [SCREEN_WARN] = "\033[33m", [SCREEN_DIM] = "\033[2m",
};

void screen_open(void)
{
    const char *terminal = getenv("TERM");

    has_colours =
        isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && terminal && strcmp(terminal, "dumb") != 0;
}

void screen_print(enum screen_colour colour, const char *format, ...)
{
    bool coloured = has_colours && colour != SCREEN_PLAIN;
    va_list arguments;

    if (coloured)
        fputs(colour_codes[colour], stdout);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    if (coloured)
        fputs("\033[0m", stdout);
}

void screen_cell(const char *text, int width)
{
    if (strlen(text) < (size_t)width)
        printf("%-*s", width, text);
    else
        printf("%s\n%*s", text, width, "");
}

/* C0, DEL, and C1 as UTF-8 has them (C2 80 to C2 9F). */
static bool is_control(const unsigned char *text)
{
    return text[0] < 0x20 || text[0] == 0x7f ||
           (text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0);
}

static void clean_string(struct json_object *string)
{
    char *text = xstrdup(json_object_get_string(string));
    bool changed = false;

    for (char *at = text; *at; at++) {
        const unsigned char *bytes = (const unsigned char *)at;

        if (!is_control(bytes))
            continue;
        if (bytes[0] == 0xc2)
            *at++ = '?';
        *at = '?';
        changed = true;
    }
    if (changed)
        json_object_set_string(string, text);
    free(text);
}

void screen_clean(struct json_object *object)
{
    switch (json_object_get_type(object)) {
    case json_type_string:
        clean_string(object);
        break;
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(object); i++)
            screen_clean(json_object_array_get_idx(object, i));
        break;
    case json_type_object: {
        json_object_object_foreach(object, name, value)
        {
            (void)name;
            screen_clean(value);
        }
        break;
    }
    default:
        break;
    }
}

struct json_object *screen_member(struct json_object *object, const char *member)
{
    struct json_object *value = NULL;

    if (json_object_is_type(object, json_type_object))
        json_object_object_get_ex(object, member, &value);
    return value;
}

const char *screen_text(struct json_object *object, const char *member)
{
    struct json_object *value = screen_member(object, member);

    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

int64_t screen_number(struct json_object *object, const char *member)
{
    return json_object_get_int64(screen_member(object, member));
}

const char *screen_duration(int64_t seconds, char text[static SCREEN_DURATION_SIZE])
{
    long long s = seconds;

    if (s < 60)
        snprintf(text, SCREEN_DURATION_SIZE, "%lld s", s);
    else if (s < 3600)
        snprintf(text, SCREEN_DURATION_SIZE, "%lld min %lld s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, SCREEN_DURATION_SIZE, "%lld h %lld min", s / 3600, s / 60 % 60);
    else
        snprintf(text, SCREEN_DURATION_SIZE, "%lld d %lld h", s / 86400, s / 3600 % 24);
    return text;
}
