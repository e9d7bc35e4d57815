/* SPDX-License-Identifier: MIT */
#include "policy/notes.h"

#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char by_path[] =
    "many tenants share this host, told apart by path: whoever has an account there can be reached";
static const char by_name[] =
    "anybody can get a name below this one: whoever has an account there can be reached";

/* Tenants by path: the host itself is the matter, however it is allowed. */
static const char *const path_hosts[] = {
    "storage.googleapis.com",
    "s3.amazonaws.com",
    "cdn.jsdelivr.net",
    "unpkg.com",
    "github.com",
    "api.github.com",
    "raw.githubusercontent.com",
    "gist.githubusercontent.com",
    "gist.github.com",
    "gitlab.com",
    "bitbucket.org",
    "codeberg.org",
    "upload.pypi.org",
    "pastebin.com",
    "sentry.io",
    "api.telegram.org",
    "hooks.slack.com",
    "discord.com",
    "webhook.site",
    "docs.google.com",
    "drive.google.com",
    "firebasestorage.googleapis.com",
};

/* Tenants by name: a wildcard on this name or above it is the matter. */
static const char *const name_hosts[] = {
    "s3.amazonaws.com",
    "blob.core.windows.net",
    "r2.cloudflarestorage.com",
    "r2.dev",
    "storage.googleapis.com",
    "digitaloceanspaces.com",
    "backblazeb2.com",
    "cloudfront.net",
    "azureedge.net",
    "azurewebsites.net",
    "azurefd.net",
    "cloudapp.azure.com",
    "fastly.net",
    "workers.dev",
    "pages.dev",
    "trycloudflare.com",
    "github.io",
    "githubusercontent.com",
    "gitlab.io",
    "vercel.app",
    "netlify.app",
    "herokuapp.com",
    "fly.dev",
    "onrender.com",
    "appspot.com",
    "run.app",
    "web.app",
    "firebaseapp.com",
    "firebaseio.com",
    "supabase.co",
    "ngrok.io",
    "ngrok.app",
    "ngrok-free.app",
    "ingest.sentry.io",
    "sentry.io",
    "blogspot.com",
    "myshopify.com",
    "sharepoint.com",
    "readthedocs.io",
};

static const char *const resolver_names[] = {
    "dns.google",
    "cloudflare-dns.com",
    "one.one.one.one",
    "mozilla.cloudflare-dns.com",
    "chrome.cloudflare-dns.com",
    "dns.quad9.net",
    "dns9.quad9.net",
    "dns10.quad9.net",
    "dns11.quad9.net",
    "doh.opendns.com",
    "dns.nextdns.io",
    "dns.adguard-dns.com",
    "dns.adguard.com",
    "doh.cleanbrowsing.org",
    "doh.dns.sb",
    "dns.mullvad.net",
    "odoh.cloudflare-dns.com",
    "dns.alidns.com",
    "doh.pub",
    "freedns.controld.com",
};

static const char *const resolver_addresses[] = {
    "1.1.1.1",
    "1.0.0.1",
    "8.8.8.8",
    "8.8.4.4",
    "9.9.9.9",
    "149.112.112.112",
    "208.67.222.222",
    "208.67.220.220",
    "94.140.14.14",
    "2606:4700:4700::1111",
    "2606:4700:4700::1001",
    "2001:4860:4860::8888",
    "2001:4860:4860::8844",
    "2620:fe::fe",
};

static bool is_at_or_below(const char *name, const char *above)
{
    size_t length = strlen(name), tail = strlen(above);

    if (length < tail || strcmp(name + length - tail, above) != 0)
        return false;
    return length == tail || name[length - tail - 1] == '.';
}

/* Whether the entry lets this host through by its name. */
static bool covers(const struct entry *entry, const char *host)
{
    if (entry->kind == ENTRY_NAME)
        return strcmp(entry->name, host) == 0;
    return entry->kind == ENTRY_WILDCARD && strcmp(entry->name, host) != 0 &&
           is_at_or_below(host, entry->name);
}

static bool covers_any(const struct entry *entry, const char *const *hosts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (covers(entry, hosts[i]))
            return true;
    return false;
}

const char *note_shared_host(const struct entry *entry)
{
    if (entry->kind == ENTRY_WILDCARD)
        for (size_t i = 0; i < COUNT_OF(name_hosts); i++)
            if (strcmp(entry->name, name_hosts[i]) == 0 || covers(entry, name_hosts[i]))
                return by_name;
    return covers_any(entry, path_hosts, COUNT_OF(path_hosts)) ? by_path : NULL;
}

const char *note_resolver(const struct entry *entry)
{
    static const char note[] =
        "this is a public resolver: by DNS over HTTPS or TLS, names can be asked "
        "there that egressd never sees, and data sent in them";
    struct address address;

    if (covers_any(entry, resolver_names, COUNT_OF(resolver_names)))
        return note;
    if (entry->kind != ENTRY_PREFIX)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(resolver_addresses); i++)
        if (address_parse(resolver_addresses[i], &address) == 0 &&
            prefix_contains(&entry->prefix, &address))
            return note;
    return NULL;
}
