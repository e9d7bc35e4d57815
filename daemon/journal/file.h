/* SPDX-License-Identifier: MIT */
/* A file of lines that stays small: when it would grow beyond its bound it becomes FILE.1, in place
 * of the one before, and another is begun. Nobody else can write to it. Failing to write is
 * nothing: it is tried again with the next line. */
#ifndef EGRESSD_JOURNAL_FILE_H
#define EGRESSD_JOURNAL_FILE_H

#include <stddef.h>

struct journal_file;

#define JOURNAL_FILE_NAME "refusals.jsonl"
#define JOURNAL_FILE_SIZE_MAX (1024 * 1024)

/* In a folder that is there and belongs to this process's user, for nobody else to write to; that
 * it is, is the wish for a file. -ENOENT: there is none; -EPERM: it is not so; -errno. */
int journal_file_open(const char *folder, size_t size_max, struct journal_file **ret_file);
void journal_file_close(struct journal_file *file); /* NULL-safe */

/* Appends a line, without its newline. -errno: it is lost. */
int journal_file_write(struct journal_file *file, const char *line, size_t size);

#endif
