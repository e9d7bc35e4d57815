/* SPDX-License-Identifier: MIT */
/* The pinned copy of the workspace's policy: it is refused in words, or it is a text or the reason
 * why there is none, and says the same when it is written and read again. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devcontainer/pin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct pin *pin)
{
    struct configuration_error error;
    char *text = pin_format(pin);
    struct pin again;

    assert(pin_parse("copy", text, strlen(text), &again, &error) == 0);
    assert(strcmp(pin->origin, again.origin) == 0);
    assert(!pin->text == !again.text && pin->size == again.size);
    assert(!pin->text || memcmp(pin->text, again.text, pin->size) == 0);
    assert(!pin->refusal == !again.refusal);
    assert(!pin->refusal || strcmp(pin->refusal, again.refusal) == 0);
    pin_done(&again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct configuration_error error = {0};
    struct pin pin;

    if (pin_parse("copy", (const char *)data, size, &pin, &error) < 0) {
        assert(error.text.message[0] && strcmp(error.file, "copy") == 0);
        return 0;
    }
    assert(pin.origin && strlen(pin.origin) < CONFIGURATION_PATH_SIZE);
    assert(!pin.text != !pin.refusal);
    assert(!pin.text || pin.text[pin.size] == '\0');
    check_same(&pin);
    pin_done(&pin);
    return 0;
}
