/* SPDX-License-Identifier: MIT */
#include "dns/cache.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cache_record *add(struct cache *cache, unsigned number)
{
    char name[32];

    snprintf(name, sizeof(name), "n%u.test", number);
    return cache_add(cache, name, ADDRESS_V4, RESOLVER_ROUTE_NORMAL);
}

static struct cache_record *find(struct cache *cache, unsigned number)
{
    char name[32];

    snprintf(name, sizeof(name), "n%u.test", number);
    return cache_find(cache, name, ADDRESS_V4, RESOLVER_ROUTE_NORMAL);
}

START_TEST(keys_are_name_family_and_route)
{
    struct cache *cache = cache_new();
    struct cache_record *a = cache_add(cache, "a.test", ADDRESS_V4, RESOLVER_ROUTE_NORMAL);
    struct cache_record *b = cache_add(cache, "a.test", ADDRESS_V6, RESOLVER_ROUTE_NORMAL);
    struct cache_record *c = cache_add(cache, "a.test", ADDRESS_V4, RESOLVER_ROUTE_DOCKERD);

    ck_assert_ptr_eq(cache_find(cache, "a.test", ADDRESS_V4, RESOLVER_ROUTE_NORMAL), a);
    ck_assert_ptr_eq(cache_find(cache, "a.test", ADDRESS_V6, RESOLVER_ROUTE_NORMAL), b);
    ck_assert_ptr_eq(cache_find(cache, "a.test", ADDRESS_V4, RESOLVER_ROUTE_DOCKERD), c);
    ck_assert_ptr_null(cache_find(cache, "b.test", ADDRESS_V4, RESOLVER_ROUTE_NORMAL));
    ck_assert_str_eq(b->name, "a.test");
    cache_remove(cache, b);
    ck_assert_ptr_null(cache_find(cache, "a.test", ADDRESS_V6, RESOLVER_ROUTE_NORMAL));
    cache_free(cache);
}
END_TEST

START_TEST(oldest_goes_first)
{
    struct cache *cache = cache_new();
    struct cache_record *exact = add(cache, 0), *flying = add(cache, 1);

    exact->is_exact = true;
    cache_pin(cache, exact);
    flying->flight = (struct flight *)cache; /* any but NULL */
    cache_pin(cache, flying);
    for (unsigned i = 2; i < CACHE_RECORDS_MAX + 2; i++)
        add(cache, i);
    cache_trim(cache);
    ck_assert_ptr_nonnull(find(cache, 2));
    cache_touch(cache, find(cache, 2));
    add(cache, CACHE_RECORDS_MAX + 2);
    cache_trim(cache);
    ck_assert_ptr_eq(find(cache, 0), exact);
    ck_assert_ptr_eq(find(cache, 1), flying);
    ck_assert_ptr_nonnull(find(cache, 2));
    ck_assert_ptr_null(find(cache, 3));

    flying->flight = NULL;
    cache_pin(cache, flying); /* counts again, as the newest */
    cache_trim(cache);
    ck_assert_ptr_eq(find(cache, 1), flying);
    ck_assert_ptr_null(find(cache, 4));
    cache_free(cache);
}
END_TEST

START_TEST(addresses_are_bounded)
{
    static struct address addresses[1024];
    static uint64_t services[1024];
    struct cache *cache = cache_new();

    for (unsigned i = 0; i <= CACHE_ADDRESSES_MAX / 1024; i++)
        cache_store(cache, add(cache, i), addresses, services, 1024, "other.test");
    ck_assert_ptr_nonnull(find(cache, 0));
    cache_trim(cache);
    ck_assert_ptr_null(find(cache, 0));
    ck_assert_ptr_nonnull(find(cache, 1));
    cache_store(cache, find(cache, 1), NULL, NULL, 0, NULL);
    ck_assert_uint_eq(find(cache, 1)->count, 0);
    ck_assert_ptr_null(find(cache, 1)->via);
    cache_store(cache, add(cache, 9999), addresses, services, 1024, NULL);
    cache_trim(cache);
    ck_assert_ptr_nonnull(find(cache, 1));
    cache_free(cache);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache");
    TCase *tests = tcase_create("cache");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tests);
    tcase_add_test(tests, keys_are_name_family_and_route);
    tcase_add_test(tests, oldest_goes_first);
    tcase_add_test(tests, addresses_are_bounded);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
