#!/bin/sh
# SPDX-License-Identifier: MIT
# The container's user is not root, so the entrypoint is not either.
set -u
. ./checks.sh

check "this user is not root" not test "$(id -u)" -eq 0
check "enforcing" is_enforcing
check "allowed" is_allowed allowed.example
check "a name that is not listed is refused" not is_allowed refused.example
check "the user cannot change the policy" not test -w /etc/egressd/policy.json
check "nor start a daemon with another" not /usr/local/sbin/egressd run --foreground \
    --runtime-dir /tmp/mine --state-dir /tmp/mine

report
