/* SPDX-License-Identifier: MIT */
/* The names of users, as /etc/passwd says: the libraries that would know more of them cannot be
 * asked by a program that is linked statically. For people; decides nothing. */
#ifndef EGRESSD_CONTROL_USERS_H
#define EGRESSD_CONTROL_USERS_H

#include <stdint.h>

#define USERS_NAME_SIZE 64

/* Finds the user in text of passwd(5). NULL: none of this number has a name that is short and
 * printable. Returns name. Pure. */
const char *users_find(const char *text, uint32_t uid, char name[static USERS_NAME_SIZE]);

/* The file's text, or NULL; the caller frees. */
char *users_read(void);

#endif
