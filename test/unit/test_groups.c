/* SPDX-License-Identifier: MIT */
#include "policy/groups.h"

#include <check.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "make_policy.h"
#include "policy/group_line.h"

#define COUNT_OF(array) (int)(sizeof(array) / sizeof((array)[0]))

/* --- the shipped ones ------------------------------------------------------------------------- */

static const char *const shipped[] = {
    "alpine",     "anthropic", "cargo",    "codespaces", "copilot", "debian",
    "dockerhub",  "fedora",    "gemini",   "ghcr",       "github",  "go",
    "jetbrains",  "maven",     "npm",      "nuget",      "openai",  "packagist",
    "playwright", "pypi",      "rubygems", "terraform",  "ubuntu",  "vscode",
};

START_TEST(all_are_shipped_in_order)
{
    const struct group *group;
    size_t position = 0, count = 0;

    while ((group = group_next(NULL, &position))) {
        ck_assert_uint_lt(count, COUNT_OF(shipped));
        ck_assert_str_eq(group->name, shipped[count++]);
        ck_assert_ptr_eq(group_find(NULL, group->name), group);
        ck_assert_ptr_null(group->file);
    }
    ck_assert_uint_eq(count, COUNT_OF(shipped));
}
END_TEST

static bool is_date(const char *text)
{
    static const char form[] = "dddd-dd-dd";

    for (size_t i = 0; i < sizeof(form); i++)
        if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
            return false;
    return true;
}

START_TEST(a_shipped_one_says_where_it_is_from)
{
    const struct group *group = group_find(NULL, shipped[_i]);
    char text[GROUP_FACT_SIZE];

    ck_assert_uint_ge(strlen(group_fact(group, GROUP_TITLE, text)), 10);
    ck_assert_msg(strstr(group_fact(group, GROUP_SOURCE, text), "https://"), "%s", text);
    ck_assert_msg(is_date(group_fact(group, GROUP_DATE, text)), "%s", text);
}
END_TEST

/* Every line is understood, and none opens what is not a vendor's own: no address (of a cloud's
 * metadata, of Docker's bridge), no name of a container's surroundings, nothing private. */
START_TEST(a_shipped_one_opens_names_alone)
{
    const struct group *group = group_find(NULL, shipped[_i]);
    struct cursor c = cursor_over(group->text, strlen(group->text));
    size_t entries = 0, position = 0;
    struct text_error error = {0};
    struct entry entry, again;
    bool has_entry;

    while (cursor_left(&c) > 0) {
        ck_assert_msg(group_line_read(&c, &entry, &has_entry, &error) == 0, "@%s: %s", group->name,
                      error.message);
        if (!has_entry)
            continue;
        entries++;
        ck_assert(group_next_entry(group, &position, &again));
        ck_assert_str_eq(again.text, entry.text);
        ck_assert_msg(entry.kind == ENTRY_NAME || entry.kind == ENTRY_WILDCARD, "%s", entry.text);
        ck_assert_msg(!entry.allow_private && strchr(entry.name, '.'), "%s", entry.text);
        ck_assert_msg(!strstr(entry.name, "internal"), "%s", entry.text);
        ck_assert_msg(entry.port_count == 1, "%s: write the port", entry.text);
    }
    ck_assert_uint_gt(entries, 0);
    ck_assert(!group_next_entry(group, &position, &again));
}
END_TEST

/* --- an organisation's own -------------------------------------------------------------------- */

static int add(struct groups *groups, const char *name, const char *text, struct text_error *reterr)
{
    return groups_add(groups, name, "groups.d/it", text, strlen(text), reterr);
}

