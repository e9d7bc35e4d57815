#!/bin/sh
# SPDX-License-Identifier: MIT
# Unpacks packages that this machine's release of Debian does not carry into DIRECTORY:
#
#   cmake/debian-packages.sh ARCHITECTURE DIRECTORY PACKAGE/SUITE...
#
# Debian 12's libmnl-dev has no libmnl.a, Debian 13's has. Packages come from the mirror this
# machine already uses, by apt's own machinery (signatures and hashes checked against Debian's
# keyring) with a state directory of its own: nothing is installed, and the machine's sources and
# pins stay as they are.
set -eu

die() {
    echo "debian-packages: $*" >&2
    exit 1
}

# apt that knows only $state; what it reads of the machine is how to reach the network.
private_apt() {
    apt-get -qq \
        -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::Cache="$state" \
        -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$state/sources.d" \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" \
        -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# Where this machine takes Debian's main component from, whichever way its sources are written.
find_mirror() {
    apt-get indextargets --no-release-info --format "\$(RELEASE) \$(COMPONENT) \$(REPO_URI)" \
        'Created-By: Packages' |
        awk -v codename="$1" '
            ($1 == codename || $1 ~ /^(old)*stable$/) && $2 == "main" { print $3; exit }'
}

write_sources() {
    mkdir -p "$state/lists/partial" "$state/archives/partial" "$state/sources.d"
    : >"$state/status"
    for wanted in "$@"; do
        echo "${wanted#*/}"
    done | sort -u | while read -r suite; do
        printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' \
            "$mirror" "$suite" "$keyring"
    done >"$state/sources.d/debian.sources"
}

main() {
    [ $# -ge 3 ] || die "usage: $0 ARCHITECTURE DIRECTORY PACKAGE/SUITE..."
    architecture=$1
    directory=$2
    shift 2
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -r "$keyring" ] || die "$keyring is missing: install debian-archive-keyring"

    mkdir -p "$directory"
    state=$(mktemp -d)
    trap 'rm -rf "$state"' EXIT

    mirror=$(find_mirror "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)")
    [ -n "$mirror" ] || die "no source of this machine's apt offers Debian's main component"
    write_sources "$@"
    private_apt update
    directory=$(cd "$directory" && pwd)
    (cd "$state" && private_apt download "$@")
    for package in "$state"/*.deb; do
        dpkg-deb --extract "$package" "$directory"
    done
}

main "$@"
