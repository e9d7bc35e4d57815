/* SPDX-License-Identifier: MIT */
/* What happened, for people: refusals and grants, aggregated, so that a retry loop is one line with
 * a count. Bounded, and each kind by itself, so that a flood of one pushes out no line of another:
 * what changed longest ago is forgotten first, and counted. Pure: times are clock_now_ms() and come
 * from the caller. */
#ifndef EGRESSD_JOURNAL_JOURNAL_H
#define EGRESSD_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

struct journal;

#define JOURNAL_MINUTES 60
#define JOURNAL_DETAIL_SIZE 256 /* longer ones are cut */

enum journal_kind {
    JOURNAL_PACKET,   /* that wanted out */
    JOURNAL_QUESTION, /* about a name */
    JOURNAL_GRANT,    /* a name was allowed and led to addresses */
    JOURNAL_KINDS,
};

enum journal_verdict {
    JOURNAL_REFUSED,
    JOURNAL_WOULD_REFUSE, /* audit mode: let through */
    JOURNAL_GRANTED,
    JOURNAL_VERDICTS,
};

/* How it came. */
enum journal_via {
    JOURNAL_VIA_OUT,     /* from a process in here */
    JOURNAL_VIA_FORWARD, /* from a container inside this one */
    JOURNAL_VIA_NONE,    /* a grant is nobody's: the timers make them too */
};

enum journal_reason {
    JOURNAL_REASON_NONE,
    JOURNAL_NOT_LISTED,     /* no entry is about the name, or about the address */
    JOURNAL_DENIED,         /* an entry of deny is */
    JOURNAL_OTHER_PORT,     /* the host is allowed, this port is not */
    JOURNAL_NEVER_ANSWERED, /* an address that is not listed, nor the answer to a name asked here */
    JOURNAL_SPECIAL,        /* an address that no name leads to (private, metadata): detail */
    JOURNAL_NOT_LEASED,     /* the name is allowed, but no lease opens this address now */
    JOURNAL_PROTOCOL,       /* neither TCP nor UDP */
    JOURNAL_FORBIDDEN,      /* what no policy allows: forged, or past the gate */
    JOURNAL_ENDED,          /* the address is allowed, but its flow has been ended */
    JOURNAL_SPENT,          /* a new name below a wildcard that has led to enough: detail */
    JOURNAL_ANSWER,         /* the name is allowed, its addresses may not be let out: detail */
};

#define JOURNAL_NO_PORT (-1)
#define JOURNAL_NO_PROTOCOL (-1)
#define JOURNAL_NO_USER (-1)

/* Text is borrowed for the call. What makes two of them one line: kind, verdict, via, protocol,
 * port, of a packet the uid, and the name; the address only where no name is known or the address
 * is special (private, metadata). The rest is that of the last one; whose it was (the uid of a
 * question, the process) is the first that is known. */
struct journal_event {
    enum journal_kind kind;
    enum journal_verdict verdict;
    enum journal_via via;
    enum journal_reason reason;
    const char *name;       /* NULL: not known */
    unsigned names_more;    /* a packet: how many other names led to its address */
    struct address address; /* ADDRESS_NONE: of none */
    int protocol;           /* IPPROTO_* */
    int port;
    int64_t uid;
    const char *process, *command; /* of printable ASCII; NULL: not known */
    const char *detail;            /* a few words to the reason, or NULL */
};

struct journal_line {
    uint64_t id;      /* stays, and is never given to another line, by no daemon */
    uint64_t changed; /* grows with each change of any line: a cursor */
    uint64_t first_ms, last_ms, count;
    struct journal_event event;
};

struct journal *journal_new(uint64_t now_ms);
void journal_free(struct journal *journal); /* NULL-safe */

void journal_record(struct journal *journal, const struct journal_event *event, uint64_t now_ms);
/* Whether its line is there, with a uid: then nobody needs to find out whose it was. */
bool journal_knows_user(const struct journal *journal, const struct journal_event *event);

/* The lines that changed after cursor (0: all; as is a cursor that is not of this journal), in the
 * order of their last change. Nothing may be recorded meanwhile. */
void journal_each(const struct journal *journal, uint64_t cursor,
                  void (*on_line)(void *context, const struct journal_line *line), void *context);
/* The cursor for what changes from now on. */
uint64_t journal_cursor(const struct journal *journal);

/* Since the start: what happened, and how many lines had to go. */
uint64_t journal_total(const struct journal *journal, enum journal_kind kind,
                       enum journal_verdict verdict);
uint64_t journal_forgotten(const struct journal *journal);

/* What was refused, or would have been, in each of the last minutes, the oldest first. */
void journal_read_hour(const struct journal *journal, uint64_t now_ms,
                       uint64_t ret_minutes[static JOURNAL_MINUTES]);

#endif
