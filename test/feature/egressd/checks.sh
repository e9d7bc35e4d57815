# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# Sourced by the tests here. Does what the CLI's own test library does, in a shell that need not
# be bash: the Feature also has to work where there is none.
failures=0

check() { # label command...
    label=$1
    shift
    if "$@"; then
        echo "ok: $label"
    else
        echo "FAILED: $label ($*)" >&2
        failures=$((failures + 1))
    fi
}

not() {
    ! "$@"
}

is_enforcing() {
    egressctl wait --timeout 10
}

is_allowed() {
    egressctl explain "$1"
}

report() {
    [ "$failures" -eq 0 ]
    exit
}
