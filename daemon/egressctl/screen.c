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
#include "base/plain_text.h"

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

/* Of UTF-8: all bytes but those that continue a character. */
static int measure_width(const char *text, size_t size)
{
    int width = 0;

    for (size_t i = 0; i < size; i++)
        width += (text[i] & 0xc0) != 0x80;
    return width;
}

int screen_width(const char *text)
{
    return measure_width(text, strlen(text));
}

static void print_paragraph(FILE *stream, int column, int indent, const char *text)
{
    const char *blank = "";

    while (*text) {
        size_t size = strcspn(text, " ");
        int width = measure_width(text, size);

        if (*blank && column + 1 + width > SCREEN_COLUMNS) {
            fprintf(stream, "\n%*s", indent, "");
            column = indent;
            blank = "";
        }
        fprintf(stream, "%s%.*s", blank, (int)size, text);
        column += width + (int)strlen(blank);
        blank = " ";
        text += size;
        text += strspn(text, " ");
    }
    fprintf(stream, "\n");
}

void screen_paragraph_from(int column, int indent, const char *text)
{
    print_paragraph(stdout, column, indent, text);
}

void screen_complain(const char *text)
{
    int indent = fprintf(stderr, "egressctl: ");

    if (isatty(STDERR_FILENO))
        print_paragraph(stderr, indent, indent, text);
    else
        fprintf(stderr, "%s\n", text);
}

void screen_paragraph(int indent, const char *text)
{
    screen_paragraph_from(indent, indent, text);
}

static void clean_string(struct json_object *string)
{
    char *text = xstrdup(json_object_get_string(string));

    if (plain_text_clean(text, ""))
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

/* json-c escapes C0 alone. Beyond ASCII there is nothing but strings. */
void screen_print_json(struct json_object *object)
{
    const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE);
    size_t length;

    for (const char *at = text; *at; at += length > 0 ? length : 1) {
        length = plain_text_measure(at);
        if (length == 0)
            fputs("\\ufffd", stdout);
        else if (plain_text_is_control(at))
            printf("\\u%04x", (unsigned char)at[length - 1]);
        else
            fwrite(at, 1, length, stdout);
    }
    putchar('\n');
}

struct json_object *screen_member(struct json_object *object, const char *member)
{
    struct json_object *value = NULL;

    if (json_object_is_type(object, json_type_object))
        json_object_object_get_ex(object, member, &value);
    return value;
}

/* Of a string alone: json-c would write any other value out, the names in it as they came. */
static const char *text_of(struct json_object *value)
{
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

const char *screen_text(struct json_object *object, const char *member)
{
    return text_of(screen_member(object, member));
}

const char *screen_text_at(struct json_object *array, size_t index)
{
    return text_of(json_object_array_get_idx(array, index));
}

int64_t screen_number(struct json_object *object, const char *member)
{
    return json_object_get_int64(screen_member(object, member));
}

size_t screen_length(struct json_object *array)
{
    return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

struct json_object *screen_item(struct json_object *array, size_t index)
{
    return index < screen_length(array) ? json_object_array_get_idx(array, index) : NULL;
}

const char *screen_join(struct json_object *array, const char *separator,
                        char text[static SCREEN_LINE_SIZE])
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < screen_length(array); i++) {
        int size = snprintf(text + used, SCREEN_LINE_SIZE - used, "%s%s", i > 0 ? separator : "",
                            screen_text_at(array, i));

        if (size < 0 || (size_t)size >= SCREEN_LINE_SIZE - used)
            break;
        used += (size_t)size;
    }
    return text;
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
