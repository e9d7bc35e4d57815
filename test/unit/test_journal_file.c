/* SPDX-License-Identifier: MIT */
#include "journal/file.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_MAX_HERE 1000
#define LINE "{\"name\":\"api.example.test\"}"

static char folder[] = "/tmp/egressd-file-XXXXXX";
static struct journal_file *file;

static const char *path_of(const char *name)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void set_up(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(journal_file_open(folder, SIZE_MAX_HERE, &file), 0);
}

static void tear_down(void)
{
    journal_file_close(file);
    unlink(path_of("refusals.jsonl"));
    unlink(path_of("refusals.jsonl.1"));
    rmdir(folder);
}

static size_t size_of(const char *name)
{
    struct stat info;

    return stat(path_of(name), &info) < 0 ? 0 : (size_t)info.st_size;
}

START_TEST(lines_are_appended_for_others_to_read)
{
    char text[256] = "";
    FILE *stream;
    struct stat info;

    ck_assert_int_eq(journal_file_write(file, LINE, strlen(LINE)), 0);
    ck_assert_int_eq(journal_file_write(file, "second", 6), 0);
    stream = fopen(path_of("refusals.jsonl"), "r");
    ck_assert_ptr_nonnull(stream);
    ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, stream), 0);
    fclose(stream);
    ck_assert_str_eq(text, LINE "\nsecond\n");
    ck_assert_int_eq(stat(path_of("refusals.jsonl"), &info), 0);
    ck_assert_uint_eq(info.st_mode & 0133, 0);
}
END_TEST

START_TEST(it_stays_small)
{
    for (int i = 0; i < 10000; i++) {
        ck_assert_int_eq(journal_file_write(file, LINE, strlen(LINE)), 0);
        ck_assert_uint_le(size_of("refusals.jsonl"), SIZE_MAX_HERE);
    }
    ck_assert_uint_gt(size_of("refusals.jsonl.1"), SIZE_MAX_HERE / 2);
    ck_assert_uint_le(size_of("refusals.jsonl.1"), SIZE_MAX_HERE);
}
END_TEST

/* One that was there counts. */
START_TEST(it_goes_on_where_it_was)
{
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(journal_file_write(file, LINE, strlen(LINE)), 0);
        journal_file_close(file);
        ck_assert_int_eq(journal_file_open(folder, SIZE_MAX_HERE, &file), 0);
        ck_assert_uint_le(size_of("refusals.jsonl"), SIZE_MAX_HERE);
    }
    ck_assert_uint_gt(size_of("refusals.jsonl.1"), 0);
}
END_TEST

START_TEST(what_cannot_be_written_is_tried_again)
{
    ck_assert_int_eq(mkdir(path_of("refusals.jsonl"), 0755), 0);
    ck_assert_int_lt(journal_file_write(file, LINE, strlen(LINE)), 0);
    ck_assert_int_eq(rmdir(path_of("refusals.jsonl")), 0);
    ck_assert_int_eq(journal_file_write(file, LINE, strlen(LINE)), 0);
    ck_assert_uint_eq(size_of("refusals.jsonl"), strlen(LINE) + 1);
}
END_TEST

START_TEST(links_are_not_followed)
{
    ck_assert_int_eq(symlink("elsewhere", path_of("refusals.jsonl")), 0);
    ck_assert_int_lt(journal_file_write(file, LINE, strlen(LINE)), 0);
    ck_assert_uint_eq(size_of("elsewhere"), 0);
}
END_TEST

START_TEST(a_folder_that_others_can_write_to_is_none)
{
    struct journal_file *other;

    ck_assert_int_eq(journal_file_open(path_of("nowhere"), SIZE_MAX_HERE, &other), -ENOENT);
    ck_assert_int_eq(chmod(folder, 0777), 0);
    ck_assert_int_eq(journal_file_open(folder, SIZE_MAX_HERE, &other), -EPERM);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chown(folder, 12345, 12345), 0);
    ck_assert_int_eq(journal_file_open(folder, SIZE_MAX_HERE, &other), -EPERM);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_file");
    TCase *tests = tcase_create("journal_file");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, lines_are_appended_for_others_to_read);
    tcase_add_test(tests, it_stays_small);
    tcase_add_test(tests, it_goes_on_where_it_was);
    tcase_add_test(tests, what_cannot_be_written_is_tried_again);
    tcase_add_test(tests, links_are_not_followed);
    tcase_add_test(tests, a_folder_that_others_can_write_to_is_none);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
