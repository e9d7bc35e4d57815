/* SPDX-License-Identifier: MIT */
/* The checks of doctor.c. Each says whether it found something, and may add which in detail. */
#ifndef EGRESSD_DOCTOR_CHECKS_H
#define EGRESSD_DOCTOR_CHECKS_H

#include "doctor/doctor.h"

typedef bool doctor_check(enum doctor_viewpoint viewpoint, const struct position *position,
                          char ret_detail[static DOCTOR_DETAIL_SIZE]);

doctor_check check_root, check_capabilities, check_setuid_programs, check_privileged;
doctor_check check_sudo;
doctor_check check_engine_socket, check_writable_files, check_resolv_conf;
doctor_check check_host_network, check_host_processes, check_late_start;

/* Appends to a list with commas; what does not fit is left out. */
void check_add_detail(char detail[static DOCTOR_DETAIL_SIZE], const char *text);

/* The program in the folders of PATH that runs as root whoever starts it: its path, which the
 * caller frees, or NULL. */
char *check_find_setuid(const char *name);

/* Whether a line of the text of a sudoers(5) or doas.conf(5) has the word in it and is no comment.
 */
bool check_find_rule(const char *text, size_t size, const char *word);

/* From the text of a /proc/PID/stat: when the process began, in clock ticks since the machine did;
 * negative when it does not say. */
long long check_read_start(const char *stat);

#endif
