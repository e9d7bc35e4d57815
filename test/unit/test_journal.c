/* SPDX-License-Identifier: MIT */
#include "journal/journal.h"

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_MS UINT64_C(600000000)
#define MINUTE_MS 60000
#define LINES_MAX 4096

static struct journal *journal;

static void set_up(void)
{
    journal = journal_new(START_MS);
}

static void tear_down(void)
{
    journal_free(journal);
}

static struct journal_event packet(const char *name, uint8_t last_byte, int port)
{
    return (struct journal_event){
        .kind = JOURNAL_PACKET,
        .verdict = JOURNAL_REFUSED,
        .via = JOURNAL_VIA_OUT,
        .reason = JOURNAL_NOT_LISTED,
        .name = name,
        .address = {ADDRESS_V4, {192, 0, 2, last_byte}},
        .protocol = IPPROTO_TCP,
        .port = port,
        .uid = 1000,
    };
}

static struct journal_event question(const char *name)
{
    return (struct journal_event){
        .kind = JOURNAL_QUESTION,
        .verdict = JOURNAL_REFUSED,
        .via = JOURNAL_VIA_OUT,
        .reason = JOURNAL_NOT_LISTED,
        .name = name,
        .protocol = JOURNAL_NO_PROTOCOL,
        .port = JOURNAL_NO_PORT,
        .uid = JOURNAL_NO_USER,
    };
}

static void record(struct journal_event event, uint64_t after_ms)
{
    journal_record(journal, &event, START_MS + after_ms);
}

static struct journal_line seen[LINES_MAX];
static size_t seen_count;

static void on_line(void *context, const struct journal_line *line)
{
    (void)context;
    ck_assert_uint_lt(seen_count, LINES_MAX);
    seen[seen_count++] = *line;
}

static size_t look(uint64_t cursor)
{
    seen_count = 0;
    journal_each(journal, cursor, on_line, NULL);
    return seen_count;
}

START_TEST(a_retry_loop_is_one_line)
{
    for (int i = 0; i < 1000; i++)
        record(packet("api.example.test", 1, 443), (uint64_t)i);
    ck_assert_uint_eq(look(0), 1);
    ck_assert_uint_eq(seen[0].count, 1000);
    ck_assert_uint_eq(seen[0].first_ms, START_MS);
    ck_assert_uint_eq(seen[0].last_ms, START_MS + 999);
    ck_assert_str_eq(seen[0].event.name, "api.example.test");
    ck_assert_uint_eq(journal_total(journal, JOURNAL_PACKET, JOURNAL_REFUSED), 1000);
}
END_TEST

/* Each differs from the first in one thing that makes another line. */
START_TEST(what_differs_is_another_line)
{
    struct journal_event events[] = {
        packet("a.test", 1, 443), packet("b.test", 1, 443), packet(NULL, 1, 443),
        packet(NULL, 2, 443),     packet("a.test", 1, 80),  packet("a.test", 1, 443),
        packet("a.test", 1, 443), packet("a.test", 1, 443), packet("a.test", 1, 443),
        packet("a.test", 1, 443), packet(NULL, 1, 443),
    };
    size_t count = sizeof(events) / sizeof(events[0]);

    events[5].uid = 0;
    events[6].protocol = IPPROTO_UDP;
    events[7].via = JOURNAL_VIA_FORWARD;
    events[8].verdict = JOURNAL_WOULD_REFUSE;
    events[9].kind = JOURNAL_QUESTION;
    events[10].address.family = ADDRESS_V6;
    for (size_t i = 0; i < count; i++)
        record(events[i], 0);
    ck_assert_uint_eq(look(0), count);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(seen[i].count, 1);
}
END_TEST

/* As of a CDN, which gives another one each time. */
START_TEST(a_name_with_many_addresses_is_one_line)
{
    struct journal_event private = packet("api.example.test", 9, 8443);

    for (int i = 1; i <= 8; i++)
        record(packet("api.example.test", (uint8_t)i, 8443), 0);
    ck_assert_uint_eq(look(0), 1);
    ck_assert_uint_eq(seen[0].count, 8);
    ck_assert_uint_eq(seen[0].event.address.bytes[3], 8);
    private.address.bytes[0] = 10;
    record(private, 0);
    ck_assert_uint_eq(look(0), 2);
    ck_assert_uint_eq(seen[1].count, 1);
}
END_TEST

