/* SPDX-License-Identifier: MIT */
/* Writes what is refused into a file, where one is wished for: once a second the lines that
 * changed, as 'egressctl log -f --json' shows them. */
#ifndef EGRESSD_RUN_LOG_FILE_H
#define EGRESSD_RUN_LOG_FILE_H

#include <stdbool.h>
#include <stdint.h>

struct journal_file;
struct view;

struct log_file {
    struct journal_file *file; /* NULL: none is wished for */
    uint64_t cursor;
    bool is_failing;
};

/* The folder is the wish. must: somebody has named it. */
void log_file_open(struct log_file *log, const char *folder, bool must);
void log_file_write(struct log_file *log, const struct view *view);
void log_file_close(struct log_file *log);

#endif
