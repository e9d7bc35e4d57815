/* SPDX-License-Identifier: MIT */
#include "policy/entry.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/plain_text.h"
#include "policy/public_suffixes.h"

#define DIGITS "0123456789"
#define QUOTE_SIZE 100

/* What is being read, kept together for the messages. */
struct reading {
    const char *text;
    struct text_error *error;
};

/* The entry as a message may show it: short, and without what would drive a terminal. */
static void quote(const char *text, char ret_quoted[static QUOTE_SIZE])
{
    size_t i;

    for (i = 0; i < QUOTE_SIZE - 4 && text[i]; i++)
        ret_quoted[i] = text[i];
    /* Not in the middle of a character of UTF-8. */
    if (text[i])
        while (i > 0 && ((unsigned char)text[i] & 0xc0) == 0x80)
            i--;
    snprintf(ret_quoted + i, QUOTE_SIZE - i, "%s", text[i] ? "..." : "");
    plain_text_clean(ret_quoted, "");
}

/* "'ENTRY' REASON", at the byte of the entry's text that is wrong. */
__attribute__((format(printf, 3, 4))) static int refuse(const struct reading *reading,
                                                        const char *at, const char *format, ...)
{
    char reason[TEXT_ERROR_SIZE], quoted[QUOTE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    quote(reading->text, quoted);
    return text_error_set(reading->error, 0, (unsigned)(at - reading->text) + 1, "'%s' %s", quoted,
                          reason);
}

/* The same for an error that the reader of a part found, of the text that begins at part. */
static int refuse_part(const struct reading *reading, const char *part, const char *separator)
{
    char reason[TEXT_ERROR_SIZE], quoted[QUOTE_SIZE];
    unsigned column = (unsigned)(part - reading->text) + reading->error->column;

    snprintf(reason, sizeof(reason), "%s", reading->error->message);
    quote(reading->text, quoted);
    return text_error_set(reading->error, 0, column, "'%s'%s%s", quoted, separator, reason);
}

/* --- mistakes that have a name ---------------------------------------------------------------- */

static int check_characters(const struct reading *reading)
{
    const char *text = reading->text;
    size_t length = strnlen(text, ENTRY_TEXT_SIZE);

    if (length == 0)
        return text_error_set(reading->error, 0, 1,
                              "an entry is empty: write a host such as 'api.example.com', or "
                              "remove it");
    if (length == ENTRY_TEXT_SIZE)
        return refuse(reading, text, "is longer than an entry can be");
    for (const char *at = text; *at; at++) {
        if ((unsigned char)*at >= 0x80)
            return refuse(reading, at,
                          "has letters outside ASCII: write the A-label (xn--...) that the name "
                          "has in DNS");
        if (*at == ',' && !at[1])
            return refuse(reading, at, "ends in a comma: the comma goes behind the closing quote");
        if (*at == ',' || *at == ';')
            return refuse(
                reading, at,
                "is more than one host: write each as an entry of its own (several "
                "ports of one host: { \"host\": \"...\", \"ports\": [\"80\", \"443\"] })");
        if (isspace((unsigned char)*at))
            return refuse(reading, at,
                          at == text || !at[1] ? "has a space at its edge: remove it"
                                               : "has a space in it: write one host an entry");
        if (iscntrl((unsigned char)*at))
            return refuse(reading, at, "has a control character in it: remove it");
    }
    return 0;
}

/* Of a URL, what would be the entry: host and port. */
static int refuse_url(const struct reading *reading, const char *separator)
{
    const char *host = separator + 3;
    size_t length = strcspn(host, "/?#");
    const char *user = memrchr(host, '@', length);

    if (user) {
        length -= (size_t)(user + 1 - host);
        host = user + 1;
    }
    if (length == 0)
        return refuse(reading, reading->text, "is a URL: write the host alone");
    return refuse(reading, reading->text, "is a URL: write the host alone, '%.*s'", (int)length,
                  host);
}

static int refuse_known_mistakes(const struct reading *reading)
{
    const char *text = reading->text, *at;

    if ((at = strstr(text, "://")))
        return refuse_url(reading, at);
    if ((at = strrchr(text, '@')))
        return refuse(reading, text, "names a user: write the host alone, '%.*s'",
                      (int)strcspn(at + 1, ":/"), at + 1);
    return 0;
}

/* --- groups ----------------------------------------------------------------------------------- */

bool entry_is_group_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return length > 0 && length < ENTRY_GROUP_NAME_SIZE && !name[length] && name[0] != '-';
}

