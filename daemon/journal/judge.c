/* SPDX-License-Identifier: MIT */
#include "journal/judge.h"

#include <netinet/in.h>

#include "policy/policy.h"

static uint64_t services_of(const struct policy *policy, const struct journal_event *event)
{
    return event->port > 0
               ? policy_service_of(policy, (uint8_t)event->protocol, (uint16_t)event->port)
               : 0;
}

/* Of an address that an answer about a name gave. */
static enum journal_reason judge_named(const struct policy *policy, struct journal_event *event)
{
    struct verdict verdict = policy_judge_name(policy, event->name);
    const char *why;

    if (verdict.reason == VERDICT_NOT_LISTED)
        return JOURNAL_NOT_LISTED;
    if (verdict.reason == VERDICT_DENIED)
        return JOURNAL_DENIED;
    if ((verdict.services & services_of(policy, event)) == 0)
        return JOURNAL_OTHER_PORT;
    if (policy_judge_learned(policy, &verdict, &event->address, &why) != 0)
        return JOURNAL_NOT_LEASED;
    event->detail = why;
    return JOURNAL_SPECIAL;
}

static enum journal_reason judge(const struct policy *policy, struct journal_event *event)
{
    struct verdict verdict = policy_judge_address(policy, &event->address);

    if (event->protocol != IPPROTO_TCP && event->protocol != IPPROTO_UDP)
        return JOURNAL_PROTOCOL;
    if (verdict.reason == VERDICT_DENIED)
        return JOURNAL_DENIED;
    if (verdict.services & services_of(policy, event))
        return JOURNAL_ENDED;
    if (event->name)
        return judge_named(policy, event);
    if (verdict.allowed)
        return JOURNAL_OTHER_PORT;
    event->detail = address_special_range(&event->address);
    return event->detail ? JOURNAL_SPECIAL : JOURNAL_NEVER_ANSWERED;
}

void journal_judge_packet(const struct policy *policy, struct journal_event *event)
{
    event->detail = NULL;
    event->reason = judge(policy, event);
}
