/* SPDX-License-Identifier: MIT */
#include "devcontainer/groups_command.h"

#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/memory.h"
#include "base/plain_text.h"
#include "devcontainer/configuration.h"
#include "policy/groups.h"

#define NAME_WIDTH 14
#define DATE_WIDTH 12
#define NOT_FOUND 1

static const char usage[] =
    "usage: egressd groups [NAME] [--json] [--groups DIR]\n"
    "\n"
    "Lists the groups that an entry of a policy may name, such as \"@github\"; with NAME, prints\n"
    "what is in that one, and where the list is from. Groups besides the shipped ones are read\n"
    "from /etc/egressd/groups.d, or from DIR: each a file NAME.group that looks as what this\n"
    "command prints. Exits with 0, 1 if there is no such group, or 78 if one cannot be read.\n";

/* --- for people ------------------------------------------------------------------------------- */

/* A file that somebody else wrote is shown, but may not drive the terminal. */
static void print_cleaned(const char *text)
{
    char *cleaned = xstrdup(text);

    plain_text_clean(cleaned, "\n\t");
    fputs(cleaned, stdout);
    free(cleaned);
}

static void print_line(const struct group *group)
{
    char title[GROUP_FACT_SIZE], date[GROUP_FACT_SIZE];

    group_fact(group, GROUP_TITLE, title);
    group_fact(group, GROUP_DATE, date);
    printf("@%-*s", NAME_WIDTH - 1, group->name);
    printf("%-*.*s", DATE_WIDTH, DATE_WIDTH - 1, date[0] ? date : "-");
    print_cleaned(title[0] ? title : group->file ? group->file : "");
    putchar('\n');
}

static void list_for_people(const struct groups *groups)
{
    const struct group *group;
    size_t position = 0;

    printf("%-*s%-*s%s\n", NAME_WIDTH, "GROUP", DATE_WIDTH, "AS OF", "WHAT");
    while ((group = group_next(groups, &position)))
        print_line(group);
    printf(
        "\nnext: 'egressd groups NAME' prints one; in a policy write { \"allow\": [\"@NAME\"] }\n");
}

/* --- for programs ----------------------------------------------------------------------------- */

static void add_fact(struct json_object *object, const char *key, const struct group *group,
                     enum group_fact fact)
{
    char text[GROUP_FACT_SIZE];

    json_object_object_add(object, key,
                           *group_fact(group, fact, text) ? json_object_new_string(text) : NULL);
}

static struct json_object *entry_as_json(const struct entry *entry)
{
    struct json_object *object = json_object_new_object(), *ports = json_object_new_array();
    struct port_range ranges[ENTRY_PORTS_MAX];
    size_t count = policy_entry_ports(POLICY_ALLOW, entry, ranges);
    char host[ENTRY_TEXT_SIZE], port[PORT_RANGE_TEXT_SIZE];

    for (size_t i = 0; i < count; i++)
        json_object_array_add(ports, json_object_new_string(port_range_format(&ranges[i], port)));
    json_object_object_add(object, "entry", json_object_new_string(entry->text));
    json_object_object_add(object, "host", json_object_new_string(entry_format_host(entry, host)));
    json_object_object_add(object, "ports", ports);
    json_object_object_add(object, "private", json_object_new_boolean(entry->allow_private));
    json_object_object_add(object, "names",
                           entry->names_max ? json_object_new_int64(entry->names_max) : NULL);
    return object;
}

static struct json_object *group_as_json(const struct group *group)
{
    struct json_object *object = json_object_new_object(), *entries = json_object_new_array();
    struct entry entry;
    size_t position = 0;

    while (group_next_entry(group, &position, &entry))
        json_object_array_add(entries, entry_as_json(&entry));
    json_object_object_add(object, "name", json_object_new_string(group->name));
    add_fact(object, "title", group, GROUP_TITLE);
    add_fact(object, "source", group, GROUP_SOURCE);
    add_fact(object, "date", group, GROUP_DATE);
    json_object_object_add(object, "file",
                           group->file ? json_object_new_string(group->file) : NULL);
    json_object_object_add(object, "entries", entries);
    return object;
}

static struct json_object *list_as_json(const struct groups *groups)
{
    struct json_object *object = json_object_new_object(), *array = json_object_new_array();
    const struct group *group;
    size_t position = 0;

    while ((group = group_next(groups, &position)))
        json_object_array_add(array, group_as_json(group));
    json_object_object_add(object, "groups", array);
    return object;
}

/* Frees the object. */
static void print_json(struct json_object *take_object)
{
    printf("%s\n", json_object_to_json_string_ext(take_object, JSON_C_TO_STRING_PLAIN |
                                                                   JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(take_object);
}

/* --- the command ------------------------------------------------------------------------------ */

enum form { FOR_PEOPLE, FOR_PROGRAMS };

static int show_one(const struct groups *groups, const char *name, enum form form)
{
    const struct group *group = group_find(groups, name);
    const char *near = group ? NULL : group_find_near(groups, name);

    if (!group && near) {
        fprintf(stderr, "there is no group '@%s': did you mean '@%s'?\n", name, near);
        return NOT_FOUND;
    }
    if (!group) {
        fprintf(stderr, "there is no group '@%s': 'egressd groups' lists them\n", name);
        return NOT_FOUND;
    }
    if (form == FOR_PROGRAMS)
        print_json(group_as_json(group));
    else
        print_cleaned(group->text);
    return EX_OK;
}

static int show(const struct groups *groups, const char *name, enum form form)
{
    if (name)
        return show_one(groups, name[0] == '@' ? name + 1 : name, form);
    if (form == FOR_PROGRAMS)
        print_json(list_as_json(groups));
    else
        list_for_people(groups);
    return EX_OK;
}

static int read_and_show(const char *folder, const char *name, enum form form)
{
    struct policy_builder *builder = policy_builder_new();
    struct configuration_error error = {0};
    char text[CONFIGURATION_ERROR_TEXT_SIZE];
    int code = EX_CONFIG;

    if (configuration_read_groups(folder, builder, &error) < 0)
        fprintf(stderr, "%s\n", configuration_error_format(&error, text));
    else
        code = show(policy_builder_groups(builder), name, form);
    policy_builder_free(builder);
    return code == EX_OK && fflush(stdout) != 0 ? EX_IOERR : code;
}

int groups_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"groups", required_argument, NULL, 'g'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *folder = CONFIGURATION_GROUPS_FOLDER;
    enum form form = FOR_PEOPLE;
    int option;

    optind = 0; /* glibc and musl: begin anew */
    opterr = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return EX_OK;
        }
        if (option == 'j')
            form = FOR_PROGRAMS;
        else if (option == 'g')
            folder = optarg;
        else
            break;
    }
    if (option != -1 || argc - optind > 1) {
        fprintf(stderr, "egressd groups: '%s' is not understood\n\n%s",
                argv[option != -1 ? optind - 1 : optind + 1], usage);
        return EX_USAGE;
    }
    return read_and_show(folder, argv[optind], form);
}
