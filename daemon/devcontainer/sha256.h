/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4) of a short text: what devcontainerId is made of. Fifty lines of our own,
 * since a library would be the largest part of the binary and the kernel's AF_ALG is often compiled
 * out. Nothing secret passes through it. */
#ifndef EGRESSD_DEVCONTAINER_SHA256_H
#define EGRESSD_DEVCONTAINER_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

void sha256(const void *bytes, size_t size, uint8_t ret_digest[static SHA256_SIZE]);

#endif
