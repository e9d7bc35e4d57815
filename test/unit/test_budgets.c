/* SPDX-License-Identifier: MIT */
#include "dns/budgets.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "make_policy.h"
#include "policy/name_budget.h"

#define HOUR_MS 3600000
#define LONG_LABEL "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123"

static struct budgets *budgets;
static uint64_t now_ms;

static struct entry entry_of(const char *text, uint32_t names_max)
{
    struct text_error error;
    struct entry entry;

    ck_assert_int_eq(entry_parse(text, &entry, &error), 0);
    entry.names_max = names_max;
    return entry;
}

static void set_up(void)
{
    budgets = budgets_new();
    now_ms = 1000;
}

static void tear_down(void)
{
    budgets_free(budgets);
}

static enum budget_standing judge(const struct entry *entry, const char *name)
{
    return budgets_judge(budgets, entry, name, now_ms);
}

/* Asks new names until one is refused; returns how many there were. */
static unsigned spend_all(const struct entry *entry, enum budget_standing *ret_standing)
{
    static unsigned serial;
    char name[ENTRY_TEXT_SIZE];

    for (unsigned count = 0;; count++) {
        snprintf(name, sizeof(name), "n%u.%s", serial++, entry->name);
        *ret_standing = judge(entry, name);
        if (*ret_standing != BUDGET_ROOM)
            return count;
        budgets_spend(budgets, entry, name, now_ms);
    }
}

START_TEST(other_entries_have_none)
{
    struct entry name = entry_of("api.example", 0);

    set_up();
    budgets_spend(budgets, &name, "api.example", now_ms);
    ck_assert_int_eq(judge(&name, "api.example"), BUDGET_NONE);
    for (int i = 0; i < 100000; i++)
        ck_assert(budgets_take_repetition(budgets, &name, now_ms));
    tear_down();
}
END_TEST

static const struct {
    uint32_t names_max, at_once, total;
} sizes[] = {
    {0, 250, 1000},  {1, 1, 1},         {40, 40, 40},
    {399, 100, 399}, {2000, 500, 2000}, {NAME_BUDGET_MAX, NAME_BUDGET_MAX / 4, NAME_BUDGET_MAX},
};

/* leak: L6 */
START_TEST(new_names_cost_of_a_rate_and_of_a_total)
{
    struct entry entry = entry_of("*.cdn.test", sizes[_i].names_max);
    enum budget_standing standing = BUDGET_ROOM;
    uint32_t spent;

    set_up();
    spent = spend_all(&entry, &standing);
    ck_assert_uint_eq(spent, sizes[_i].at_once);
    for (int hours = 0; standing == BUDGET_RESTING && hours < 10; hours++) {
        uint32_t part;

        now_ms += HOUR_MS / 2;
        part = spend_all(&entry, &standing);
        ck_assert_uint_le(part, sizes[_i].at_once / 2);
        spent += part;
    }
    ck_assert_int_eq(standing, BUDGET_SPENT);
    ck_assert_uint_eq(spent, sizes[_i].total);
    now_ms += 1000 * (uint64_t)HOUR_MS;
    ck_assert_uint_eq(spend_all(&entry, &standing), 0);
    ck_assert_int_eq(standing, BUDGET_SPENT);
    tear_down();
}
END_TEST

START_TEST(time_does_not_save_up)
{
    struct entry entry = entry_of("*.cdn.test", 0);
    enum budget_standing standing;

    set_up();
    now_ms += 1000 * (uint64_t)HOUR_MS;
    ck_assert_uint_eq(spend_all(&entry, &standing), 250);
    now_ms += 10 * (uint64_t)HOUR_MS;
    ck_assert_uint_eq(spend_all(&entry, &standing), 250);
    tear_down();
}
END_TEST

START_TEST(known_names_stay_known)
{
    struct entry entry = entry_of("*.cdn.test", 0);
    enum budget_standing standing;

    set_up();
    ck_assert_int_eq(judge(&entry, "first.cdn.test"), BUDGET_ROOM);
    budgets_spend(budgets, &entry, "first.cdn.test", now_ms);
    budgets_spend(budgets, &entry, "first.cdn.test", now_ms); /* costs once */
    ck_assert_uint_eq(budgets_view(budgets, &entry, now_ms).used, 1);
    spend_all(&entry, &standing);
    ck_assert_int_eq(judge(&entry, "first.cdn.test"), BUDGET_KNOWN);
    ck_assert_int_eq(judge(&entry, "second.cdn.test"), BUDGET_RESTING);
    tear_down();
}
END_TEST

