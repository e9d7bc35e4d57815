/* SPDX-License-Identifier: MIT */
#include "firewall/snapshot.h"

/* Before the kernel's headers, which leave out what it defines. */
#include <netinet/in.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define RULE_TEXT_SIZE 2048

enum kind { KIND_TABLE, KIND_OWNER, KIND_CHAIN, KIND_SET, KIND_RULE, KINDS };

struct lines {
    char **lines;
    size_t count;
};

struct snapshot {
    struct lines kinds[KINDS];
    enum kind reading;
};

struct snapshot *snapshot_new(void)
{
    return xcalloc(1, sizeof(struct snapshot));
}

static void clear_lines(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free(lines->lines[i]);
    free(lines->lines);
    *lines = (struct lines){0};
}

void snapshot_free(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    for (size_t kind = 0; kind < KINDS; kind++)
        clear_lines(&snapshot->kinds[kind]);
    free(snapshot);
}

/* What the order of lines is kept by: rules by their chain, for within it their order counts. */
static size_t key_length(enum kind kind, const char *line)
{
    return kind == KIND_RULE ? strcspn(line, "\"") : strlen(line);
}

/* Whether line stands before other. */
static bool is_before(enum kind kind, const char *line, const char *other)
{
    size_t length = key_length(kind, line), other_length = key_length(kind, other);
    int order = strncmp(line, other, length < other_length ? length : other_length);

    return order != 0 ? order < 0 : length < other_length;
}

/* Takes line. Sorted: the order of sets and chains means nothing, and one that stays keeps its old
 * place in the kernel. */
static void add_line(struct snapshot *snapshot, enum kind kind, char *line)
{
    struct lines *lines = &snapshot->kinds[kind];
    size_t place = lines->count;

    lines->lines = xreallocarray(lines->lines, lines->count + 1, sizeof(lines->lines[0]));
    for (; place > 0 && is_before(kind, line, lines->lines[place - 1]); place--)
        lines->lines[place] = lines->lines[place - 1];
    lines->lines[place] = line;
    lines->count++;
}

void snapshot_add_table(struct snapshot *snapshot, const struct nftnl_table *table)
{
    const char *name = nftnl_table_get_str(table, NFTNL_TABLE_NAME);
    uint32_t flags = nftnl_table_get_u32(table, NFTNL_TABLE_FLAGS);

    add_line(snapshot, KIND_TABLE,
             xasprintf("table %s: flags %x", name, flags & ~(uint32_t)NFT_TABLE_F_OWNER));
    if (flags & NFT_TABLE_F_OWNER)
        add_line(snapshot, KIND_OWNER,
                 xasprintf("owner of table %s: port %u", name,
                           nftnl_table_get_u32(table, NFTNL_TABLE_OWNER)));
}

static char *describe_chain(const struct nftnl_chain *chain)
{
    const char *name = nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME);
    const char *device = nftnl_chain_get_str(chain, NFTNL_CHAIN_DEV);

    if (!nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM))
        return xasprintf("chain %s", name);
    return xasprintf("chain %s: type %s hook %u%s%s priority %d policy %u", name,
                     nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE),
                     nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM), device ? " device " : "",
                     device ? device : "", nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO),
                     nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY));
}

void snapshot_add_chain(struct snapshot *snapshot, const struct nftnl_chain *chain)
{
    add_line(snapshot, KIND_CHAIN, describe_chain(chain));
}

static char *describe_set(const struct nftnl_set *set)
{
    return xasprintf("set %s: type %x flags %x size %u", nftnl_set_get_str(set, NFTNL_SET_NAME),
                     nftnl_set_get_u32(set, NFTNL_SET_KEY_TYPE),
                     nftnl_set_get_u32(set, NFTNL_SET_FLAGS),
                     nftnl_set_get_u32(set, NFTNL_SET_DESC_SIZE));
}

void snapshot_add_set(struct snapshot *snapshot, const struct nftnl_set *set)
{
    /* One without a name cannot be changed: it is part of its rule. */
    if (!(nftnl_set_get_u32(set, NFTNL_SET_FLAGS) & NFT_SET_ANONYMOUS))
        add_line(snapshot, KIND_SET, describe_set(set));
}

struct rule_text {
    char text[RULE_TEXT_SIZE];
    size_t length;
};

static int append_expression(struct nftnl_expr *expr, void *context)
{
    struct rule_text *rule = context;
    char text[512] = "";
    int length;

    if (strcmp(nftnl_expr_get_str(expr, NFTNL_EXPR_NAME), "counter") != 0) /* it counts on */
        nftnl_expr_snprintf(text, sizeof(text), expr, NFTNL_OUTPUT_DEFAULT, 0);
    /* The kernel gives a set without a name a number for one. */
    char *anonymous = strstr(text, "__set");
    if (anonymous)
        anonymous[strlen("__set")] = '\0';
    length = snprintf(rule->text + rule->length, sizeof(rule->text) - rule->length, " [%s %s]",
                      nftnl_expr_get_str(expr, NFTNL_EXPR_NAME), text);
    if (length > 0 && (size_t)length < sizeof(rule->text) - rule->length)
        rule->length += (size_t)length;
    return MNL_CB_OK;
}

