/* SPDX-License-Identifier: MIT */
#include "devcontainer/policy_object.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/spelling.h"
#include "policy/name_budget.h"

#define DNS_PORT 53

/* What is being read. */
struct reader {
    struct jsonc *document;
    const char *file;
    struct policy_builder *builder;
    struct text_error *error;
};

__attribute__((format(printf, 3, 4))) static int refuse(const struct reader *reader, size_t place,
                                                        const char *format, ...)
{
    char message[TEXT_ERROR_SIZE];
    unsigned line, column;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    jsonc_find_line(reader->document, place, &line, &column);
    return text_error_set(reader->error, line, column, "%s", message);
}

static const char *type_of(struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        return "null";
    case json_type_boolean:
        return "true or false";
    case json_type_double:
    case json_type_int:
        return "a number";
    case json_type_object:
        return "an object";
    case json_type_array:
        return "an array";
    case json_type_string:
        return "a string";
    }
    return "something else";
}

/* The text of a string without a NUL in it, or NULL. */
static const char *text_of(struct json_object *value)
{
    const char *text;

    if (!json_object_is_type(value, json_type_string))
        return NULL;
    text = json_object_get_string(value);
    return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

/* The parser of the text has set reader->error, whose column counts within the text. It counts in
 * the file as well, unless the text is written with escapes there. */
static int place_error(const struct reader *reader, size_t place, const char *text)
{
    const struct jsonc *document = reader->document;
    size_t length = strlen(text);
    unsigned within = reader->error->column, line, column;

    jsonc_find_line(reader->document, place, &line, &column);
    if (within > 0 && document->size - place > length &&
        memcmp(document->text + place + 1, text, length) == 0)
        column += within;
    reader->error->line = line;
    reader->error->column = column;
    return -EINVAL;
}

static int refuse_key(const struct reader *reader, size_t object, const char *key,
                      const char *const *known, size_t count)
{
    const char *near = spelling_find_near(key, known, count);
    char list[256];
    size_t used = 0;

    for (size_t i = 0; i < count && used < sizeof(list); i++)
        used +=
            (size_t)snprintf(list + used, sizeof(list) - used, "%s\"%s\"", i ? ", " : "", known[i]);
    if (near)
        return refuse(reader, jsonc_key(reader->document, object, key),
                      "unknown key \"%.60s\": did you mean \"%s\"?", key, near);
    return refuse(reader, jsonc_key(reader->document, object, key),
                  "unknown key \"%.60s\": the keys here are %s", key, list);
}

/* --- entries ---------------------------------------------------------------------------------- */

static int read_port(const struct reader *reader, struct json_object *value, size_t place,
                     struct entry *entry)
{
    const char *text = text_of(value);
    char number[24];

    if (entry->port_count == ENTRY_PORTS_MAX)
        return refuse(reader, place,
                      "more than %d port ranges: write the host once more for others",
                      ENTRY_PORTS_MAX);
    if (json_object_is_type(value, json_type_int)) {
        snprintf(number, sizeof(number), "%lld", (long long)json_object_get_int64(value));
        text = number;
    }
    if (!text)
        return refuse(reader, place,
                      "a port is a string such as \"443\" or \"8000-8100/udp\", not %s",
                      type_of(value));
    if (port_range_parse(text, &entry->ports[entry->port_count], reader->error) < 0) {
        char reason[TEXT_ERROR_SIZE];

        snprintf(reason, sizeof(reason), "%s", reader->error->message);
        text_error_set(reader->error, 0, reader->error->column, "port '%.40s' of '%.80s': %s", text,
                       entry->text, reason);
        return place_error(reader, place, text);
    }
    entry->port_count++;
    return 0;
}

static int read_ports(const struct reader *reader, struct json_object *value, size_t place,
                      struct entry *entry)
{
    size_t count, at;

    if (!json_object_is_type(value, json_type_array))
        return refuse(reader, place, "\"ports\" must be an array such as [\"22\", \"443\"], not %s",
                      type_of(value));
    count = json_object_array_length(value);
    if (count == 0)
        return refuse(reader, place,
                      "\"ports\" is empty: list the ports, or leave it out for tcp 80 and 443");
    at = jsonc_first_element(reader->document, place);
    for (size_t i = 0; i < count; i++) {
        if (read_port(reader, json_object_array_get_idx(value, i), at, entry) < 0)
            return -EINVAL;
        at = jsonc_next_element(reader->document, at);
    }
    return 0;
}

static int read_host(const struct reader *reader, struct json_object *value, size_t place,
                     struct entry *ret_entry)
{
    struct json_object *host;
    const char *text;
    size_t at = jsonc_member(reader->document, place, "host");

    if (!json_object_object_get_ex(value, "host", &host))
        return refuse(reader, place,
                      "an entry that is an object needs a \"host\": { \"host\": "
                      "\"git.example.com\", \"ports\": [\"22\"] }");
    text = text_of(host);
    if (!text)
        return refuse(reader, at, "\"host\" must be a string, not %s", type_of(host));
    if (entry_parse_host(text, ret_entry, reader->error) < 0)
        return place_error(reader, at, text);
    return 0;
}

static int read_private(const struct reader *reader, struct json_object *value, size_t place,
                        struct entry *entry)
{
    if (!json_object_is_type(value, json_type_boolean))
        return refuse(reader, place, "\"private\" must be true or false, not %s", type_of(value));
    entry->allow_private = json_object_get_boolean(value);
    return 0;
}

static int read_names(const struct reader *reader, struct json_object *value, size_t place,
                      struct entry *entry)
{
    int64_t names = json_object_get_int64(value);

    if (entry->kind != ENTRY_WILDCARD)
        return refuse(reader, place,
                      "\"names\" says to how many names a wildcard may lead, and '%.80s' is none: "
                      "leave it out",
                      entry->text);
    if (!json_object_is_type(value, json_type_int) || names < 1 || names > NAME_BUDGET_MAX)
        return refuse(reader, place,
                      "\"names\" must be a number from 1 to %d: to how many names '%.80s' may "
                      "lead (%d if left out)",
                      NAME_BUDGET_MAX, entry->text, NAME_BUDGET_DEFAULT);
    entry->names_max = (uint32_t)names;
    return 0;
}

static const struct {
    const char *key;
    int (*read)(const struct reader *reader, struct json_object *value, size_t place,
                struct entry *entry);
} entry_members[] = {
    {"host", NULL}, /* read before the others, which speak of it */
    {"ports", read_ports},
    {"private", read_private},
    {"names", read_names},
};

#define ENTRY_MEMBER_COUNT (sizeof(entry_members) / sizeof(entry_members[0]))

static int read_entry_member(const struct reader *reader, size_t object, const char *key,
                             struct json_object *value, struct entry *entry)
{
    const char *known[ENTRY_MEMBER_COUNT];

    for (size_t i = 0; i < ENTRY_MEMBER_COUNT; i++) {
        known[i] = entry_members[i].key;
        if (strcmp(known[i], key) != 0)
            continue;
        if (!entry_members[i].read)
            return 0;
        return entry_members[i].read(reader, value, jsonc_member(reader->document, object, key),
                                     entry);
    }
    return refuse_key(reader, object, key, known, ENTRY_MEMBER_COUNT);
}

/* { "host": ..., "ports": [...], "private": true, "names": 5000 } */
static int read_entry_object(const struct reader *reader, struct json_object *value, size_t place,
                             struct entry *ret_entry)
{
    if (read_host(reader, value, place, ret_entry) < 0)
        return -EINVAL;
    json_object_object_foreach(value, key, member)
    {
        if (read_entry_member(reader, place, key, member, ret_entry) < 0)
            return -EINVAL;
    }
    return 0;
}

static int read_entry(const struct reader *reader, enum policy_list list, struct json_object *value,
                      size_t place)
{
    const char *text = text_of(value);
    struct entry entry = {0};

    if (text) {
        if (entry_parse(text, &entry, reader->error) < 0)
            return place_error(reader, place, text);
    } else if (json_object_is_type(value, json_type_object)) {
        if (read_entry_object(reader, value, place, &entry) < 0)
            return -EINVAL;
        if (list == POLICY_DENY && entry.names_max)
            return refuse(reader, jsonc_member(reader->document, place, "names"),
                          "\"names\" limits what an allow entry lets out, and this is in \"deny\": "
                          "leave it out");
    } else {
        return refuse(reader, place,
                      "an entry is a string such as \"api.example.com:443\", or an object with "
                      "\"host\"; not %s",
                      json_object_is_type(value, json_type_string) ? "a string with a NUL in it"
                                                                   : type_of(value));
    }
    entry.source.file = reader->file;
    jsonc_find_line(reader->document, place, &entry.source.line, &entry.source.column);
    return policy_builder_add(reader->builder, list, &entry, reader->error);
}

static int read_list(const struct reader *reader, const char *key, enum policy_list list,
                     struct json_object *value, size_t place)
{
    size_t count, at;

    if (!json_object_is_type(value, json_type_array))
        return refuse(reader, place,
                      "\"%s\" must be an array such as [\"api.example.com\"], not %s", key,
                      type_of(value));
    count = json_object_array_length(value);
    at = jsonc_first_element(reader->document, place);
    for (size_t i = 0; i < count; i++) {
        if (read_entry(reader, list, json_object_array_get_idx(value, i), at) < 0)
            return -EINVAL;
        at = jsonc_next_element(reader->document, at);
    }
    return 0;
}

/* --- the other keys --------------------------------------------------------------------------- */

static int read_allow(const struct reader *reader, struct json_object *value, size_t place)
{
    return read_list(reader, "allow", POLICY_ALLOW, value, place);
}

static int read_deny(const struct reader *reader, struct json_object *value, size_t place)
{
    return read_list(reader, "deny", POLICY_DENY, value, place);
}

static int read_mode(const struct reader *reader, struct json_object *value, size_t place)
{
    const char *text = text_of(value);
    struct entry_source source = {.file = reader->file};

    jsonc_find_line(reader->document, place, &source.line, &source.column);
    if (text && strcmp(text, "enforce") == 0)
        policy_builder_set_mode(reader->builder, POLICY_ENFORCE, &source);
    else if (text && strcmp(text, "audit") == 0)
        policy_builder_set_mode(reader->builder, POLICY_AUDIT, &source);
    else
        return refuse(reader, place, "\"mode\" must be \"enforce\" or \"audit\"");
    return 0;
}

static int read_refusal(const struct reader *reader, struct json_object *value, size_t place)
{
    const char *text = text_of(value);

    if (text && strcmp(text, "nxdomain") == 0)
        policy_builder_set_refusal_answer(reader->builder, POLICY_NXDOMAIN);
    else if (text && strcmp(text, "refused") == 0)
        policy_builder_set_refusal_answer(reader->builder, POLICY_REFUSED);
    else
        return refuse(reader, place, "\"refusal\" must be \"nxdomain\" or \"refused\"");
    return 0;
}

/* An upstream is written as an entry that is one address with one port at most. */
static int read_upstream(const struct reader *reader, struct json_object *value, size_t place)
{
    const char *text = text_of(value);
    struct entry entry;
    uint16_t port = DNS_PORT;

    if (!text || entry_parse(text, &entry, reader->error) < 0 || entry.kind != ENTRY_PREFIX ||
        entry.prefix.length != address_size(&entry.prefix.address) * 8 || entry.protocol ||
        (entry.port_count == 1 && entry.ports[0].from != entry.ports[0].to))
        return refuse(reader, place,
                      "an upstream is the address of a DNS server, such as \"192.0.2.53\" or "
                      "\"[2001:db8::53]:5353\"");
    if (entry.port_count == 1)
        port = entry.ports[0].from;
    if (policy_builder_add_upstream(reader->builder, &entry.prefix.address, port, reader->error) <
        0)
        return refuse(reader, place, "%s", "more upstreams than can be asked: keep the first few");
    return 0;
}

static int read_upstreams(const struct reader *reader, struct json_object *value, size_t place)
{
    size_t count, at;

    if (!json_object_is_type(value, json_type_array))
        return refuse(reader, place,
                      "\"upstreams\" must be an array such as [\"192.0.2.53\"], not %s",
                      type_of(value));
    count = json_object_array_length(value);
    at = jsonc_first_element(reader->document, place);
    for (size_t i = 0; i < count; i++) {
        if (read_upstream(reader, json_object_array_get_idx(value, i), at) < 0)
            return -EINVAL;
        at = jsonc_next_element(reader->document, at);
    }
    return 0;
}

/* For editors: names the schema. */
static int read_schema(const struct reader *reader, struct json_object *value, size_t place)
{
    if (!json_object_is_type(value, json_type_string))
        return refuse(reader, place, "\"$schema\" must be a string, not %s", type_of(value));
    return 0;
}

static const struct {
    const char *key;
    int (*read)(const struct reader *reader, struct json_object *value, size_t place);
} members[] = {
    {"allow", read_allow},     {"deny", read_deny},           {"mode", read_mode},
    {"refusal", read_refusal}, {"upstreams", read_upstreams}, {"$schema", read_schema},
};

#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static int refuse_member(const struct reader *reader, size_t object, const char *key)
{
    const char *known[MEMBER_COUNT];

    for (size_t i = 0; i < MEMBER_COUNT; i++)
        known[i] = members[i].key;
    return refuse_key(reader, object, key, known, MEMBER_COUNT - 1);
}

static int read_member(const struct reader *reader, size_t object, const char *key,
                       struct json_object *value)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        if (strcmp(members[i].key, key) == 0)
            return members[i].read(reader, value, jsonc_member(reader->document, object, key));
    return refuse_member(reader, object, key);
}

