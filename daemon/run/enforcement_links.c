/* SPDX-License-Identifier: MIT */
/* Network interfaces that come and go (docker network connect) while the daemon runs. */
#include "run/enforcement_internal.h"

#include "base/log.h"
#include "firewall/firewall.h"

static void on_links(uv_poll_t *poll, int status, int events)
{
    struct enforcement *enforcement = poll->data;
    struct text_error error = {0};

    (void)events;
    if (status == 0 && firewall_follow_links(enforcement->firewall, &error) < 0)
        log_error("the network interfaces have changed, but the kernel does not take what that "
                  "asks for: %s; tried again at the next check",
                  error.message);
    if (firewall_links_fd(enforcement->firewall) < 0) /* found out just now */
        uv_poll_stop(poll);
}

void enforcement_watch_links(struct enforcement *enforcement)
{
    int fd = firewall_links_fd(enforcement->firewall);

    if (fd < 0 || uv_poll_init(enforcement->loop, &enforcement->links, fd) < 0)
        return; /* each check looks for itself */
    enforcement->links.data = enforcement;
    enforcement->watches_links = true;
    uv_poll_start(&enforcement->links, UV_READABLE, on_links);
}
