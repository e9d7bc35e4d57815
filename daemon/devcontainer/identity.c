/* SPDX-License-Identifier: MIT */
#include "devcontainer/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "devcontainer/sha256.h"

/* As JSON.stringify does it: what is not ASCII stays as it is. The caller frees. */
static char *escape_json(const char *text)
{
    char *escaped = xcalloc(strlen(text) + 1, 6), *at = escaped;

    for (; *text; text++) {
        static const char plain[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
        const char *found = strchr(plain, *text);

        if (found) {
            *at++ = '\\';
            *at++ = letters[found - plain];
        } else if ((unsigned char)*text < 0x20) {
            at += sprintf(at, "\\u%04x", (unsigned)*text);
        } else {
            *at++ = *text;
        }
    }
    return escaped;
}

/* The digest as one number in base 32, digits 0-9 and a-v, padded on the left to 52 of them. */
static void format_base32(const uint8_t digest[static SHA256_SIZE],
                          char ret_id[static IDENTITY_TEXT_SIZE])
{
    unsigned bits = 0, count = 4; /* 260 bits: four zeros before the digest's 256 */
    size_t used = 0;

    for (size_t i = 0; i < SHA256_SIZE; i++) {
        bits = (bits << 8 | digest[i]) & 0xfff;
        for (count += 8; count >= 5; count -= 5)
            ret_id[used++] = "0123456789abcdefghijklmnopqrstuv"[bits >> (count - 5) & 31];
    }
    ret_id[used] = '\0';
}

void identity_compute(const char *config_file, const char *local_folder,
                      char ret_id[static IDENTITY_TEXT_SIZE])
{
    char *config = escape_json(config_file), *folder = escape_json(local_folder);
    char *labels =
        xasprintf("{\"devcontainer.config_file\":\"%s\",\"devcontainer.local_folder\":\"%s\"}",
                  config, folder);
    uint8_t digest[SHA256_SIZE];

    sha256(labels, strlen(labels), digest);
    format_base32(digest, ret_id);
    free(labels);
    free(folder);
    free(config);
}
