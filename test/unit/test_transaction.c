/* SPDX-License-Identifier: MIT */
#include "firewall/transaction.h"

#include <check.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "firewall/attributes.h"
#include "firewall/elements.h"
#include "firewall/explain.h"
#include "firewall/sets.h"
#include "kernel_world.h"

#include <libnftnl/set.h>

static struct netlink *netlink;
static struct transaction *transaction;

static void put_table(uint16_t type, uint16_t flags)
{
    struct nlmsghdr *message = transaction_start(transaction, type, flags);

    mnl_attr_put_strz(message, NFTA_TABLE_NAME, FIREWALL_TABLE);
    transaction_put(transaction, message);
}

static void put_set(const struct set *set)
{
    struct nlmsghdr *message = transaction_start(transaction, NFT_MSG_NEWSET, NLM_F_CREATE);
    struct nftnl_set *built = set_build(set);

    nftnl_set_set_u32(built, NFTNL_SET_ID, 1);
    nftnl_set_nlmsg_build_payload(message, built);
    nftnl_set_free(built);
    transaction_put(transaction, message);
}

/* A rule of one expression that has a name and nothing else. */
static void put_rule(const char *expression)
{
    struct nlmsghdr *message =
        transaction_start(transaction, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
    struct nlattr *list, *item;
    uint8_t comment[COMMENT_SIZE_MAX];

    mnl_attr_put_strz(message, NFTA_RULE_TABLE, FIREWALL_TABLE);
    mnl_attr_put_strz(message, NFTA_RULE_CHAIN, "sample");
    mnl_attr_put(message, NFTA_RULE_USERDATA, comment_pack(0, "why", comment), comment);
    list = mnl_attr_nest_start(message, NFTA_RULE_EXPRESSIONS);
    item = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
    mnl_attr_put_strz(message, NFTA_EXPR_NAME, expression);
    mnl_attr_nest_end(message, item);
    mnl_attr_nest_end(message, list);
    transaction_put(transaction, message);
}

static void put_chain(void)
{
    struct nlmsghdr *message = transaction_start(transaction, NFT_MSG_NEWCHAIN, NLM_F_CREATE);

    mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, FIREWALL_TABLE);
    mnl_attr_put_strz(message, NFTA_CHAIN_NAME, "sample");
    transaction_put(transaction, message);
}

static size_t count_tables(void)
{
    char *output = world_output("nft list tables | wc -l");
    size_t count = strtoul(output, NULL, 10);

    free(output);
    return count;
}

static void make_table(void)
{
    transaction_begin(transaction);
    put_table(NFT_MSG_NEWTABLE, NLM_F_CREATE);
    put_table(NFT_MSG_DELTABLE, 0);
    put_table(NFT_MSG_NEWTABLE, NLM_F_CREATE);
}

static void remove_table(void)
{
    world_run("nft delete table inet egressd");
}

START_TEST(nothing_is_committed_without_a_message)
{
    transaction_begin(transaction);
    ck_assert(transaction_is_empty(transaction));
    ck_assert_int_eq(transaction_commit(transaction), 0);
    ck_assert_uint_eq(count_tables(), 0);
}
END_TEST

START_TEST(a_batch_is_done_as_a_whole)
{
    make_table();
    put_chain();
    ck_assert(!transaction_is_empty(transaction));
    ck_assert_int_eq(transaction_commit(transaction), 0);
    ck_assert_uint_eq(count_tables(), 1);
    remove_table();
}
END_TEST

START_TEST(a_batch_is_refused_as_a_whole)
{
    struct text_error error;
    struct netlink_refusal refusal;

    make_table();
    put_chain();
    put_rule("nonesuch");
    ck_assert_int_eq(transaction_commit(transaction), -ENOENT);
    ck_assert_uint_eq(count_tables(), 0);
    ck_assert_ptr_nonnull(transaction_refused_message(transaction, &refusal));

    explain_refusal(transaction, -ENOENT, &error);
    ck_assert_msg(strstr(error.message, "\"nonesuch\"") && strstr(error.message, "\"why\"") &&
                      strstr(error.message, "sample"),
                  "%s", error.message);

    /* What was said of it is not taken for the next one's. */
    make_table();
    ck_assert_int_eq(transaction_commit(transaction), 0);
    remove_table();
}
END_TEST

START_TEST(the_expression_to_blame_is_named)
{
    char name[EXPLAIN_NAME_SIZE];

    make_table();
    put_chain();
    put_rule("log");
    put_rule("nonesuch");
    ck_assert_int_lt(transaction_commit(transaction), 0);
    ck_assert_str_eq(explain_expression(transaction, name), "nonesuch");
}
END_TEST