/* leak: L6 */
START_TEST(long_names_cost_more)
{
    struct entry entry = entry_of("*.cdn.test", 0);

    ck_assert_uint_eq(name_budget_cost(&entry, "a.cdn.test"), 1);
    ck_assert_uint_eq(name_budget_cost(&entry, LONG_LABEL ".cdn.test"), 1); /* any one label */
    ck_assert_uint_eq(name_budget_cost(&entry, "a." LONG_LABEL ".cdn.test"), 2);
    ck_assert_uint_eq(
        name_budget_cost(&entry, LONG_LABEL "." LONG_LABEL "." LONG_LABEL ".cdn.test"), 3);
}
END_TEST

START_TEST(one_wildcard_is_not_another)
{
    struct entry entry = entry_of("*.cdn.a.test", 0), other = entry_of("*.other.test", 0);
    struct entry above = entry_of("*.a.test", 0);
    enum budget_standing standing;

    set_up();
    spend_all(&entry, &standing);
    ck_assert_int_eq(judge(&entry, "x.cdn.a.test"), BUDGET_RESTING);
    ck_assert_int_eq(judge(&other, "x.other.test"), BUDGET_ROOM);
    ck_assert_int_eq(judge(&above, "x.cdn.a.test"), BUDGET_ROOM); /* if the policy names that one */
    tear_down();
}
END_TEST

/* The order of questions for known names says something too. */
/* leak: L6 */
START_TEST(repetitions_are_counted)
{
    struct entry entry = entry_of("*.cdn.test", 0);
    unsigned count = 0;

    set_up();
    while (budgets_take_repetition(budgets, &entry, now_ms))
        count++;
    ck_assert_uint_eq(count, 1000); /* A and AAAA of 250 names, and again */
    now_ms += 60000;
    for (count = 0; budgets_take_repetition(budgets, &entry, now_ms);)
        count++;
    ck_assert_uint_eq(count, 120);
    tear_down();
}
END_TEST

START_TEST(a_new_policy_keeps_what_is_spent)
{
    static const char *const both[] = {"*.cdn.test", "*.other.test", NULL};
    static const char *const one[] = {"*.cdn.test:443", "other.test", NULL};
    struct policy *policy = make_policy(both, NULL), *later = make_policy(one, NULL);
    struct entry entry = entry_of("*.cdn.test", 0), other = entry_of("*.other.test", 0);
    struct entry more = entry_of("*.cdn.test", 2000);
    enum budget_standing standing;

    set_up();
    budgets_set_policy(budgets, policy);
    spend_all(&entry, &standing);
    spend_all(&other, &standing);
    budgets_set_policy(budgets, later);
    ck_assert_uint_eq(budgets_view(budgets, &entry, now_ms).used, 250);
    ck_assert_uint_eq(budgets_view(budgets, &other, now_ms).used, 0);
    ck_assert_int_eq(judge(&more, "x.cdn.test"), BUDGET_ROOM); /* a larger number counts at once */
    policy_free(policy);
    policy_free(later);
    tear_down();
}
END_TEST

START_TEST(a_refusal_is_told_once_a_minute)
{
    struct entry entry = entry_of("*.cdn.test", 0), other = entry_of("*.other.test", 0);

    set_up();
    ck_assert(budgets_note_refusal(budgets, &entry, now_ms));
    ck_assert(budgets_note_refusal(budgets, &other, now_ms));
    for (int i = 0; i < 599; i++) {
        now_ms += 100;
        ck_assert(!budgets_note_refusal(budgets, &entry, now_ms));
    }
    now_ms += 100;
    ck_assert(budgets_note_refusal(budgets, &entry, now_ms));
    ck_assert_uint_eq(budgets_view(budgets, &entry, now_ms).refused, 601);
    tear_down();
}
END_TEST

START_TEST(people_are_told_what_to_do)
{
    struct entry entry = entry_of("*.cdn.test", 0);
    char text[BUDGET_TEXT_SIZE];

    ck_assert_str_eq(budgets_explain(&entry, BUDGET_SPENT, text),
                     "'*.cdn.test' has led to 1000 new names, all it may: list the name itself, or "
                     "raise \"names\" of that entry");
    ck_assert_str_eq(budgets_explain(&entry, BUDGET_RESTING, text),
                     "'*.cdn.test' has led to 250 new names within an hour: list the name itself, "
                     "or raise \"names\" of that entry, or wait");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("budgets");
    TCase *tests = tcase_create("budgets");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, other_entries_have_none);
    tcase_add_loop_test(tests, new_names_cost_of_a_rate_and_of_a_total, 0,
                        sizeof(sizes) / sizeof(sizes[0]));
    tcase_add_test(tests, time_does_not_save_up);
    tcase_add_test(tests, known_names_stay_known);
    tcase_add_test(tests, long_names_cost_more);
    tcase_add_test(tests, one_wildcard_is_not_another);
    tcase_add_test(tests, repetitions_are_counted);
    tcase_add_test(tests, a_new_policy_keeps_what_is_spent);
    tcase_add_test(tests, a_refusal_is_told_once_a_minute);
    tcase_add_test(tests, people_are_told_what_to_do);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
