/* SPDX-License-Identifier: MIT */
#include "run/log_file.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "base/log.h"
#include "control/log.h"
#include "control/view.h"
#include "journal/file.h"
#include "journal/journal.h"

void log_file_open(struct log_file *log, const char *folder, bool must)
{
    int r = journal_file_open(folder, JOURNAL_FILE_SIZE_MAX, &log->file);

    if (r < 0)
        log->file = NULL;
    if (r < 0 && (must || r != -ENOENT))
        log_warning("no refusals are written to %s: %s, ignoring; it must be a folder that belongs "
                    "to egressd alone",
                    folder, strerror(-r));
}

static int write_entry(struct journal_file *file, struct json_object *entry)
{
    const char *text = json_object_to_json_string_ext(entry, JSON_C_TO_STRING_PLAIN |
                                                                 JSON_C_TO_STRING_NOSLASHESCAPE);

    return journal_file_write(file, text, strlen(text));
}

void log_file_write(struct log_file *log, const struct view *view)
{
    uint64_t cursor = log->file ? journal_cursor(view->journal) : 0;
    struct json_object *reply, *entries;
    int r = 0;

    if (!log->file || cursor == log->cursor)
        return;
    reply = log_describe(view, log->cursor);
    log->cursor = cursor;
    json_object_object_get_ex(reply, "entries", &entries);
    for (size_t i = 0; i < json_object_array_length(entries); i++) {
        struct json_object *entry = json_object_array_get_idx(entries, i), *kind;

        json_object_object_get_ex(entry, "kind", &kind);
        if (strcmp(json_object_get_string(kind), log_kind_text(JOURNAL_GRANT)) != 0 && r == 0)
            r = write_entry(log->file, entry);
    }
    json_object_put(reply);
    if (r < 0 && !log->is_failing)
        log_warning("what is refused cannot be written down: %s, ignoring; 'egressctl log' shows "
                    "it all the same",
                    strerror(-r));
    log->is_failing = r < 0;
}

void log_file_close(struct log_file *log)
{
    journal_file_close(log->file);
    log->file = NULL;
}
