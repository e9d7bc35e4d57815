/* SPDX-License-Identifier: MIT */
#include "dns/servers.h"

#include <string.h>

#define DNS_PORT 53

/* A piece of the text; not terminated. */
struct span {
    const char *at;
    size_t size;
};

static const struct address embedded_address = {ADDRESS_V4, {127, 0, 0, 11}};

static struct span take_line(struct span *text)
{
    const char *end = memchr(text->at, '\n', text->size);
    struct span line = {text->at, end ? (size_t)(end - text->at) : text->size};
    size_t taken = line.size + (end != NULL);

    text->at += taken;
    text->size -= taken;
    return line;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* The next word, which also ends at stop (0: only at blanks); empty at the end of the line. */
static struct span take_word(struct span *line, char stop)
{
    struct span word;

    while (line->size > 0 && is_blank(*line->at)) {
        line->at++;
        line->size--;
    }
    word.at = line->at;
    while (line->size > 0 && !is_blank(*line->at) && !(stop && *line->at == stop)) {
        line->at++;
        line->size--;
    }
    word.size = (size_t)(line->at - word.at);
    return word;
}

static bool span_equals(struct span span, const char *text)
{
    return span.size == strlen(text) && memcmp(span.at, text, span.size) == 0;
}

/* False for what is no address, zone ids included: there is no interface to ask through. */
static bool read_address(struct span word, struct address *ret_address)
{
    char text[ADDRESS_TEXT_SIZE];

    if (word.size == 0 || word.size >= sizeof(text) || memchr(word.at, '\0', word.size))
        return false;
    memcpy(text, word.at, word.size);
    text[word.size] = '\0';
    return address_parse(text, ret_address) == 0;
}

static void add_ordinary(struct servers *servers, const struct address *address)
{
    for (size_t i = 0; i < servers->ordinary_count; i++)
        if (address_equal(&servers->ordinary[i].address, address))
            return;
    if (servers->ordinary_count < SERVERS_MAX)
        servers->ordinary[servers->ordinary_count++] =
            (struct firewall_endpoint){*address, DNS_PORT};
}

static void add_dockerd(struct servers *servers, const struct address *address)
{
    for (size_t i = 0; i < servers->dockerd_count; i++)
        if (address_equal(&servers->dockerd[i], address))
            return;
    if (servers->dockerd_count < SERVERS_MAX)
        servers->dockerd[servers->dockerd_count++] = *address;
}

/* The rest of "# ExtServers: [192.0.2.53 host(127.0.0.53)]", as moby writes it since 25.0
 * (libnetwork/internal/resolvconf). dockerd asks those in host(...) from the host, which is none of
 * ours. */
static void read_ext_servers(struct span line, struct servers *servers)
{
    struct span word;

    servers->dockerd_unknown = false;
    for (word = take_word(&line, ']'); word.size > 0; word = take_word(&line, ']')) {
        struct address address;

        if (*word.at == '[') {
            word.at++;
            word.size--;
        }
        if (read_address(word, &address))
            add_dockerd(servers, &address);
    }
}

static void read_line(struct span line, struct servers *servers)
{
    struct span word = take_word(&line, 0);
    struct address address;

    if (span_equals(word, "#") && span_equals(take_word(&line, 0), "ExtServers:")) {
        read_ext_servers(line, servers);
    } else if (span_equals(word, "nameserver") && read_address(take_word(&line, 0), &address)) {
        if (address_equal(&address, &embedded_address))
            servers->embedded = (struct firewall_endpoint){address, DNS_PORT};
        else
            add_ordinary(servers, &address);
    }
}

void servers_add_dockerd(struct servers *servers, const struct address *addresses, size_t count)
{
    bool had_only_embedded =
        servers->ordinary_count == 1 &&
        address_equal(&servers->ordinary[0].address, &servers->embedded.address);

    if (count > 0 && had_only_embedded)
        servers->ordinary_count = 0; /* it would only ask these */
    for (size_t i = 0; i < count; i++) {
        add_dockerd(servers, &addresses[i]);
        add_ordinary(servers, &addresses[i]);
    }
    servers->dockerd_unknown = false;
}

void servers_parse_resolv_conf(const char *text, size_t size, struct servers *ret_servers)
{
    struct servers servers;
    struct span left = {text, size};

    memset(&servers, 0, sizeof(servers));
    servers.dockerd_unknown = true;
    while (left.size > 0)
        read_line(take_line(&left), &servers);

    /* The comment speaks of the embedded resolver: without that one it is somebody else's, left
     * over. */
    if (servers.embedded.address.family == ADDRESS_NONE) {
        servers.dockerd_count = 0;
        servers.dockerd_unknown = false;
    }
    for (size_t i = 0; i < servers.dockerd_count; i++)
        add_ordinary(&servers, &servers.dockerd[i]);
    if (servers.ordinary_count == 0 && servers.embedded.address.family != ADDRESS_NONE)
        add_ordinary(&servers, &servers.embedded.address);
    *ret_servers = servers;
}

static bool is_docker_name(const char *name)
{
    return !strchr(name, '.') || strcmp(name, "host.docker.internal") == 0 ||
           strcmp(name, "gateway.docker.internal") == 0;
}

size_t servers_for_name(const struct servers *servers, const char *name,
                        struct firewall_endpoint ret_endpoints[static SERVERS_MAX])
{
    if (servers->embedded.address.family != ADDRESS_NONE && is_docker_name(name)) {
        ret_endpoints[0] = servers->embedded;
        return 1;
    }
    memcpy(ret_endpoints, servers->ordinary, servers->ordinary_count * sizeof(ret_endpoints[0]));
    return servers->ordinary_count;
}

static bool endpoint_equal(const struct firewall_endpoint *a, const struct firewall_endpoint *b)
{
    return a->port == b->port && address_equal(&a->address, &b->address);
}

size_t servers_all(const struct servers *servers,
                   struct firewall_endpoint ret_endpoints[static SERVERS_MAX + 1])
{
    size_t count = servers->ordinary_count;

    memcpy(ret_endpoints, servers->ordinary, count * sizeof(ret_endpoints[0]));
    if (servers->embedded.address.family == ADDRESS_NONE)
        return count;
    for (size_t i = 0; i < count; i++)
        if (endpoint_equal(&ret_endpoints[i], &servers->embedded))
            return count;
    ret_endpoints[count++] = servers->embedded;
    return count;
}

bool servers_equal(const struct servers *a, const struct servers *b)
{
    if (a->ordinary_count != b->ordinary_count || a->dockerd_count != b->dockerd_count ||
        a->dockerd_unknown != b->dockerd_unknown || !endpoint_equal(&a->embedded, &b->embedded))
        return false;
    for (size_t i = 0; i < a->ordinary_count; i++)
        if (!endpoint_equal(&a->ordinary[i], &b->ordinary[i]))
            return false;
    for (size_t i = 0; i < a->dockerd_count; i++)
        if (!address_equal(&a->dockerd[i], &b->dockerd[i]))
            return false;
    return true;
}
