/* SPDX-License-Identifier: MIT */
/* Whatever connects to the dashboard: a request that is whole was so with its last byte, has a path
 * of plain text, and is for loopback only if it says so in that many bytes. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "egressctl/http_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of just that size, so that a sanitizer sees who reads beyond. */
static int read_request(const uint8_t *data, size_t size, struct http_request *ret_request)
{
    uint8_t *copy = malloc(size ? size : 1);
    int r;

    if (!copy)
        abort();
    memcpy(copy, data, size);
    r = http_request_read(copy, size, ret_request);
    free(copy);
    return r;
}

static void check_text(const char *text)
{
    assert(strlen(text) < HTTP_TARGET_SIZE);
    for (; *text; text++)
        assert(*text != ' ' && *text != '\r' && *text != '\n');
}

static void check_request(const uint8_t *data, size_t size, const struct http_request *request)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    bool is_named = false;

    assert(size >= 4 && memcmp(data + size - 4, "\r\n\r\n", 4) == 0);
    assert(!request->is_get || memcmp(data, "GET /", 5) == 0);
    assert(request->path[0] == '/' && !strchr(request->path, '?'));
    check_text(request->path);
    check_text(request->query);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        for (size_t at = 0; at + strlen(names[i]) <= size; at++)
            is_named |= strncasecmp((const char *)data + at, names[i], strlen(names[i])) == 0;
    assert(!request->is_for_loopback || is_named);
    assert(http_query_number(request, "after") < UINT64_C(1000000000000000000));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_request request, shorter;
    int r = read_request(data, size, &request);

    assert(r == 0 || r == -EAGAIN || r == -EBADMSG);
    if (r != 0)
        return 0;
    check_request(data, size, &request);
    for (size_t i = 0; i < size; i++)
        assert(read_request(data, i, &shorter) == -EAGAIN);
    return 0;
}
