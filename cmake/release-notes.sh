#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints what CHANGELOG.md says of the version that a tag names, if that is the version of this tree
# and has a date:
#
#   cmake/release-notes.sh v0.1.0
set -eu

fail() {
    echo "release-notes: $*" >&2
    exit 1
}

main() {
    [ $# -eq 1 ] || fail "usage: release-notes.sh TAG"
    cd "$(dirname "$0")/.."
    version=$(sed -n 's/^project(egressd VERSION \([^ ]*\).*/\1/p' CMakeLists.txt)

    [ "$1" = "v$version" ] || fail "the tag is $1, CMakeLists.txt says $version"
    grep -Eqx "## $version \([0-9]{4}-[0-9]{2}-[0-9]{2}\)" CHANGELOG.md ||
        fail "CHANGELOG.md has no heading '## $version (YYYY-MM-DD)'"
    awk -v heading="## $version " '
        /^## / { wanted = index($0, heading) == 1; next }
        wanted
    ' CHANGELOG.md
}

main "$@"