static int read_group(const struct reading *reading, struct entry *entry)
{
    const char *name = reading->text + 1, *end = name + strcspn(name, ":/");

    if (*end && end > name)
        return refuse(reading, end,
                      "is a group, which has its ports and paths from its own entries: write "
                      "'%.*s'",
                      (int)(end - reading->text), reading->text);
    for (size_t i = 0; i < ENTRY_NAME_SIZE - 1 && name[i]; i++)
        entry->name[i] = (char)tolower((unsigned char)name[i]);
    if (!entry_is_group_name(entry->name))
        return refuse(reading, reading->text,
                      "is no group: one is called by letters, digits and '-', as '@github' is; "
                      "'egressd groups' lists them");
    entry->kind = ENTRY_GROUP;
    return 0;
}

/* --- hosts ------------------------------------------------------------------------------------ */

/* "2001:db8::7:8443" is an address, but was it meant as one? */
static int check_for_hidden_port(const struct reading *reading, const char *host)
{
    const char *colon = strrchr(host, ':');
    char before[ADDRESS_TEXT_SIZE];
    struct address address;
    size_t length = (size_t)(colon - host);

    if (!colon[1] || strspn(colon + 1, DIGITS) != strlen(colon + 1) || length >= sizeof(before))
        return 0;
    memcpy(before, host, length);
    before[length] = '\0';
    if (address_parse(before, &address) < 0)
        return 0;
    return refuse(reading, colon,
                  "can be read in two ways: write '[%s]:%s' if %s is the port, '[%s]' if it "
                  "belongs to the address",
                  before, colon + 1, colon + 1, host);
}

/* Host bits are set: name the prefix that was meant, and the address. */
static int refuse_host_bits(const struct reading *reading, const char *host)
{
    struct prefix prefix = {0};
    char address_text[ADDRESS_TEXT_SIZE], prefix_text[PREFIX_TEXT_SIZE];
    const char *slash = strchr(host, '/');
    size_t length = (size_t)(slash - host);

    memcpy(address_text, host, length);
    address_text[length] = '\0';
    address_parse(address_text, &prefix.address);
    for (const char *digit = slash + 1; *digit; digit++)
        prefix.length = (uint8_t)(prefix.length * 10 + *digit - '0');
    prefix = prefix_mask(prefix);
    prefix_format(&prefix, prefix_text);
    return refuse(reading, reading->text,
                  "has bits set behind the prefix: write '%s' for the whole prefix, '%s' for the "
                  "one address",
                  prefix_text, address_text);
}

static int refuse_slash(const struct reading *reading, const char *host)
{
    const char *slash = strchr(host, '/');
    char before[ENTRY_TEXT_SIZE];
    struct address address;
    const char *at = strchr(reading->text, '/');

    snprintf(before, sizeof(before), "%.*s", (int)(slash - host), host);
    if (address_parse(before, &address) == 0)
        return refuse(reading, at, "has no valid prefix length: 0 to %d can follow the '/'",
                      address.family == ADDRESS_V4 ? 32 : 128);
    return refuse(reading, at, "has a path: egressd decides by host, not by path; write '%s'",
                  before);
}

static int read_wildcard(const struct reading *reading, const char *host, struct entry *entry)
{
    const char *name = host + 1;

    if (strspn(name, "*.") == strlen(name))
        return refuse(reading, reading->text,
                      "would allow every name: list the hosts, or write '*.example.com' for all "
                      "below one name");
    if (name[0] != '.')
        return refuse(reading, reading->text,
                      "has '*' for a part of a label: write '*.%s' for the names below, and '%s' "
                      "for the name itself",
                      name + strspn(name, "*.-"), name + strspn(name, "*.-"));
    if (strncmp(name, ".*.", 3) == 0)
        return refuse(reading, reading->text, "needs one '*' only: '*.%s' covers any depth",
                      name + 1 + strspn(name + 1, "*."));
    name++;
    if (strchr(name, '*'))
        return refuse(reading, reading->text,
                      "has a second '*': a wildcard is '*.NAME', with '*' at the start alone");
    if (name_canonicalise(name, entry->name, reading->error) < 0)
        return refuse_part(reading, reading->text + (name - host), " ");
    if (name_is_public_suffix(entry->name))
        return refuse(reading, reading->text,
                      "is a wildcard on '%s', below which anybody can register names: write the "
                      "names you need, such as '*.example.%s'",
                      entry->name, entry->name);
    entry->kind = ENTRY_WILDCARD;
    return 0;
}

