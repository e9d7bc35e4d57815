/* SPDX-License-Identifier: MIT */
#include "control/target.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define HTTP_PORT 80
#define HTTPS_PORT 443

static const struct {
    const char *scheme;
    uint16_t port;
} schemes[] = {
    {"http://", HTTP_PORT}, {"https://", HTTPS_PORT}, {"ws://", HTTP_PORT}, {"wss://", HTTPS_PORT},
    {"ssh://", 22},         {"git://", 9418},         {"ftp://", 21},
};

/* The HOST[:PORT] of a URL; the scheme's port, or 0 where there is no scheme that we know. */
static uint16_t strip_url(const char *text, char host[static ENTRY_TEXT_SIZE])
{
    uint16_t port = 0;
    const char *at;

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]) && port == 0; i++) {
        size_t length = strlen(schemes[i].scheme);

        if (strncasecmp(text, schemes[i].scheme, length) == 0) {
            port = schemes[i].port;
            text += length;
        }
    }
    snprintf(host, ENTRY_TEXT_SIZE, "%s", text);
    if (port == 0)
        return 0;
    host[strcspn(host, "/?#")] = '\0';
    at = strrchr(host, '@');
    if (at)
        memmove(host, at + 1, strlen(at));
    return port;
}

/* An entry that is about one host and at most one port. */
static int narrow(const struct entry *entry, struct target *target, struct text_error *reterr)
{
    if (entry->kind == ENTRY_WILDCARD || entry->kind == ENTRY_GROUP)
        return text_error_set(reterr, 0, 0, "ask about one name, such as www.%s", entry->name);
    if (entry->kind == ENTRY_PREFIX) {
        if (entry->prefix.length != 8 * address_size(&entry->prefix.address))
            return text_error_set(reterr, 0, 0, "ask about one address, not about a prefix");
        target->is_address = true;
        target->address = entry->prefix.address;
    }
    if (entry->protocol != 0)
        target->protocol = entry->protocol;
    if (entry->port_count == 0)
        return 0;
    if (entry->port_count > 1 || entry->ports[0].from != entry->ports[0].to)
        return text_error_set(reterr, 0, 0, "ask about one port, such as 443 or 123/udp");
    target->has_port = true;
    target->protocol = entry->ports[0].protocol;
    target->port = entry->ports[0].from;
    return 0;
}

int target_parse(const char *text, struct target *ret_target, struct text_error *reterr)
{
    struct target target = {.protocol = IPPROTO_TCP};
    char host[ENTRY_TEXT_SIZE];
    struct entry entry;
    uint16_t port;
    int r;

    if (strlen(text) >= ENTRY_TEXT_SIZE)
        return text_error_set(reterr, 0, 0, "that is too long for a host");
    port = strip_url(text, host);
    r = entry_parse(host, &entry, reterr);
    if (r == 0)
        r = narrow(&entry, &target, reterr);
    if (r < 0)
        return r;
    if (!target.has_port && port != 0) {
        target.has_port = true;
        target.port = port;
    }
    if (target.is_address) {
        char address[ADDRESS_TEXT_SIZE];

        snprintf(target.host, sizeof(target.host), "%s", address_format(&target.address, address));
    } else {
        snprintf(target.host, sizeof(target.host), "%s", entry.name);
    }
    *ret_target = target;
    return 0;
}

struct target target_make(const char *name, const struct address *address, int protocol, int port)
{
    struct target target = {
        .is_address = !name,
        .address = *address,
        .has_port = port > 0,
        .protocol = port > 0 ? (uint8_t)protocol : IPPROTO_TCP,
        .port = port > 0 ? (uint16_t)port : 0,
    };
    char text[ADDRESS_TEXT_SIZE];

    snprintf(target.host, sizeof(target.host), "%s", name ? name : address_format(address, text));
    return target;
}

const char *target_port_text(const struct target *target, char text[static PORT_RANGE_TEXT_SIZE])
{
    struct port_range range = {
        .protocol = target->protocol, .from = target->port, .to = target->port};

    return port_range_format(&range, text);
}

/* What an entry without ports stands for. */
static bool is_default_port(const struct target *target)
{
    return target->protocol == IPPROTO_TCP &&
           (target->port == HTTP_PORT || target->port == HTTPS_PORT);
}

const char *target_as_entry(const struct target *target, char text[static TARGET_TEXT_SIZE])
{
    bool is_v6 = target->is_address && target->address.family == ADDRESS_V6;
    char port[PORT_RANGE_TEXT_SIZE];

    if (target->has_port && !is_default_port(target))
        snprintf(text, TARGET_TEXT_SIZE, is_v6 ? "[%s]:%s" : "%s:%s", target->host,
                 target_port_text(target, port));
    else
        snprintf(text, TARGET_TEXT_SIZE, is_v6 ? "[%s]%s" : "%s%s", target->host,
                 target->protocol == IPPROTO_UDP ? "/udp" : "");
    return text;
}

static bool is_below(const char *name, const char *above)
{
    size_t length = strlen(name), suffix = strlen(above);

    return length > suffix + 1 && name[length - suffix - 1] == '.' &&
           strcmp(name + length - suffix, above) == 0;
}

bool target_matches(const struct target *target, const struct entry *entry)
{
    switch (entry->kind) {
    case ENTRY_PREFIX:
        return target->is_address && prefix_contains(&entry->prefix, &target->address);
    case ENTRY_NAME:
        return !target->is_address && strcmp(target->host, entry->name) == 0;
    case ENTRY_WILDCARD:
        return !target->is_address && is_below(target->host, entry->name);
    case ENTRY_GROUP:
        break;
    }
    return false;
}

bool target_is_denied_by(const struct target *target, const struct entry *entry)
{
    struct port_range ranges[ENTRY_PORTS_MAX];
    size_t count = policy_entry_ports(POLICY_DENY, entry, ranges);

    if (!target_matches(target, entry))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!target->has_port || port_range_contains(&ranges[i], target->protocol, target->port))
            return true;
    }
    return false;
}

bool target_may_mean(const char *range)
{
    return strcmp(range, "private") == 0 || strcmp(range, "shared (RFC 6598)") == 0;
}

const char *target_special_note(const struct target *target, const char *range,
                                char text[static TARGET_NOTE_SIZE])
{
    char entry[TARGET_TEXT_SIZE];

    if (strcmp(range, "metadata") == 0)
        return "what answers there hands out the machine's credentials: leave it closed";
    if (!target_may_mean(range)) {
        snprintf(text, TARGET_NOTE_SIZE, "a special address (%s): nothing outside is there", range);
        return text;
    }
    snprintf(text, TARGET_NOTE_SIZE, "a private address: if it is meant, the entry is \"%s\"",
             target_as_entry(target, entry));
    return text;
}