void snapshot_add_rule(struct snapshot *snapshot, struct nftnl_rule *rule)
{
    struct rule_text text = {.length = 0};
    uint32_t size = 0;
    const char *data = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &size);

    nftnl_expr_foreach(rule, append_expression, &text);
    add_line(snapshot, KIND_RULE,
             xasprintf("rule of chain %s, \"%.*s\":%s", nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN),
                       size > 3 ? (int)size - 3 : 0, size > 3 ? data + 2 : "", text.text));
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_ours(const char *table)
{
    return table && strcmp(table, FIREWALL_TABLE) == 0;
}

static int on_table(void *context, const struct nlmsghdr *message)
{
    struct nftnl_table *table = nftnl_table_alloc();
    int r = -EBADMSG;

    if (!table)
        abort();
    if (nftnl_table_nlmsg_parse(message, table) >= 0) {
        if (is_ours(nftnl_table_get_str(table, NFTNL_TABLE_NAME)))
            snapshot_add_table(context, table);
        r = 0;
    }
    nftnl_table_free(table);
    return r;
}

static int on_chain(void *context, const struct nlmsghdr *message)
{
    struct nftnl_chain *chain = nftnl_chain_alloc();
    int r = -EBADMSG;

    if (!chain)
        abort();
    if (nftnl_chain_nlmsg_parse(message, chain) >= 0) {
        if (is_ours(nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE)))
            snapshot_add_chain(context, chain);
        r = 0;
    }
    nftnl_chain_free(chain);
    return r;
}

static int on_set(void *context, const struct nlmsghdr *message)
{
    struct nftnl_set *set = nftnl_set_alloc();
    int r = -EBADMSG;

    if (!set)
        abort();
    if (nftnl_set_nlmsg_parse(message, set) >= 0) {
        if (is_ours(nftnl_set_get_str(set, NFTNL_SET_TABLE)))
            snapshot_add_set(context, set);
        r = 0;
    }
    nftnl_set_free(set);
    return r;
}

static int on_rule(void *context, const struct nlmsghdr *message)
{
    struct nftnl_rule *rule = nftnl_rule_alloc();
    int r = -EBADMSG;

    if (!rule)
        abort();
    if (nftnl_rule_nlmsg_parse(message, rule) >= 0) {
        if (is_ours(nftnl_rule_get_str(rule, NFTNL_RULE_TABLE)))
            snapshot_add_rule(context, rule);
        r = 0;
    }
    nftnl_rule_free(rule);
    return r;
}

static void on_restart(void *context)
{
    struct snapshot *snapshot = context;

    clear_lines(&snapshot->kinds[snapshot->reading]);
    if (snapshot->reading == KIND_TABLE)
        clear_lines(&snapshot->kinds[KIND_OWNER]);
}

int snapshot_read(struct snapshot *snapshot, struct netlink *netlink, uint8_t family)
{
    static const struct {
        enum kind kind;
        uint8_t request;
        uint16_t table_attribute;
        int (*on_message)(void *context, const struct nlmsghdr *message);
    } parts[] = {
        {KIND_TABLE, NFT_MSG_GETTABLE, NFTA_TABLE_NAME, on_table},
        {KIND_CHAIN, NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, on_chain},
        {KIND_SET, NFT_MSG_GETSET, NFTA_SET_TABLE, on_set},
        {KIND_RULE, NFT_MSG_GETRULE, NFTA_RULE_TABLE, on_rule},
    };
    char buffer[256] = {0};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct nlmsghdr *message = netlink_start(netlink, buffer, NFNL_SUBSYS_NFTABLES,
                                                 parts[i].request, family, NLM_F_DUMP);
        const struct netlink_listener listener = {parts[i].on_message, on_restart, snapshot};
        int r;

        snapshot->reading = parts[i].kind;
        mnl_attr_put_strz(message, parts[i].table_attribute, FIREWALL_TABLE);
        r = netlink_dump(netlink, message, &listener);
        if (r < 0 && r != -ENOENT)
            return r;
    }
    return 0;
}

/* --- comparing -------------------------------------------------------------------------------- */

/* The two lines from where they begin to differ, after the head that says what they are about. */
static int tell_difference(const char *wanted, const char *found, struct text_error *reterr)
{
    size_t same = 0, head = strcspn(wanted, "[");

    while (wanted[same] && wanted[same] == found[same])
        same++;
    while (same > head && wanted[same] != '[')
        same--;
    if (same < head)
        same = 0;
    text_error_set(reterr, 0, 0,
                   "changed in the kernel: %.*s is now \"%.100s\" instead of \"%.100s\"", (int)head,
                   wanted, found + same, wanted + same);
    return -EBADMSG;
}

