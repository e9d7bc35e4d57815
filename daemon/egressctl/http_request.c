/* SPDX-License-Identifier: MIT */
#include "egressctl/http_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cursor.h"

#define DIGITS "0123456789"
#define PORT_DIGITS_MAX 5
#define NUMBER_DIGITS_MAX 18 /* fits into 64 bits */

/* A piece of the request, which has no NUL. */
struct piece {
    const char *text;
    size_t size;
};

static bool is_text(struct piece piece, const char *text)
{
    return piece.size == strlen(text) && strncasecmp(piece.text, text, piece.size) == 0;
}

/* Up to CR LF, which must be that: what else ends a line is where two readers disagree. */
static int take_line(struct cursor *c, struct piece *ret_line)
{
    const uint8_t *start = c->at;
    uint8_t byte;

    do {
        byte = cursor_u8(c);
        if (c->failed)
            return -EAGAIN;
        if ((byte < 0x20 && byte != '\t' && byte != '\r') || byte == 0x7f)
            return -EBADMSG;
    } while (byte != '\r');
    *ret_line = (struct piece){(const char *)start, (size_t)(c->at - start) - 1};
    byte = cursor_u8(c);
    if (c->failed)
        return -EAGAIN;
    return byte == '\n' ? 0 : -EBADMSG;
}

/* What stands before the separator, which is taken too; the whole rest if there is none. */
static struct piece take_until(struct piece *rest, char separator)
{
    const char *found = memchr(rest->text, separator, rest->size);
    size_t size = found ? (size_t)(found - rest->text) : rest->size;
    struct piece piece = {rest->text, size};
    size_t taken = found ? size + 1 : size;

    rest->text += taken;
    rest->size -= taken;
    return piece;
}

static void copy(struct piece piece, char ret_text[static HTTP_TARGET_SIZE])
{
    memcpy(ret_text, piece.text, piece.size);
    ret_text[piece.size] = '\0';
}

/* "GET /path?query HTTP/1.1" */
static int read_first_line(struct piece line, struct http_request *request)
{
    struct piece method = take_until(&line, ' ');
    struct piece target = take_until(&line, ' ');

    if (method.size == 0 || target.size >= HTTP_TARGET_SIZE || target.size == 0 ||
        target.text[0] != '/')
        return -EBADMSG;
    if (!is_text(line, "HTTP/1.1") && !is_text(line, "HTTP/1.0"))
        return -EBADMSG;
    request->is_get = method.size == 3 && memcmp(method.text, "GET", 3) == 0;
    copy(take_until(&target, '?'), request->path);
    copy(target, request->query);
    return 0;
}

static bool is_port(struct piece piece)
{
    if (piece.size == 0 || piece.size > PORT_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < piece.size; i++) {
        if (!strchr(DIGITS, piece.text[i]))
            return false;
    }
    return true;
}

/* Forwarded to another machine, the port is another one: any will do. */
static bool is_loopback(struct piece host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t size = strlen(names[i]);

        if (host.size < size || !is_text((struct piece){host.text, size}, names[i]))
            continue;
        if (host.size == size)
            return true;
        if (host.text[size] == ':')
            return is_port((struct piece){host.text + size + 1, host.size - size - 1});
    }
    return false;
}

static struct piece without_blanks(struct piece piece)
{
    while (piece.size > 0 && (*piece.text == ' ' || *piece.text == '\t')) {
        piece.text++;
        piece.size--;
    }
    while (piece.size > 0 &&
           (piece.text[piece.size - 1] == ' ' || piece.text[piece.size - 1] == '\t'))
        piece.size--;
    return piece;
}

/* "Name: value". A line that goes on with a blank, or has one before its colon, is none. */
static int read_field(struct piece line, struct http_request *request, unsigned *hosts)
{
    struct piece name = take_until(&line, ':');

    if (name.size == 0 || line.text == name.text + name.size)
        return -EBADMSG;
    if (memchr(name.text, ' ', name.size) || memchr(name.text, '\t', name.size))
        return -EBADMSG;
    if (is_text(name, "Transfer-Encoding"))
        return -EBADMSG;
    if (is_text(name, "Host")) {
        request->is_for_loopback = is_loopback(without_blanks(line));
        *hosts += 1;
    }
    return 0;
}

int http_request_read(const void *bytes, size_t size, struct http_request *ret_request)
{
    struct cursor c = cursor_over(bytes, size);
    struct http_request request = {0};
    unsigned hosts = 0;
    struct piece line;
    int r = take_line(&c, &line);

    if (r == 0)
        r = read_first_line(line, &request);
    while (r == 0) {
        r = take_line(&c, &line);
        if (r == 0 && line.size == 0)
            break;
        if (r == 0)
            r = read_field(line, &request, &hosts);
    }
    if (r == 0 && (hosts != 1 || cursor_left(&c) > 0))
        r = -EBADMSG;
    if (r == -EAGAIN && size >= HTTP_REQUEST_MAX)
        r = -EBADMSG;
    if (r == 0)
        *ret_request = request;
    return r;
}

uint64_t http_query_number(const struct http_request *request, const char *name)
{
    size_t size = strlen(name);
    const char *number = request->query + size + 1;

    if (strncmp(request->query, name, size) != 0 || request->query[size] != '=')
        return 0;
    if (strlen(number) > NUMBER_DIGITS_MAX || strspn(number, DIGITS) != strlen(number))
        return 0;
    return strtoull(number, NULL, 10);
}
