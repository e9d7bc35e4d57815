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

# The binary has capabilities here, and so it must not do what just anyone asks of it.
echo '{ "allow": ["refused.example"] }' > /tmp/mine.json
/usr/local/sbin/egressd run --policy /tmp/mine.json --runtime-dir /tmp/mine --state-dir /tmp/mine
check "nor start a daemon of their own" not test -e /tmp/mine
check "nor give the running one another policy" not is_allowed refused.example

report
