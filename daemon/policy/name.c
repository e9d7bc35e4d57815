/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/entry.h"
#include "policy/public_suffixes.h"

#define LABEL_LENGTH_MAX 63

static bool may_be_in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Bytes of UTF-8 are not shown one by one. */
static int refuse_character(char c, unsigned column, struct text_error *reterr)
{
    if ((unsigned char)c >= 0x80)
        return text_error_set(
            reterr, 0, column,
            "has letters outside ASCII: write the A-label (xn--...) that the name "
            "has in DNS");
    if (c == '*')
        return text_error_set(reterr, 0, column,
                              "has '*' where it cannot stand: only '*.NAME' is a wildcard");
    if (!isprint((unsigned char)c))
        return text_error_set(reterr, 0, column,
                              "has a control character, which cannot be in a host name");
    return text_error_set(reterr, 0, column, "has '%c', which cannot be in a host name", c);
}

static int check_label(const char *name, size_t start, size_t end, struct text_error *reterr)
{
    unsigned column = (unsigned)start + 1;

    if (end == start && start == 0)
        return text_error_set(reterr, 0, column,
                              "begins with a dot: write 'NAME' for the name itself, '*.NAME' for "
                              "the names below it");
    if (end == start)
        return text_error_set(reterr, 0, column, "has two dots in a row");
    if (end - start > LABEL_LENGTH_MAX)
        return text_error_set(reterr, 0, column,
                              "has the label '%.16s...' of %zu characters: 63 are the most",
                              name + start, end - start);
    return 0;
}

int name_canonicalise(const char *text, char ret_name[static ENTRY_NAME_SIZE],
                      struct text_error *reterr)
{
    char name[ENTRY_NAME_SIZE];
    size_t length = strnlen(text, ENTRY_NAME_SIZE + 1), label = 0;

    if (length > 1 && length <= ENTRY_NAME_SIZE && text[length - 1] == '.')
        length--;
    if (length == 0)
        return text_error_set(reterr, 0, 1, "has no host");
    if (length >= ENTRY_NAME_SIZE)
        return text_error_set(reterr, 0, ENTRY_NAME_SIZE,
                              "is longer than the 253 characters that a name can have");

    for (size_t i = 0; i <= length; i++) {
        name[i] = i < length ? (char)tolower((unsigned char)text[i]) : '\0';
        if (i < length && name[i] != '.') {
            if (!may_be_in_name(name[i]))
                return refuse_character(text[i], (unsigned)i + 1, reterr);
            continue;
        }
        if (check_label(name, label, i, reterr) < 0)
            return -EINVAL;
        label = i + 1;
    }
    memcpy(ret_name, name, length + 1);
    return 0;
}

/* Whether the list has this rule; the text is so small that looking it up needs no order. */
static bool has_rule(const char *mark, const char *name)
{
    char line[ENTRY_NAME_SIZE + 8];

    snprintf(line, sizeof(line), "\n%s%s\n", mark, name);
    return strstr(public_suffixes, line);
}

/* The algorithm of https://publicsuffix.org/list/, for the question "is it one itself"; and what
 * lies above such ("kobe.jp", for the rule "*.kobe.jp") is no better. */
bool name_is_public_suffix(const char *name)
{
    const char *dot = strchr(name, '.');

    if (!dot)
        return true;
    if (has_rule("!", name))
        return false;
    return has_rule("", name) || has_rule("*.", dot + 1) || has_rule("*.", name);
}
