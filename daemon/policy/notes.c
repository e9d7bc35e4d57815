/* SPDX-License-Identifier: MIT */
#include "policy/notes.h"

#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char by_path[] =
    "shared by many tenants, told apart by path: whoever has an account there can be reached";
static const char by_name[] =
    "anybody can get a name below: whoever has an account there can be reached";

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

static const char by_push[] = "data can be left there, as git pushes, issues or gists";
static const char by_publishing[] = "data can be left there, as published packages";
static const char by_image[] = "data can be left there, as pushed images";
static const char by_message[] = "data can be left there, as files or messages";
static const char by_telemetry[] = "data can be left there, as telemetry";

/* "*.NAME": that name and all below it. */
static const struct {
    const char *host, *text;
} couriers[] = {
    {"github.com", by_push},
    {"ssh.github.com", by_push},
    {"api.github.com", by_push},
    {"gist.github.com", by_push},
    {"gitlab.com", by_push},
    {"bitbucket.org", by_push},
    {"codeberg.org", by_push},
    {"git.sr.ht", by_push},
    {"dev.azure.com", by_push},
    {"ssh.dev.azure.com", by_push},
    {"huggingface.co", by_push},
    {"*.npmjs.org", by_publishing},
    {"upload.pypi.org", by_publishing},
    {"test.pypi.org", by_publishing},
    {"crates.io", by_publishing},
    {"rubygems.org", by_publishing},
    {"nuget.org", by_publishing},
    {"www.nuget.org", by_publishing},
    {"central.sonatype.com", by_publishing},
    {"oss.sonatype.org", by_publishing},
    {"plugins.gradle.org", by_publishing},
    {"plugins.jetbrains.com", by_publishing},
    {"marketplace.visualstudio.com", by_publishing},
    {"pkgs.dev.azure.com", by_publishing},
    {"ghcr.io", by_image},
    {"registry-1.docker.io", by_image},
    {"quay.io", by_image},
    {"gcr.io", by_image},
    {"public.ecr.aws", by_image},
    {"*.azurecr.io", by_image},
    {"*.pkg.dev", by_image},
    {"uploads.github.com", by_message},
    {"storage.googleapis.com", by_message},
    {"*.s3.amazonaws.com", by_message},
    {"*.blob.core.windows.net", by_message},
    {"*.r2.cloudflarestorage.com", by_message},
    {"*.digitaloceanspaces.com", by_message},
    {"*.firebaseio.com", by_message},
    {"firebasestorage.googleapis.com", by_message},
    {"pastebin.com", by_message},
    {"webhook.site", by_message},
    {"transfer.sh", by_message},
    {"api.telegram.org", by_message},
    {"slack.com", by_message},
    {"hooks.slack.com", by_message},
    {"discord.com", by_message},
    {"docs.google.com", by_message},
    {"drive.google.com", by_message},
    {"*.dropboxapi.com", by_message},
    {"keyserver.ubuntu.com", by_message},
    {"api.anthropic.com", by_message},
    {"api.openai.com", by_message},
    {"generativelanguage.googleapis.com", by_message},
    {"*.devtunnels.ms", by_message},
    {"*.github.dev", by_message},
    {"*.rel.tunnels.api.visualstudio.com", by_message},
    {"*.sentry.io", by_telemetry},
    {"*.statsig.com", by_telemetry},
    {"*.datadoghq.com", by_telemetry},
    {"*.segment.io", by_telemetry},
    {"*.honeycomb.io", by_telemetry},
    {"*.nr-data.net", by_telemetry},
    {"*.applicationinsights.azure.com", by_telemetry},
    {"*.events.data.microsoft.com", by_telemetry},
    {"dc.services.visualstudio.com", by_telemetry},
    {"default.exp-tas.com", by_telemetry},
    {"collector.github.com", by_telemetry},
    {"copilot-telemetry.githubusercontent.com", by_telemetry},
    {"scans-in.gradle.com", by_telemetry},
    {"play.googleapis.com", by_telemetry},
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

/* The entry lets out what the courier's line is about, or more. */
static bool covers_courier(const struct entry *entry, const char *host)
{
    if (strncmp(host, "*.", 2) != 0)
        return covers(entry, host);
    host += 2;
    return (entry->name[0] && is_at_or_below(entry->name, host)) || covers(entry, host);
}

const char *note_courier(const struct entry *entry)
{
    for (size_t i = 0; i < COUNT_OF(couriers); i++)
        if (covers_courier(entry, couriers[i].host))
            return couriers[i].text;
    return NULL;
}

const char *note_resolver(const struct entry *entry)
{
    static const char note[] = "a public resolver: by DNS over HTTPS or TLS, names can be asked "
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