START_TEST(the_rest_is_that_of_the_last)
{
    struct journal_event event = packet("a.test", 1, 443);

    event.detail = "first";
    record(event, 0);
    event.reason = JOURNAL_OTHER_PORT;
    event.names_more = 2;
    event.detail = NULL;
    record(event, 1);
    ck_assert_uint_eq(look(0), 1);
    ck_assert_int_eq(seen[0].event.reason, JOURNAL_OTHER_PORT);
    ck_assert_uint_eq(seen[0].event.names_more, 2);
    ck_assert_ptr_null(seen[0].event.detail);
}
END_TEST

START_TEST(the_user_of_a_question_is_the_first_known)
{
    struct journal_event event = question("a.test");

    record(event, 0);
    ck_assert(!journal_knows_user(journal, &event));
    event.uid = 1000;
    record(event, 1);
    ck_assert(journal_knows_user(journal, &event));
    event.uid = JOURNAL_NO_USER;
    record(event, 2);
    ck_assert(journal_knows_user(journal, &event));
    ck_assert_uint_eq(look(0), 1);
    ck_assert_int_eq(seen[0].event.uid, 1000);
}
END_TEST

START_TEST(a_cursor_shows_what_changed_since)
{
    uint64_t cursor, id;

    record(packet("a.test", 1, 443), 0);
    record(question("b.test"), 1);
    record(question("c.test"), 2);
    ck_assert_uint_eq(look(0), 3);
    id = seen[0].id;
    cursor = journal_cursor(journal);
    ck_assert_uint_eq(look(cursor), 0);
    record(question("d.test"), 3);
    record(packet("a.test", 1, 443), 4);
    ck_assert_uint_eq(look(cursor), 2);
    ck_assert_str_eq(seen[0].event.name, "d.test");
    ck_assert_str_eq(seen[1].event.name, "a.test");
    ck_assert_uint_eq(seen[1].id, id);
    ck_assert_uint_eq(seen[1].count, 2);
    ck_assert_uint_eq(look(journal_cursor(journal) + 1), 4); /* not one of ours */
}
END_TEST

START_TEST(all_kinds_come_in_the_order_of_their_change)
{
    struct journal_event grant = question("granted.test");
    uint64_t before = 0;

    grant.kind = JOURNAL_GRANT;
    grant.verdict = JOURNAL_GRANTED;
    for (int i = 0; i < 30; i++) {
        record(packet(NULL, (uint8_t)(i % 7), 443), 0);
        record(question(i % 2 ? "b.test" : "c.test"), 0);
        record(grant, 0);
    }
    ck_assert_uint_eq(look(0), 7 + 2 + 1);
    for (size_t i = 0; i < seen_count; i++) {
        ck_assert_uint_gt(seen[i].changed, before);
        before = seen[i].changed;
    }
}
END_TEST

START_TEST(a_daemon_of_later_gives_no_id_or_cursor_again)
{
    struct journal *later;

    for (int i = 0; i < 1000; i++)
        record(question("a.test"), 0);
    later = journal_new(START_MS + 1);
    ck_assert_uint_gt(journal_cursor(later), journal_cursor(journal));
    ck_assert_uint_lt(journal_cursor(later), UINT64_C(1) << 53);
    journal_free(later);
}
END_TEST

START_TEST(a_flood_is_bounded_and_pushes_out_no_other_kind)
{
    size_t kept;

    record(packet("early.test", 1, 443), 0);
    for (int i = 0; i < 10000; i++) {
        char name[32];

        snprintf(name, sizeof(name), "n%d.flood.test", i);
        record(question(name), 1);
    }
    kept = look(0);
    ck_assert_uint_lt(kept, 2000);
    ck_assert_str_eq(seen[0].event.name, "early.test");
    ck_assert_str_eq(seen[kept - 1].event.name, "n9999.flood.test");
    ck_assert_uint_eq(kept + journal_forgotten(journal), 10001);
    ck_assert_uint_eq(journal_total(journal, JOURNAL_QUESTION, JOURNAL_REFUSED), 10000);
}
END_TEST

