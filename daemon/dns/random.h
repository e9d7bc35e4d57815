/* SPDX-License-Identifier: MIT */
/* Unpredictable bytes from the kernel, fetched in batches because every question needs a few. */
#ifndef EGRESSD_DNS_RANDOM_H
#define EGRESSD_DNS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Aborts when the kernel has none to give. size at most RANDOM_MAX. */
#define RANDOM_MAX 256
void random_fill(void *bytes, size_t size);
uint16_t random_u16(void);

#endif
