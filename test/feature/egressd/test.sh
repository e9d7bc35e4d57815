#!/bin/sh
# SPDX-License-Identifier: MIT
# The Feature without options: everything is refused.
set -u
. ./checks.sh

check "enforcing" is_enforcing
check "status" egressctl status
check "a name that is not listed is refused" not is_allowed refused.example
check "an address that is not listed is refused" not is_allowed 192.0.2.1:443

report