START_TEST(what_is_missing_is_told_with_what_helps)
{
    static const struct {
        int error;
        const char *words;
    } cases[] = {
        {-EPERM, "owns"},
        {-EACCES, "NET_ADMIN"},
        {-EOPNOTSUPP, "CONFIG_NF_TABLES_INET"},
        {-ENOBUFS, "memory"},
    };
    struct text_error error;

    transaction_begin(transaction);
    put_rule("redir"); /* no such table */
    ck_assert_int_eq(transaction_commit(transaction), -ENOENT);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        explain_refusal(transaction, cases[i].error, &error);
        ck_assert_msg(strstr(error.message, cases[i].words), "%s", error.message);
    }
    explain_no_netlink(-EPROTONOSUPPORT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "nf_tables"));
    explain_no_netlink(-EPERM, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "capAdd"));
}
END_TEST

/* One attribute holds 64 KiB, the default send buffer 200 KiB: neither may be a limit. */
START_TEST(very_many_elements_fit_one_batch)
{
    struct set set = set_of_nets(ADDRESS_V4, &(struct port_range){6, 443, 443});
    struct element_writer writer;
    char *output;

    make_table();
    put_set(&set);
    elements_begin(&writer, transaction, &set, NFT_MSG_NEWSETELEM);
    for (uint32_t i = 0; i < 100000; i++) {
        struct address address = {ADDRESS_V4,
                                  {10, (uint8_t)(i >> 15), (uint8_t)(i >> 7), (uint8_t)(i << 1)}};

        elements_put_interval(&writer, &address, &address);
    }
    elements_end(&writer);
    ck_assert_int_eq(transaction_commit(transaction), 0);
    output = world_output(
        "nft list set inet egressd net4_tcp_443 | grep -oE '10([.][0-9]+){3}' | wc -l");
    ck_assert_int_eq(atoi(output), 100000);
    free(output);
    remove_table();
}
END_TEST

START_TEST(the_ends_of_the_address_space_are_in_reach)
{
    struct set v4 = set_of_nets(ADDRESS_V4, &(struct port_range){6, 1, 1});
    struct set v6 = set_of_nets(ADDRESS_V6, &(struct port_range){6, 1, 1});
    struct element_writer writer;
    struct address first4 = {.family = ADDRESS_V4}, last4 = {ADDRESS_V4, {255, 255, 255, 255}};
    struct address first6 = {.family = ADDRESS_V6}, last6 = {.family = ADDRESS_V6};
    char *output;

    memset(last6.bytes, 0xff, sizeof(last6.bytes));
    make_table();
    put_set(&v4);
    elements_begin(&writer, transaction, &v4, NFT_MSG_NEWSETELEM);
    elements_put_interval(&writer, &first4, &last4);
    elements_end(&writer);
    ck_assert_int_eq(transaction_commit(transaction), 0);
    output = world_output("nft list set inet egressd net4_tcp_1");
    ck_assert_ptr_nonnull(strstr(output, "elements = { 0.0.0.0/0 }"));
    free(output);

    make_table();
    put_set(&v6);
    elements_begin(&writer, transaction, &v6, NFT_MSG_NEWSETELEM);
    elements_put_interval(&writer, &first6, &last6);
    elements_end(&writer);
    ck_assert_int_eq(transaction_commit(transaction), 0);
    output = world_output("nft list set inet egressd net6_tcp_1");
    ck_assert_ptr_nonnull(strstr(output, "elements = { ::/0 }"));
    free(output);
    remove_table();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transaction");
    TCase *tests = tcase_create("kernel");
    SRunner *runner;
    int failed;

    world_enter();
    if (netlink_open(netlink_socket(NETLINK_NETFILTER), &netlink) < 0)
        return 1;
    transaction = transaction_new(netlink);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, nothing_is_committed_without_a_message);
    tcase_add_test(tests, a_batch_is_done_as_a_whole);
    tcase_add_test(tests, a_batch_is_refused_as_a_whole);
    tcase_add_test(tests, the_expression_to_blame_is_named);
    tcase_add_test(tests, what_is_missing_is_told_with_what_helps);
    tcase_add_test(tests, very_many_elements_fit_one_batch);
    tcase_add_test(tests, the_ends_of_the_address_space_are_in_reach);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK); /* the world is this process's own */
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    transaction_free(transaction);
    netlink_close(netlink);
    return failed ? 1 : 0;
}
