#!/bin/sh
# SPDX-License-Identifier: MIT
# Hosts from the Feature's options and from customizations.egressd add up; deny wins.
set -u
. ./checks.sh

check "enforcing" is_enforcing
check "allowed by the option" is_allowed allowed.example:443
check "a wildcard of the option" is_allowed www.zone.example:8443
check "allowed by customizations" is_allowed workspace.example
check "not the wildcard's own name" not is_allowed zone.example:8443
check "denied by the option" not is_allowed denied.zone.example:8443
check "another port" not is_allowed www.zone.example:443
check "a name that is not listed is refused" not is_allowed refused.example

report