START_TEST(own_group_is_read)
{
    static const char text[] = "# title: What we all need\n"
                               "\n"
                               "git.corp.example:22 private # a comment\r\n"
                               "\t*.cdn.example:443\tnames 20 private\n"
                               "192.0.2.0/24";
    struct groups *groups = groups_new();
    struct text_error error = {0};
    const struct group *group;
    char fact[GROUP_FACT_SIZE];
    struct entry entry;
    size_t position = 0;

    ck_assert_msg(add(groups, "acme", text, &error) == 0, "%s", error.message);
    group = group_find(groups, "acme");
    ck_assert_str_eq(group->file, "groups.d/it");
    ck_assert_str_eq(group_fact(group, GROUP_TITLE, fact), "What we all need");
    ck_assert_str_eq(group_fact(group, GROUP_DATE, fact), "");
    ck_assert(group_next_entry(group, &position, &entry));
    ck_assert_str_eq(entry.text, "git.corp.example:22");
    ck_assert(entry.allow_private && entry.names_max == 0);
    ck_assert(group_next_entry(group, &position, &entry));
    ck_assert_str_eq(entry.text, "*.cdn.example:443");
    ck_assert(entry.allow_private && entry.names_max == 20);
    ck_assert(group_next_entry(group, &position, &entry));
    ck_assert_int_eq(entry.kind, ENTRY_PREFIX);
    ck_assert(!entry.allow_private);
    ck_assert(!group_next_entry(group, &position, &entry));
    ck_assert_str_eq(group_find_near(groups, "amce"), "acme");
    groups_free(groups);
}
END_TEST

static const struct {
    const char *name, *text, *remedy;
    unsigned line, column;
} refused[] = {
    {"acme", "a.example\n\nb..example\n", "two dots", 3, 3},
    {"acme", "a.example\n  c.example:0", "1 to 65535", 2, 13},
    {"acme", "@github\n", "write its hosts", 1, 1},
    {"acme", "a.example b.example\n", "a comment", 1, 11},
    {"acme", "a.example names 5\n", "leave it out", 1, 17},
    {"acme", "*.a.example names 0\n", "1 to 1000000", 1, 19},
    {"acme", "*.a.example names\n", "1 to 1000000", 1, 18},
    {"acme", "*.a.example names 99999999999\n", "1 to 1000000", 1, 19},
    {"acme", "*.com\n", "anybody can register", 1, 1},
    {"github", "a.example\n", "'acme-github.group'", 0, 0},
    {"Acme", "a.example\n", "rename the file", 0, 0},
    {"a.b", "a.example\n", "rename the file", 0, 0},
    {"", "a.example\n", "rename the file", 0, 0},
    {"twice", "a.example\n", "already in groups.d/it", 0, 0},
};

START_TEST(mistake_in_an_own_group_is_refused)
{
    struct groups *groups = groups_new();
    struct text_error error = {0};

    ck_assert_int_eq(add(groups, "twice", "", &error), 0);
    ck_assert_int_eq(add(groups, refused[_i].name, refused[_i].text, &error), -EINVAL);
    ck_assert_msg(strstr(error.message, refused[_i].remedy), "%s", error.message);
    ck_assert_msg(error.line == refused[_i].line && error.column == refused[_i].column, "%u:%u: %s",
                  error.line, error.column, error.message);
    groups_free(groups);
}
END_TEST

START_TEST(nul_in_a_group_is_refused)
{
    static const char text[] = "a.example\nb.ex\0ample\n";
    struct groups *groups = groups_new();
    struct text_error error = {0};

    ck_assert_int_eq(groups_add(groups, "acme", "it", text, sizeof(text) - 1, &error), -EINVAL);
    ck_assert_uint_eq(error.line, 2);
    ck_assert_uint_eq(error.column, 5);
    groups_free(groups);
}
END_TEST

START_TEST(too_many_groups_are_refused)
{
    struct groups *groups = groups_new();
    struct text_error error = {0};
    char name[16];

    for (int i = 0; i < GROUPS_OWN_MAX; i++) {
        snprintf(name, sizeof(name), "own-%d", i);
        ck_assert_int_eq(add(groups, name, "a.example\n", &error), 0);
    }
    ck_assert_int_eq(add(groups, "one-more", "a.example\n", &error), -EINVAL);
    groups_free(groups);
}
END_TEST

/* --- in a policy ------------------------------------------------------------------------------ */

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