/* Names that Docker gives to what is beside the container. */
static bool is_private_by_nature(const char *name)
{
    return !strchr(name, '.') || strcmp(name, "host.docker.internal") == 0 ||
           strcmp(name, "gateway.docker.internal") == 0;
}

static int read_name(const struct reading *reading, const char *host, struct entry *entry)
{
    const char *star = strchr(host, '*');

    if (star)
        return refuse(
            reading, reading->text + (star - host),
            "has '*' in its middle: only a whole '*.' at the start is a wildcard, such as "
            "'*.example.com'");
    if (name_canonicalise(host, entry->name, reading->error) < 0)
        return refuse_part(reading, reading->text, " ");
    entry->kind = ENTRY_NAME;
    entry->allow_private = is_private_by_nature(entry->name);
    return 0;
}

/* No name of DNS ends in a number (RFC 3696, 2), so it was meant as an address. */
static int refuse_number(const struct reading *reading, const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *label = dot ? dot + 1 : name;

    if (strspn(label, DIGITS) != strlen(label))
        return 0;
    return refuse(
        reading, reading->text,
        "ends in a number, so it is no name, and it is no IPv4 address either: write four "
        "numbers from 0 to 255, as in '192.0.2.7'");
}

/* host is without brackets and without what follows. */
static int read_host(const struct reading *reading, const char *host, struct entry *entry)
{
    int r = prefix_parse(host, &entry->prefix);

    if (r == 0) {
        entry->kind = ENTRY_PREFIX;
        return 0;
    }
    if (r == -EDOM)
        return refuse_host_bits(reading, host);
    if (strchr(host, '/'))
        return refuse_slash(reading, host);
    r = host[0] == '*' ? read_wildcard(reading, host, entry) : read_name(reading, host, entry);
    return r < 0 ? r : refuse_number(reading, entry->name);
}

/* --- where the host ends
 * --------------------------------------------------------------------------- */

static int refuse_missing_brackets(const struct reading *reading)
{
    const char *text = reading->text;
    const char *last = strrchr(text, ':');

    if (strspn(text, "0123456789abcdefABCDEF:./") == strlen(text) || strstr(text, "::"))
        return refuse(reading, text, "is an IPv6 address without brackets: write '[%.*s]%s'",
                      (int)(last - text), text, last);
    return refuse(reading, strchr(strchr(text, ':') + 1, ':'),
                  "has two ports: write a range as in 'HOST:8000-8100', or { \"host\": \"...\", "
                  "\"ports\": [\"80\", \"443\"] }");
}

/* "[2001:db8::7]", "[2001:db8::/32]" and, since IPv4 is written so, "[2001:db8::]/32". */
static int split_brackets(const struct reading *reading, char ret_host[static ENTRY_TEXT_SIZE],
                          const char **ret_rest)
{
    const char *text = reading->text, *end = strchr(text, ']');
    struct prefix prefix;
    size_t length;
    int r;

    if (!end)
        return refuse(reading, text, "lacks the closing bracket: write '[2001:db8::7]:443'");
    length = (size_t)(end - text) - 1;
    memcpy(ret_host, text + 1, length);
    ret_host[length] = '\0';
    end++;
    if (end[0] == '/' && isdigit((unsigned char)end[1])) {
        size_t size = 1 + strspn(end + 1, DIGITS);

        memcpy(ret_host + length, end, size);
        ret_host[length + size] = '\0';
        end += size;
    }
    r = prefix_parse(ret_host, &prefix);
    if ((r == 0 && prefix.address.family == ADDRESS_V4) || (r < 0 && !strchr(ret_host, ':')))
        return refuse(reading, text,
                      "has brackets, which are for IPv6 addresses alone: write '%s%s'", ret_host,
                      end);
    if (r == -EINVAL)
        return refuse(reading, text + 1, "has no valid IPv6 address in its brackets");
    *ret_rest = end;
    return 0;
}

