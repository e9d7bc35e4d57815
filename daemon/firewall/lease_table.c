/* SPDX-License-Identifier: MIT */
#include "firewall/lease_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void lease_table_init(struct lease_table *table)
{
    *table = (struct lease_table){table_new(), table_new(), table_new()};
}

void lease_table_done(struct lease_table *table)
{
    size_t position = 0;
    struct lease *lease;

    while ((lease = table_next(table->leases, &position)))
        lease_table_remove(table, lease);
    table_free(table->leases);
    table_free(table->addresses);
    table_free(table->names);
}

struct lease_name *lease_table_name(struct lease_table *table, const char *name)
{
    size_t length = strlen(name);
    struct lease_name *found = table_get(table->names, name, length);

    if (found)
        return found;
    found = xcalloc(1, sizeof(*found) + length + 1);
    found->length = length;
    memcpy(found->text, name, length);
    table_put(table->names, found->text, length, found);
    return found;
}

struct lease_address *lease_table_find_address(const struct lease_table *table,
                                               const struct address *address)
{
    return table_get(table->addresses, address, sizeof(*address));
}

struct lease_address *lease_table_address(struct lease_table *table, const struct address *address)
{
    struct lease_address *found = lease_table_find_address(table, address);

    if (found)
        return found;
    found = xcalloc(1, sizeof(*found));
    found->address = *address;
    table_put(table->addresses, &found->address, sizeof(found->address), found);
    return found;
}

void lease_table_drop_name(struct lease_table *table, struct lease_name *name)
{
    if (name->lease_count > 0)
        return;
    table_remove(table->names, name->text, name->length);
    free(name->via[0]);
    free(name->via[1]);
    free(name);
}

void lease_name_set_via(struct lease_name *name, enum address_family family, const char *via)
{
    char **place = &name->via[family == ADDRESS_V6];

    if (via && *place && strcmp(via, *place) == 0)
        return;
    free(*place);
    *place = via ? xstrdup(via) : NULL;
}

const char *lease_name_via(const struct lease_name *name, enum address_family family)
{
    return name->via[family == ADDRESS_V6];
}

void lease_table_drop_address(struct lease_table *table, struct lease_address *address)
{
    if (address->lease_count > 0)
        return;
    table_remove(table->addresses, &address->address, sizeof(address->address));
    free(address->elements);
    free(address);
}

struct lease *lease_table_find(const struct lease_table *table, struct lease_name *name,
                               struct lease_address *address)
{
    const struct lease_key key = {name, address};

    return table_get(table->leases, &key, sizeof(key));
}

struct lease *lease_table_add(struct lease_table *table, struct lease_name *name,
                              struct lease_address *address)
{
    struct lease *lease = xcalloc(1, sizeof(*lease));

    lease->key = (struct lease_key){name, address};
    name->lease_count++;
    address->lease_count++;
    table_put(table->leases, &lease->key, sizeof(lease->key), lease);
    return lease;
}

void lease_table_remove(struct lease_table *table, struct lease *lease)
{
    struct lease_key key = lease->key;

    table_remove(table->leases, &lease->key, sizeof(lease->key));
    free(lease);
    key.name->lease_count--;
    key.address->lease_count--;
    lease_table_drop_name(table, key.name);
    lease_table_drop_address(table, key.address);
}

struct lease_element *lease_address_find_element(const struct lease_address *address,
                                                 uint8_t service)
{
    for (size_t i = 0; i < address->element_count; i++)
        if (address->elements[i].service == service)
            return &address->elements[i];
    return NULL;
}

struct lease_element *lease_address_element(struct lease_address *address, uint8_t service)
{
    struct lease_element *element = lease_address_find_element(address, service);

    if (element)
        return element;
    if (address->element_count == address->element_capacity) {
        address->element_capacity = address->element_capacity ? address->element_capacity * 2 : 2;
        address->elements = xreallocarray(address->elements, address->element_capacity,
                                          sizeof(address->elements[0]));
    }
    element = &address->elements[address->element_count++];
    *element = (struct lease_element){.service = service};
    return element;
}

uint64_t lease_address_services(const struct lease_address *address)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < address->element_count; i++)
        mask |= UINT64_C(1) << address->elements[i].service;
    return mask;
}
