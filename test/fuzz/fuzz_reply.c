/* SPDX-License-Identifier: MIT */
/* What answers on the control socket may be anybody (--runtime-dir): whatever it says, egressctl
 * prints lines of well-formed UTF-8 without a control character in them. */
#include <assert.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "egressctl/client.h"
#include "egressctl/command.h"
#include "egressctl/screen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* By decoding, where screen.c goes by ranges of bytes. */
static void check_text(const unsigned char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t more = text[at] < 0x80 ? 0 : text[at] < 0xe0 ? 1 : text[at] < 0xf0 ? 2 : 3;
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        uint32_t code = more == 0 ? text[at] : text[at] & (0x3fu >> more);

        assert(text[at] < 0x80 || (text[at] >= 0xc0 && text[at] < 0xf8));
        assert(size - at > more);
        for (size_t i = 1; i <= more; i++) {
            assert((text[at + i] & 0xc0) == 0x80);
            code = code << 6 | (text[at + i] & 0x3f);
        }
        assert(code >= least[more] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff));
        assert(code == '\n' || (code >= 0x20 && code != 0x7f && (code < 0x80 || code >= 0xa0)));
        at += 1 + more;
    }
}

static void check_printed(void (*print)(struct json_object *reply), struct json_object *reply)
{
    FILE *screen = stdout;
    char *text = NULL;
    size_t size = 0;

    stdout = open_memstream(&text, &size);
    if (!stdout)
        abort();
    print(reply);
    fclose(stdout);
    stdout = screen;
    check_text((const unsigned char *)text, size);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_object *reply;

    if (client_parse_reply((const char *)data, size, &reply) < 0)
        return 0;
    check_printed(screen_print_json, reply);
    screen_clean(reply);
    for (size_t i = 0; egressctl_commands[i]; i++) {
        if (egressctl_commands[i]->print)
            check_printed(egressctl_commands[i]->print, reply);
    }
    json_object_put(reply);
    return 0;
}