static int split_host(const struct reading *reading, char ret_host[static ENTRY_TEXT_SIZE],
                      const char **ret_rest)
{
    const char *text = reading->text;
    const char *colon = strchr(text, ':');
    size_t length;

    if (text[0] == '[')
        return split_brackets(reading, ret_host, ret_rest);
    if (colon && strchr(colon + 1, ':')) {
        struct prefix prefix;

        if (prefix_parse(text, &prefix) == -EINVAL)
            return refuse_missing_brackets(reading);
        length = strlen(text);
        if (!strchr(text, '/') && check_for_hidden_port(reading, text) < 0)
            return -EINVAL;
    } else {
        length = strcspn(text, ":/");
        if (text[length] == '/' && isdigit((unsigned char)text[length + 1]))
            length += 1 + strspn(text + length + 1, DIGITS);
    }
    memcpy(ret_host, text, length);
    ret_host[length] = '\0';
    *ret_rest = text + length;
    return 0;
}

/* --- what follows the host
 * -------------------------------------------------------------------------- */

static int read_ports(const struct reading *reading, const char *rest, struct entry *entry)
{
    if (rest[0] == '\0')
        return 0;
    if (rest[0] == ':') {
        if (port_range_parse(rest + 1, &entry->ports[0], reading->error) < 0)
            return refuse_part(reading, rest + 1, ": ");
        entry->port_count = 1;
        return 0;
    }
    if (strcasecmp(rest, "/tcp") == 0)
        entry->protocol = IPPROTO_TCP;
    else if (strcasecmp(rest, "/udp") == 0)
        entry->protocol = IPPROTO_UDP;
    else if (rest[0] == '/')
        return refuse(reading, rest,
                      "has a path: egressd decides by host, not by path; write '%.*s'",
                      (int)(rest - reading->text), reading->text);
    else
        return refuse(reading, rest, "has '%.20s' behind the host: only ':PORT' can follow", rest);
    return 0;
}

static int read_host_and_ports(const struct reading *reading, struct entry *entry)
{
    char host[ENTRY_TEXT_SIZE] = "";
    const char *rest = reading->text;

    if (refuse_known_mistakes(reading) < 0 || split_host(reading, host, &rest) < 0 ||
        read_host(reading, host, entry) < 0)
        return -EINVAL;
    return read_ports(reading, rest, entry);
}

int entry_parse(const char *text, struct entry *ret_entry, struct text_error *reterr)
{
    const struct reading reading = {text, reterr};
    struct entry entry = {0};
    int r = check_characters(&reading);

    if (r == 0)
        r = text[0] == '@' ? read_group(&reading, &entry) : read_host_and_ports(&reading, &entry);
    if (r < 0)
        return r;
    snprintf(entry.text, sizeof(entry.text), "%s", text);
    *ret_entry = entry;
    return 0;
}

int entry_parse_host(const char *text, struct entry *ret_entry, struct text_error *reterr)
{
    const struct reading reading = {text, reterr};
    struct entry entry;

    if (entry_parse(text, &entry, reterr) < 0)
        return -EINVAL;
    if (entry.kind == ENTRY_GROUP)
        return refuse(&reading, text, "is a group: write it by itself, as \"%s\", not in an object",
                      text);
    if (entry.port_count > 0 || entry.protocol)
        return refuse(&reading, text,
                      "has a port, but \"host\" is the host alone: write \"ports\": [\"443\"] "
                      "beside it");
    *ret_entry = entry;
    return 0;
}

const char *entry_format_host(const struct entry *entry, char text[static ENTRY_TEXT_SIZE])
{
    char prefix[PREFIX_TEXT_SIZE];

    switch (entry->kind) {
    case ENTRY_NAME:
        snprintf(text, ENTRY_TEXT_SIZE, "%s", entry->name);
        break;
    case ENTRY_WILDCARD:
        snprintf(text, ENTRY_TEXT_SIZE, "*.%s", entry->name);
        break;
    case ENTRY_GROUP:
        snprintf(text, ENTRY_TEXT_SIZE, "@%s", entry->name);
        break;
    case ENTRY_PREFIX:
        prefix_format(&entry->prefix, prefix);
        snprintf(text, ENTRY_TEXT_SIZE, entry->prefix.address.family == ADDRESS_V6 ? "[%s]" : "%s",
                 prefix);
        break;
    }
    return text;
}
