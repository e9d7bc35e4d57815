/* SPDX-License-Identifier: MIT */
/* What is understood can be printed, and means the same when it is read again; what is not has a
 * message. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policy/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), host[ENTRY_TEXT_SIZE], host_again[ENTRY_TEXT_SIZE];
    struct entry entry, again;
    struct text_error error = {0};

    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    if (entry_parse(text, &entry, &error) == 0) {
        entry_format_host(&entry, host);
        assert(entry_parse(host, &again, &error) == 0 && again.port_count == 0);
        assert(again.kind == entry.kind && strcmp(again.name, entry.name) == 0);
        assert(strcmp(entry_format_host(&again, host_again), host) == 0);
        assert(entry.port_count <= 1);
    } else {
        assert(error.message[0] && error.column >= 1 && error.column <= strlen(text) + 1);
    }
    free(text);
    return 0;
}
