/* SPDX-License-Identifier: MIT */
/* A file of JSONC: its text, and what is in it. */
#ifndef EGRESSD_DEVCONTAINER_DOCUMENT_H
#define EGRESSD_DEVCONTAINER_DOCUMENT_H

#include <sys/stat.h>

#include "devcontainer/configuration.h"
#include "devcontainer/jsonc.h"

struct document {
    char *text;
    size_t size;
    struct stat status;
    struct jsonc jsonc;
};

/* -ENOENT without touching reterr where there is no such file: the caller knows whether it must be.
 * -EINVAL with reterr when it cannot be read or understood. */
int document_read(const char *path, struct document *ret_document,
                  struct configuration_error *reterr);
/* Takes the text. */
int document_parse(const char *path, char *take_text, size_t size, struct document *ret_document,
                   struct configuration_error *reterr);
void document_done(struct document *document);

/* Says which file the error is in. */
void configuration_error_place(struct configuration_error *reterr, const char *file);

/* Of an error that has no line. Returns -EINVAL. */
int configuration_error_set(struct configuration_error *reterr, const char *file,
                            const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
