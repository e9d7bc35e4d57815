#!/bin/sh
# SPDX-License-Identifier: MIT
# The Feature is in the image twice, and so is its entrypoint: one daemon all the same.
set -u
. ./checks.sh

check "enforcing" is_enforcing
check "a name that is not listed is refused" not is_allowed refused.example
check "one socket" test -S /run/egressd/control.sock
check "the options of the last install count" \
    grep -q '"onFailure": "'"$ONFAILURE__DEFAULT"'"' /etc/egressd/feature.json

report
