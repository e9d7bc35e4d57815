#!/bin/sh
# SPDX-License-Identifier: MIT
# The release binary needs nothing of the system it runs on: it works in a root file system that
# holds itself, one policy and nothing else.
set -eu

fail() {
    echo "$*" >&2
    exit 1
}

in_root() {
    env -i "$(command -v chroot)" "$root" /egressd "$@"
}

main() {
    [ "$(id -u)" -eq 0 ] || exit 77
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT

    cp -L "$1" "$root/egressd"
    in_root --version | grep -q '^egressd [0-9]' || fail "egressd --version does not work alone"
    in_root check || fail "egressd check does not work alone"

    echo '{ "allow": ["api.example.com", "192.0.2.0/24:22"] }' >"$root/policy.json"
    in_root check /policy.json | grep 'api\.example\.com' ||
        fail "egressd check FILE does not work alone"

    echo '{ "allow": ["*"] }' >"$root/policy.json"
    status=0
    in_root check /policy.json 2>"$root/message" || status=$?
    cat "$root/message"
    [ "$status" -eq 78 ] || fail "egressd check of an invalid policy: exit $status, not 78"
    grep -q '^[^ ]*/policy\.json:1:' "$root/message" || fail "the message does not say where"
}

main "$@"