int policy_object_read(struct jsonc *document, struct json_object *object, size_t place,
                       const char *file, struct policy_builder *builder, struct text_error *reterr)
{
    const struct reader reader = {document, file, builder, reterr};

    if (!json_object_is_type(object, json_type_object))
        return refuse(&reader, place,
                      "a policy must be an object such as { \"allow\": [\"api.example.com\"] }, "
                      "not %s",
                      type_of(object));
    json_object_object_foreach(object, key, value)
    {
        if (read_member(&reader, place, key, value) < 0)
            return -EINVAL;
    }
    return 0;
}

/* --- files ------------------------------------------------------------------------------------ */

int devcontainer_find_policy(struct jsonc *document, struct json_object **ret_value,
                             size_t *ret_place, struct text_error *reterr)
{
    const struct reader reader = {.document = document, .error = reterr};
    struct json_object *customizations, *value;
    size_t place;

    *ret_value = NULL;
    *ret_place = 0;
    if (!json_object_object_get_ex(document->root, "customizations", &customizations))
        return 0;
    place = jsonc_member(document, jsonc_root(document), "customizations");
    if (!json_object_is_type(customizations, json_type_object))
        return refuse(&reader, place, "\"customizations\" must be an object, not %s",
                      type_of(customizations));
    if (!json_object_object_get_ex(customizations, "egressd", &value))
        return 0;
    place = jsonc_member(document, place, "egressd");
    if (!value)
        return refuse(&reader, place, "\"egressd\" must be an object, not null");
    *ret_value = value;
    *ret_place = place;
    return 0;
}