START_TEST(entries_stand_where_the_group_was_written)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error = {0};
    const struct entry *entries;
    struct policy *policy;
    struct entry entry;
    size_t count;

    ck_assert_int_eq(add(policy_builder_groups(builder), "acme",
                         "git.corp.example:22 private\n*.corp.example:8443\n", &error),
                     0);
    add_entries(builder, POLICY_ALLOW, LIST("first.example"));
    ck_assert_int_eq(entry_parse("@Acme", &entry, &error), 0);
    entry.source = (struct entry_source){"policy.json", 3, 7};
    ck_assert_int_eq(policy_builder_add(builder, POLICY_ALLOW, &entry, &error), 0);
    ck_assert_int_eq(policy_build(builder, &policy, &error), 0);
    policy_builder_free(builder);

    entries = policy_entries(policy, POLICY_ALLOW, &count);
    ck_assert_uint_eq(count, 3);
    ck_assert_ptr_null(entries[0].group);
    for (size_t i = 1; i < count; i++) {
        ck_assert_str_eq(entries[i].group, "acme");
        ck_assert_str_eq(entries[i].source.file, "policy.json");
        ck_assert_uint_eq(entries[i].source.line, 3);
        ck_assert_uint_eq(entries[i].source.column, 7);
    }
    ck_assert_ptr_eq(policy_judge_name(policy, "x.corp.example").entry, &entries[2]);
    ck_assert_ptr_eq(policy_judge_name(policy, "git.corp.example").entry, &entries[1]);
    policy_free(policy);
}
END_TEST

/* By no port, not only by those that the group opens. */
START_TEST(denied_group_takes_its_hosts_whole)
{
    struct policy *policy =
        make_policy(LIST("github.com:8080", "github.com:22", "pypi.org:8080"), LIST("@github"));
    const struct entry *entries;
    size_t count, hosts = 0;

    ck_assert(!policy_judge_name(policy, "github.com").allowed);
    ck_assert(policy_judge_name(policy, "pypi.org").allowed);
    entries = policy_entries(policy, POLICY_DENY, &count);
    for (size_t i = 0; i < count; i++)
        hosts += strcmp(entries[i].text, "github.com") == 0;
    ck_assert_uint_eq(hosts, 1);
    policy_free(policy);
}
END_TEST

static const struct {
    const char *text, *remedy;
} unknown[] = {
    {"@gihtub", "did you mean '@github'?"},
    {"@acme", "/etc/egressd/groups.d/acme.group"},
};

START_TEST(unknown_group_is_refused_where_it_was_written)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error = {0};
    struct entry entry;

    ck_assert_int_eq(entry_parse(unknown[_i].text, &entry, &error), 0);
    entry.source = (struct entry_source){"policy.json", 3, 7};
    ck_assert_int_eq(policy_builder_add(builder, POLICY_ALLOW, &entry, &error), -EINVAL);
    ck_assert_msg(strstr(error.message, unknown[_i].remedy), "%s", error.message);
    ck_assert_uint_eq(error.line, 3);
    ck_assert_uint_eq(error.column, 7);
    policy_builder_free(builder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("groups");
    TCase *tests = tcase_create("groups");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_test(tests, all_are_shipped_in_order);
    tcase_add_loop_test(tests, a_shipped_one_says_where_it_is_from, 0, COUNT_OF(shipped));
    tcase_add_loop_test(tests, a_shipped_one_opens_names_alone, 0, COUNT_OF(shipped));
    tcase_add_test(tests, own_group_is_read);
    tcase_add_loop_test(tests, mistake_in_an_own_group_is_refused, 0, COUNT_OF(refused));
    tcase_add_test(tests, nul_in_a_group_is_refused);
    tcase_add_test(tests, too_many_groups_are_refused);
    tcase_add_test(tests, entries_stand_where_the_group_was_written);
    tcase_add_test(tests, denied_group_takes_its_hosts_whole);
    tcase_add_loop_test(tests, unknown_group_is_refused_where_it_was_written, 0, COUNT_OF(unknown));
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