START_TEST(what_is_named_again_is_kept)
{
    for (int i = 0; i < 10000; i++) {
        char name[32];

        snprintf(name, sizeof(name), "n%d.flood.test", i);
        record(question(name), 1);
        record(question("often.test"), 1);
    }
    look(0);
    ck_assert_str_eq(seen[seen_count - 1].event.name, "often.test");
    ck_assert_uint_eq(seen[seen_count - 1].count, 10000);
}
END_TEST

START_TEST(long_text_is_cut)
{
    char name[600], detail[600];
    struct journal_event event;

    memset(name, 'n', sizeof(name) - 1);
    memset(detail, 'd', sizeof(detail) - 1);
    name[sizeof(name) - 1] = detail[sizeof(detail) - 1] = '\0';
    event = question(name);
    event.detail = detail;
    record(event, 0);
    record(event, 0);
    ck_assert_uint_eq(look(0), 1);
    ck_assert_uint_lt(strlen(seen[0].event.name), 256);
    ck_assert_uint_eq(strlen(seen[0].event.detail), JOURNAL_DETAIL_SIZE - 1);
}
END_TEST

static uint64_t hour[JOURNAL_MINUTES];

static uint64_t read_hour(uint64_t after_ms)
{
    uint64_t sum = 0;

    journal_read_hour(journal, START_MS + after_ms, hour);
    for (size_t i = 0; i < JOURNAL_MINUTES; i++)
        sum += hour[i];
    return sum;
}

START_TEST(the_hour_moves_on)
{
    struct journal_event grant = question("granted.test");

    grant.verdict = JOURNAL_GRANTED;
    record(grant, 0);
    ck_assert_uint_eq(read_hour(0), 0);
    record(question("a.test"), 0);
    record(question("a.test"), 1);
    record(question("a.test"), 2 * MINUTE_MS);
    ck_assert_uint_eq(read_hour(2 * MINUTE_MS), 3);
    ck_assert_uint_eq(hour[59], 1);
    ck_assert_uint_eq(hour[58], 0);
    ck_assert_uint_eq(hour[57], 2);
    ck_assert_uint_eq(read_hour(59 * MINUTE_MS), 3); /* nothing recorded since */
    ck_assert_uint_eq(hour[0], 2);
    ck_assert_uint_eq(read_hour(60 * MINUTE_MS), 1);
    record(question("a.test"), 61 * MINUTE_MS);
    ck_assert_uint_eq(read_hour(61 * MINUTE_MS), 2);
    record(question("a.test"), 500 * MINUTE_MS);
    ck_assert_uint_eq(read_hour(500 * MINUTE_MS), 1);
    ck_assert_uint_eq(hour[59], 1);
    ck_assert_uint_eq(read_hour(1000 * MINUTE_MS), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal");
    TCase *tests = tcase_create("journal");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_retry_loop_is_one_line);
    tcase_add_test(tests, what_differs_is_another_line);
    tcase_add_test(tests, a_name_with_many_addresses_is_one_line);
    tcase_add_test(tests, the_rest_is_that_of_the_last);
    tcase_add_test(tests, the_user_of_a_question_is_the_first_known);
    tcase_add_test(tests, a_cursor_shows_what_changed_since);
    tcase_add_test(tests, all_kinds_come_in_the_order_of_their_change);
    tcase_add_test(tests, a_daemon_of_later_gives_no_id_or_cursor_again);
    tcase_add_test(tests, a_flood_is_bounded_and_pushes_out_no_other_kind);
    tcase_add_test(tests, what_is_named_again_is_kept);
    tcase_add_test(tests, long_text_is_cut);
    tcase_add_test(tests, the_hour_moves_on);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