static int read_devcontainer(struct jsonc *document, const char *file,
                             struct policy_builder *builder, struct text_error *reterr)
{
    struct json_object *value;
    size_t place, count;

    if (devcontainer_find_policy(document, &value, &place, reterr) < 0)
        return -EINVAL;
    if (!value)
        return 0;
    if (!json_object_is_type(value, json_type_array))
        return policy_object_read(document, value, place, file, builder, reterr);

    count = json_object_array_length(value);
    place = jsonc_first_element(document, place);
    for (size_t i = 0; i < count; i++) {
        if (policy_object_read(document, json_object_array_get_idx(value, i), place, file, builder,
                               reterr) < 0)
            return -EINVAL;
        place = jsonc_next_element(document, place);
    }
    return 0;
}

int policy_file_read(struct jsonc *document, enum policy_file_kind kind, const char *file,
                     struct policy_builder *builder, struct text_error *reterr)
{
    if (kind == POLICY_FILE_DEVCONTAINER)
        return read_devcontainer(document, file, builder, reterr);
    return policy_object_read(document, document->root, jsonc_root(document), file, builder,
                              reterr);
}

enum policy_file_kind policy_file_tell(const struct jsonc *document, const char *path)
{
    static const char *const keys[] = {"customizations", "features",   "image",
                                       "build",          "dockerFile", "dockerComposeFile"};
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (json_object_object_get_ex(document->root, keys[i], NULL))
            return POLICY_FILE_DEVCONTAINER;
    for (size_t i = 0; i < MEMBER_COUNT - 1; i++)
        if (json_object_object_get_ex(document->root, members[i].key, NULL))
            return POLICY_FILE_BARE;
    if (strcmp(name, "devcontainer.json") == 0 || strcmp(name, ".devcontainer.json") == 0)
        return POLICY_FILE_DEVCONTAINER;
    return POLICY_FILE_BARE;
}
