#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs when the container starts, before any lifecycle hook: puts the policy in force.
# A failure here ends the container, unless the option onFailure says "warn".
set -u

daemon=/usr/local/sbin/egressd
settings=/usr/local/share/egressd/feature.env

say() {
    echo "egressd: $*" >&2
}

# The daemon names its own reasons; these are the ones for which it never got to run.
explain() {
    case $1 in
    126)
        say "$daemon cannot be executed: the container most likely lacks NET_ADMIN."
        say "The Feature asks for it (capAdd), but what started the container did not grant it:" \
            'add "runArgs": ["--cap-add=NET_ADMIN"] to devcontainer.json, or cap_add to the' \
            "compose service."
        ;;
    127) say "$daemon is missing from the image: rebuild the container." ;;
    esac
}

main() {
    ON_FAILURE=stop
    # shellcheck source=/dev/null
    [ ! -r "$settings" ] || . "$settings"

    "$daemon" run --workspace "${1-}" --local-workspace "${2-}" --devcontainer-id "${3-}" &&
        exit 0
    status=$?

    explain "$status"
    if [ "$ON_FAILURE" = warn ]; then
        say "NOT PROTECTED: the container runs on without a policy, because onFailure is 'warn'."
        exit 0
    fi
    say "could not start enforcing (exit status $status): stopping the container."
    exit 1
}

main "$@"
