/* SPDX-License-Identifier: MIT */
/* One line per fact, to stderr: "egressd: level: text". Decisions about traffic are not logged
 * here. */
#ifndef EGRESSD_BASE_LOG_H
#define EGRESSD_BASE_LOG_H

enum log_level {
    LOG_LEVEL_ERROR,   /* we stop, or a promise is broken */
    LOG_LEVEL_WARNING, /* survived; says what is ignored */
    LOG_LEVEL_INFO,    /* a change of state */
    LOG_LEVEL_DEBUG,
};

void log_set_level(enum log_level most);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
