/* SPDX-License-Identifier: MIT */
#include "policy/outline.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/policy.h"
#include "run/outline_file.h"

#define ENTRIES_MAX 4

/* "+entry" is allowed, "-entry" denied. */
static char *outline_of_entries(const char *const *entries)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error;
    struct policy *policy;
    char *outline;

    for (; *entries; entries++) {
        struct entry entry;

        ck_assert_int_eq(entry_parse(*entries + 1, &entry, &error), 0);
        ck_assert_int_eq(policy_builder_add(builder, **entries == '+' ? POLICY_ALLOW : POLICY_DENY,
                                            &entry, &error),
                         0);
    }
    ck_assert_int_eq(policy_build(builder, &policy, &error), 0);
    policy_builder_free(builder);
    outline = outline_of(policy);
    policy_free(policy);
    return outline;
}

static const struct {
    const char *before[ENTRIES_MAX], *after[ENTRIES_MAX];
    bool narrows;
} cases[] = {
    {{NULL}, {NULL}, false},
    {{"+a.example"}, {"+a.example"}, false},
    {{"+a.example"}, {"+A.example."}, false},
    {{"+a.example"}, {"+b.example", "+a.example"}, false},
    {{"+a.example", "+b.example"}, {"+b.example"}, true},
    {{"+a.example"}, {NULL}, true},
    {{"+a.example"}, {"+a.example:22"}, true},
    {{"+a.example"}, {"+*.a.example"}, true},
    {{"+a.example"}, {"+a.example", "-b.example"}, true},
    {{"+a.example", "-b.example"}, {"+a.example"}, false},
    {{NULL}, {"-b.example"}, true},
    {{"+a.example", "+c.example"}, {"+a.example", "+b.example", "+c.example"}, false},
    {{"+a.example", "+ab.example"}, {"+ab.example"}, true},
    {{"+ab.example"}, {"+a.example", "+ab.example"}, false},
};

START_TEST(narrowing_is_seen)
{
    char *before = outline_of_entries(cases[_i].before);
    char *after = outline_of_entries(cases[_i].after);

    ck_assert_msg(outline_narrows(before, after) == cases[_i].narrows, "case %d:\n%s--\n%s", _i,
                  before, after);
    free(before);
    free(after);
}
END_TEST

START_TEST(differences_are_told)
{
    static const char *const before[] = {"+b.example", "+a.example:22", "+A.example:22",
                                         "+c.example", NULL};
    static const char *const after[] = {"+c.example", "-a.example/udp", "+b.example:443", NULL};
    char *from = outline_of_entries(before), *to = outline_of_entries(after);
    char *gone = outline_subtract(from, to), *come = outline_subtract(to, from);
    char *nothing = outline_subtract(from, from);

    ck_assert_str_eq(gone, "allow a.example 22\nallow b.example 80 443\n");
    ck_assert_str_eq(come, "allow b.example 443\ndeny a.example */udp\n");
    ck_assert_str_eq(nothing, "");
    free(nothing);
    free(come);
    free(gone);
    free(to);
    free(from);
}
END_TEST

START_TEST(settings_are_told_too)
{
    struct policy_builder *builder = policy_builder_new();
    struct text_error error;
    struct address address;
    struct policy *policy;
    char *outline;

    ck_assert_int_eq(address_parse("192.0.2.53", &address), 0);
    policy_builder_set_refusal_answer(builder, POLICY_REFUSED);
    ck_assert_int_eq(policy_builder_add_upstream(builder, &address, 5353, &error), 0);
    ck_assert_int_eq(policy_build(builder, &policy, &error), 0);
    outline = outline_of(policy);
    ck_assert_str_eq(outline, "mode enforce\nrefusal refused\nupstream 192.0.2.53 5353\n");
    free(outline);
    policy_free(policy);
    policy_builder_free(builder);
}
END_TEST

/* Nothing was refused before: what goes on may be anything. */
START_TEST(the_end_of_audit_mode_narrows)
{
    ck_assert(outline_narrows("mode audit\n", "allow a.example 80 443\nmode enforce\n"));
    ck_assert(!outline_narrows("mode enforce\n", "mode audit\n"));
    ck_assert(!outline_narrows("mode audit\n", "mode audit\n"));
}
END_TEST

START_TEST(file_is_whole_or_nothing)
{
    char folder[] = "/tmp/outline-XXXXXX", path[64];
    char *loaded;
    FILE *file;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/outline", folder);
    ck_assert_ptr_null(outline_load(path));

    ck_assert_int_eq(outline_save(path, "allow a.example 80 443\n"), 0);
    loaded = outline_load(path);
    ck_assert_str_eq(loaded, "allow a.example 80 443\n");
    free(loaded);

    ck_assert_int_eq(outline_save(path, ""), 0);
    loaded = outline_load(path);
    ck_assert_str_eq(loaded, "");
    free(loaded);

    file = fopen(path, "w");
    fputs("allow a.example 80 443\n", file); /* cut short */
    fclose(file);
    ck_assert_ptr_null(outline_load(path));
    unlink(path);
    ck_assert_int_lt(outline_save("/nonexistent/outline", ""), 0);
    rmdir(folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outline");
    TCase *tests = tcase_create("outline");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, narrowing_is_seen, 0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tests, differences_are_told);
    tcase_add_test(tests, settings_are_told_too);
    tcase_add_test(tests, the_end_of_audit_mode_narrows);
    tcase_add_test(tests, file_is_whole_or_nothing);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
