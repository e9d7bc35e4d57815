/* SPDX-License-Identifier: MIT */
/* The head of an HTTP request (RFC 9112), as far as one small page for one browser needs it, and
 * strictly. Pure. */
#ifndef EGRESSD_EGRESSCTL_HTTP_REQUEST_H
#define EGRESSD_EGRESSCTL_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A browser adds the cookies that whatever else runs on "localhost" has set. */
#define HTTP_REQUEST_MAX 16384
#define HTTP_TARGET_SIZE 256

struct http_request {
    bool is_get;
    /* Its Host, of which there is exactly one, is "localhost", "127.0.0.1" or "[::1]", with any
     * port: a page from elsewhere that has its own name point here (DNS rebinding) cannot say so.
     */
    bool is_for_loopback;
    char path[HTTP_TARGET_SIZE];  /* "/log.json" */
    char query[HTTP_TARGET_SIZE]; /* what stands behind its '?', or "" */
};

/* The bytes that have come so far. -EAGAIN: more must come. -EBADMSG: this is no request that a
 * browser makes for a page without forms; a body, or a second request behind it, is none either. */
int http_request_read(const void *bytes, size_t size, struct http_request *ret_request);

/* The query "NAME=NUMBER"; 0 if it is anything else. */
uint64_t http_query_number(const struct http_request *request, const char *name);

#endif
