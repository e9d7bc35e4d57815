/* SPDX-License-Identifier: MIT */
/* Text for people: colour only on a terminal, columns, and nothing from outside that could drive a
 * terminal. */
#ifndef EGRESSD_EGRESSCTL_SCREEN_H
#define EGRESSD_EGRESSCTL_SCREEN_H

#include <stddef.h>
#include <stdint.h>

struct json_object;

#define SCREEN_COLUMNS 80
#define SCREEN_ROWS_MAX 60 /* of one table: what is beyond is counted */

enum screen_colour { SCREEN_PLAIN, SCREEN_GOOD, SCREEN_BAD, SCREEN_WARN, SCREEN_DIM };

/* Decides once whether stdout gets colours. */
void screen_open(void);
void screen_print(enum screen_colour colour, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Pads to width; what is longer gets the rest of its line. */
void screen_cell(const char *text, int width);

/* Words in lines of 80 columns, those after the first indented; a longer word stays whole. The
 * first line begins where the cursor is: at indent, or at column. */
void screen_paragraph(int indent, const char *text);
void screen_paragraph_from(int column, int indent, const char *text);
/* On standard error: a terminal gets a paragraph, whatever else reads it one line. */
void screen_complain(const char *text);
/* How many columns it takes; text is UTF-8. */
int screen_width(const char *text);

/* Replaces control characters, and what is not UTF-8, in every string of the object: those are then
 * safe to print. */
void screen_clean(struct json_object *object);

/* One line of JSON that means the same, and is safe to print as well. */
void screen_print_json(struct json_object *object);

/* Members of an object that need not be there: "", 0, NULL. Borrowed. */
const char *screen_text(struct json_object *object, const char *member);
const char *screen_text_at(struct json_object *array, size_t index);
int64_t screen_number(struct json_object *object, const char *member);
struct json_object *screen_member(struct json_object *object, const char *member);

/* Of an array, or of something that is none: then its length is 0. */
size_t screen_length(struct json_object *array);
struct json_object *screen_item(struct json_object *array, size_t index);
/* Its texts with a separator between them, as far as they fit. */
#define SCREEN_LINE_SIZE 512
const char *screen_join(struct json_object *array, const char *separator,
                        char text[static SCREEN_LINE_SIZE]);

/* "3 min 12 s" */
#define SCREEN_DURATION_SIZE 32
const char *screen_duration(int64_t seconds, char text[static SCREEN_DURATION_SIZE]);

#endif
