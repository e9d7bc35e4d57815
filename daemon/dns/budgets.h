/* SPDX-License-Identifier: MIT */
/* What may be asked below each wildcard (policy/name_budget.h says how much, and why). New names
 * are paid for from a total and from what comes back with time, whatever the answer is, as the
 * question has left. Known names are free as long as the cache answers; to ask for them
 * again costs as well, because the order in which a thousand names are asked is a message too. All
 * of it lasts as long as the daemon does. Knows nothing of asking. */
#ifndef EGRESSD_DNS_BUDGETS_H
#define EGRESSD_DNS_BUDGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budgets;
struct entry;
struct policy;

struct budgets *budgets_new(void);
void budgets_free(struct budgets *budgets);

/* Forgets wildcards that the policy does not have. Others keep what is spent, and have the numbers
 * of the new policy. */
void budgets_set_policy(struct budgets *budgets, const struct policy *policy);

enum budget_standing {
    BUDGET_NONE, /* the entry is no wildcard: nobody counts */
    BUDGET_KNOWN,
    BUDGET_ROOM,    /* a new name, and there is room for it */
    BUDGET_RESTING, /* a new name, and none may be asked for a while */
    BUDGET_SPENT,   /* a new name, and none may be asked any more */
};

static inline bool budget_refuses(enum budget_standing standing)
{
    return standing == BUDGET_RESTING || standing == BUDGET_SPENT;
}

/* entry is what the verdict on the name says; so in all that follows. */
enum budget_standing budgets_judge(const struct budgets *budgets, const struct entry *entry,
                                   const char *name, uint64_t now_ms);
/* A question about the name has left. */
void budgets_spend(struct budgets *budgets, const struct entry *entry, const char *name,
                   uint64_t now_ms);
/* Whether a known name may be asked for once more; if so, it counts as asked. */
bool budgets_take_repetition(struct budgets *budgets, const struct entry *entry, uint64_t now_ms);

/* Takes note of a name that was refused for this. True: say so, nobody has for a minute. */
bool budgets_note_refusal(struct budgets *budgets, const struct entry *entry, uint64_t now_ms);

/* What to tell people of a standing that refuses. Returns text. */
#define BUDGET_TEXT_SIZE 512
const char *budgets_explain(const struct entry *entry, enum budget_standing standing,
                            char text[static BUDGET_TEXT_SIZE]);

struct budget_view {
    uint32_t most, used;           /* units of name_budget.h */
    uint64_t refused;              /* questions */
    enum budget_standing standing; /* of a short new name */
};
/* entry: a wildcard. */
struct budget_view budgets_view(const struct budgets *budgets, const struct entry *entry,
                                uint64_t now_ms);

#endif
