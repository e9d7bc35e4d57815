/* SPDX-License-Identifier: MIT */
/* Elements of sets: written into transactions without allocation, and read back from dumps. */
#ifndef EGRESSD_FIREWALL_ELEMENTS_H
#define EGRESSD_FIREWALL_ELEMENTS_H

#include <stdint.h>

#include "firewall/sets.h"
#include "firewall/transaction.h"
#include "policy/entry.h"

struct element {
    struct address address;
    uint8_t protocol;    /* where the set's key has it */
    uint16_t port;       /* likewise; host byte order */
    uint64_t timeout_ms; /* sets with timeouts: not 0, for without one an element is for ever */
    const char *comment; /* NULL: none */
    /* By so much more than timeout_ms the kernel is told that the element's time was: what is gone
     * of it then reads as this age, and grows. */
    uint64_t age_ms;
};

/* --- writing ---------------------------------------------------------------------------------- */

struct element_writer {
    struct transaction *transaction;
    const struct set *set;
    uint16_t type;
    struct nlmsghdr *message; /* NULL: none begun */
    struct nlattr *list;
};

/* type: NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM. Between begin and end nobody else may put into
 * the transaction. set is borrowed until the end. Any number of elements; one message takes about
 * 700. */
void elements_begin(struct element_writer *writer, struct transaction *transaction,
                    const struct set *set, uint16_t type);
void elements_put(struct element_writer *writer, const struct element *element);
/* For SET_KEY_ADDRESS_INTERVAL: first to last, both within. Intervals of a set must not overlap. */
void elements_put_interval(struct element_writer *writer, const struct address *first,
                           const struct address *last);
void elements_end(struct element_writer *writer);

/* --- reading ---------------------------------------------------------------------------------- */

struct element_read {
    struct address address;
    uint8_t protocol;
    uint16_t port;
    uint64_t expires_ms;           /* from now; 0: the element has no timeout */
    uint64_t age_ms;               /* what is gone of its time */
    char comment[ENTRY_NAME_SIZE]; /* empty: none, or none that we could have written */
};

/* Reads one message of a dump of elements and calls on_element for each element of a set with such
 * keys. Bytes are checked, not trusted. 0, -EBADMSG, or the first negative result of on_element. */
struct nlmsghdr;
int elements_read(const struct nlmsghdr *message, enum address_family family, enum set_key key,
                  int (*on_element)(void *context, const struct element_read *element),
                  void *context);

#endif
