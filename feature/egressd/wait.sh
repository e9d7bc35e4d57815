#!/bin/sh
# SPDX-License-Identifier: MIT
# A lifecycle hook of the Feature, so it runs before the user's own hooks: they begin once the
# policy is in force, or not at all. Its output is what the tool shows: one line when all is well
# (none with --quiet: the first start has two hooks), else the reason and the remedy.
set -u

client=/usr/local/bin/egressctl
settings=/usr/local/share/egressd/feature.env
invalid_policy=78

main() {
    ON_FAILURE=stop
    # shellcheck source=/dev/null
    [ ! -r "$settings" ] || . "$settings"

    timeout_s=30
    [ "$ON_FAILURE" != warn ] || timeout_s=5

    "$client" wait --timeout "$timeout_s" "$@" && exit 0
    status=$?

    # "warn" is for a machine that cannot enforce. A policy that cannot be read is refused
    # everywhere: everything is denied then, and hooks would only fail less clearly.
    if [ "$ON_FAILURE" = warn ] && [ "$status" -ne "$invalid_policy" ]; then
        echo "egressd: NOT PROTECTED: going on, because onFailure is 'warn'." >&2
        exit 0
    fi
    exit "$status"
}

main "$@"
