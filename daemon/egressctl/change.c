/* SPDX-License-Identifier: MIT */
#include "egressctl/change.h"

#include <json-c/json.h>

#include "egressctl/screen.h"

void print_change(struct json_object *change)
{
    static const struct {
        const char *member, *sign;
        enum screen_colour colour;
    } lists[] = {{"removed", "-", SCREEN_BAD}, {"added", "+", SCREEN_GOOD}};
    size_t rest = (size_t)screen_number(change, "left_out");

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct json_object *lines = screen_member(change, lists[i].member);
        size_t count = screen_length(lines);

        for (size_t k = 0; k < count && k < SCREEN_ROWS_MAX; k++)
            screen_print(lists[i].colour, "  %s %s\n", lists[i].sign, screen_text_at(lines, k));
        rest += count > SCREEN_ROWS_MAX ? count - SCREEN_ROWS_MAX : 0;
    }
    if (rest > 0)
        screen_print(SCREEN_DIM, "  ... and %zu more\n", rest);
}