static int compare_lines(const struct snapshot *expected, const struct snapshot *actual,
                         enum kind kind, enum snapshot_depth depth, struct text_error *reterr)
{
    const struct lines *all_wanted = &expected->kinds[kind], *all_found = &actual->kinds[kind];

    for (size_t i = 0; i < all_wanted->count || i < all_found->count; i++) {
        const char *wanted = i < all_wanted->count ? all_wanted->lines[i] : NULL;
        const char *found = i < all_found->count ? all_found->lines[i] : NULL;

        int order = wanted && found && kind == KIND_SET ? strcmp(wanted, found) : 0;

        if (order < 0)
            found = NULL; /* sorted: the other list does not have this one */
        else if (order > 0)
            wanted = NULL;
        if (!found) {
            text_error_set(reterr, 0, 0, "gone from the kernel: %.200s", wanted);
            return -ENOENT;
        }
        if (!wanted) {
            text_error_set(reterr, 0, 0, "added to the kernel's table: %.200s", found);
            return -EBADMSG;
        }
        if (depth == SNAPSHOT_WORDS ? strcmp(wanted, found) != 0
                                    : strncmp(wanted, found, strcspn(wanted, "[") + 1) != 0)
            return tell_difference(wanted, found, reterr);
    }
    return 0;
}

int snapshot_compare(const struct snapshot *expected, const struct snapshot *actual,
                     enum snapshot_depth depth, struct text_error *reterr)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        int r = compare_lines(expected, actual, (enum kind)kind, depth, reterr);

        if (r < 0)
            return r;
    }
    return 0;
}

int expectation_meet(struct expectation *expectation, struct snapshot **actual,
                     struct text_error *reterr)
{
    int r = snapshot_compare(expectation->snapshot, *actual, SNAPSHOT_WORDS, reterr);

    if (r == -EBADMSG && !expectation->is_confirmed &&
        snapshot_compare(expectation->snapshot, *actual, SNAPSHOT_HEADS, reterr) == 0) {
        struct snapshot *replaced = expectation->snapshot;

        expectation->snapshot = *actual;
        *actual = replaced;
        r = 0;
    }
    if (r == 0)
        expectation->is_confirmed = true;
    return r;
}

/* --- asking ----------------------------------------------------------------------------------- */

bool snapshot_has_table_of(const struct snapshot *snapshot, const struct snapshot *other)
{
    struct text_error difference;

    return compare_lines(other, snapshot, KIND_TABLE, SNAPSHOT_WORDS, &difference) == 0;
}

bool snapshot_has_chains_of(const struct snapshot *snapshot, const struct snapshot *other)
{
    struct text_error difference;

    return snapshot_has_table_of(snapshot, other) &&
           compare_lines(other, snapshot, KIND_CHAIN, SNAPSHOT_WORDS, &difference) == 0;
}

static bool has_line(const struct snapshot *snapshot, enum kind kind, char *take_line)
{
    const struct lines *lines = &snapshot->kinds[kind];
    bool found = false;

    for (size_t i = 0; i < lines->count && !found; i++)
        found = strcmp(lines->lines[i], take_line) == 0;
    free(take_line);
    return found;
}

bool snapshot_has_chain_of(const struct snapshot *snapshot, const struct snapshot *other,
                           size_t index)
{
    return has_line(snapshot, KIND_CHAIN, xstrdup(other->kinds[KIND_CHAIN].lines[index]));
}

bool snapshot_has_chain(const struct snapshot *snapshot, const struct nftnl_chain *chain)
{
    return has_line(snapshot, KIND_CHAIN, describe_chain(chain));
}

char *snapshot_chain_name(const struct snapshot *snapshot, size_t index)
{
    const struct lines *chains = &snapshot->kinds[KIND_CHAIN];
    const char *start;

    if (index >= chains->count)
        return NULL;
    start = chains->lines[index] + strlen("chain ");
    return xasprintf("%.*s", (int)strcspn(start, ":"), start);
}

const char *snapshot_set_name(const struct snapshot *snapshot, size_t index,
                              char name[static SET_NAME_SIZE])
{
    const struct lines *sets = &snapshot->kinds[KIND_SET];
    const char *start;
    size_t length;

    if (index >= sets->count)
        return NULL;
    start = sets->lines[index] + strlen("set ");
    length = strcspn(start, ":");
    snprintf(name, SET_NAME_SIZE, "%.*s", (int)length, start);
    return name;
}

bool snapshot_has_set(const struct snapshot *snapshot, const char *name)
{
    char found[SET_NAME_SIZE];

    for (size_t i = 0; snapshot_set_name(snapshot, i, found); i++)
        if (strcmp(found, name) == 0)
            return true;
    return false;
}

bool snapshot_has_same_set(const struct snapshot *snapshot, const struct nftnl_set *set)
{
    return has_line(snapshot, KIND_SET, describe_set(set));
}
