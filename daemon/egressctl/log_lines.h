/* SPDX-License-Identifier: MIT */
/* Lines of the log (control/log.h) as people read them: aligned, at 80 columns. They have been
 * through screen_clean. */
#ifndef EGRESSD_EGRESSCTL_LOG_LINES_H
#define EGRESSD_EGRESSCTL_LOG_LINES_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;

void log_lines_print_all(struct json_object *reply);

void log_lines_print_head(void);
void log_lines_print(struct json_object *entry);

/* Of a line that changed since the cursor was had, whether somebody who watches wants to see it: a
 * grant once, a refusal again when its count has doubled. */
bool log_lines_is_news(struct json_object *entry, int64_t cursor);

#endif
