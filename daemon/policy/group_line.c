/* SPDX-License-Identifier: MIT */
#include "policy/group_line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/name_budget.h"

#define WORD_SIZE (ENTRY_TEXT_SIZE + 1) /* what does not fit is too long for an entry */
#define NUMBER_DIGITS_MAX 9

/* What is left of the line, and how far it has been read. */
struct line {
    const char *text;
    size_t size, at;
};

const char *group_line_take(struct cursor *c, size_t *ret_size)
{
    size_t left = cursor_left(c);
    const char *line = (const char *)c->at;
    const char *newline = left ? memchr(line, '\n', left) : NULL;

    *ret_size = newline ? (size_t)(newline - line) : left;
    cursor_take(c, newline ? *ret_size + 1 : *ret_size);
    return line;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* "" at the end of the line, or where its comment begins. ret_column counts from 1. */
static const char *next_word(struct line *line, char ret_word[static WORD_SIZE],
                             unsigned *ret_column)
{
    size_t size = 0;

    while (line->at < line->size && is_blank(line->text[line->at]))
        line->at++;
    *ret_column = (unsigned)line->at + 1;
    if (line->at < line->size && line->text[line->at] == '#')
        line->at = line->size;
    for (; line->at < line->size && !is_blank(line->text[line->at]); line->at++)
        if (size < WORD_SIZE - 1)
            ret_word[size++] = line->text[line->at];
    ret_word[size] = '\0';
    return ret_word;
}

static int read_host(const char *word, unsigned column, struct entry *ret_entry,
                     struct text_error *reterr)
{
    if (entry_parse(word, ret_entry, reterr) < 0) {
        reterr->column += column - 1;
        return -EINVAL;
    }
    if (ret_entry->kind == ENTRY_GROUP)
        return text_error_set(reterr, 0, column,
                              "'%s' is a group, and a group cannot hold another: write its hosts",
                              word);
    return 0;
}

static int read_names(struct line *line, struct entry *entry, struct text_error *reterr)
{
    char word[WORD_SIZE] = "";
    unsigned column;
    size_t digits = strspn(next_word(line, word, &column), "0123456789");
    uint32_t names = 0;

    for (size_t i = 0; i < digits && i < NUMBER_DIGITS_MAX; i++)
        names = names * 10 + (uint32_t)(word[i] - '0');
    if (entry->kind != ENTRY_WILDCARD)
        return text_error_set(reterr, 0, column,
                              "'names' says to how many names a wildcard may lead, and '%.80s' is "
                              "none: leave it out",
                              entry->text);
    if (word[digits] || digits > NUMBER_DIGITS_MAX || names < 1 || names > NAME_BUDGET_MAX)
        return text_error_set(reterr, 0, column,
                              "'names' needs a number from 1 to %d: to how many names '%.80s' may "
                              "lead (%d if left out)",
                              NAME_BUDGET_MAX, entry->text, NAME_BUDGET_DEFAULT);
    entry->names_max = names;
    return 0;
}

/* What may follow the host. */
static int read_rest(struct line *line, struct entry *entry, struct text_error *reterr)
{
    char word[WORD_SIZE] = "";
    unsigned column;

    while (*next_word(line, word, &column)) {
        if (strcmp(word, "private") == 0)
            entry->allow_private = true;
        else if (strcmp(word, "names") != 0)
            return text_error_set(reterr, 0, column,
                                  "'%.40s' cannot follow '%.80s': 'private', 'names' with a "
                                  "number, or a comment ('# ...') can",
                                  word, entry->text);
        else if (read_names(line, entry, reterr) < 0)
            return -EINVAL;
    }
    return 0;
}

int group_line_read(struct cursor *c, struct entry *ret_entry, bool *ret_has_entry,
                    struct text_error *reterr)
{
    struct line line = {.at = 0};
    struct entry entry;
    char word[WORD_SIZE] = "";
    unsigned column;

    line.text = group_line_take(c, &line.size);
    *ret_has_entry = false;
    if (line.size && memchr(line.text, '\0', line.size))
        return text_error_set(reterr, 0, (unsigned)strnlen(line.text, line.size) + 1,
                              "has a NUL in it: a group is a text file");
    if (!*next_word(&line, word, &column))
        return 0;
    if (read_host(word, column, &entry, reterr) < 0 || read_rest(&line, &entry, reterr) < 0)
        return -EINVAL;
    *ret_entry = entry;
    *ret_has_entry = true;
    return 0;
}
