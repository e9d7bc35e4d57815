/* SPDX-License-Identifier: MIT */
/* Whatever stands in /etc/resolv.conf: the servers are bounded and whole. */
#include <assert.h>

#include "dns/servers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct firewall_endpoint endpoints[SERVERS_MAX + 1];
    struct servers servers;
    size_t count;

    servers_parse_resolv_conf((const char *)data, size, &servers);
    assert(servers.ordinary_count <= SERVERS_MAX && servers.dockerd_count <= SERVERS_MAX);
    assert(servers_equal(&servers, &servers));
    count = servers_all(&servers, endpoints);
    assert(count <= SERVERS_MAX + 1);
    for (size_t i = 0; i < count; i++)
        assert(endpoints[i].port == 53 && endpoints[i].address.family != ADDRESS_NONE);
    assert(servers_for_name(&servers, "db", endpoints) <= SERVERS_MAX);
    assert(servers_for_name(&servers, "api.example", endpoints) <= SERVERS_MAX);
    return 0;
}
