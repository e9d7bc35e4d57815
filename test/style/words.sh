#!/bin/sh
# SPDX-License-Identifier: MIT
# What must not stand in any file: the host name of an archive or registry (mirrors differ: apt and
# npm know where theirs is), a path of one developer's machine.
set -eu
. "$(dirname "$0")/files.sh"

# The words are put together here, or this file would be the first to contain them.
forbidden_words() {
    dot='[.]'
    echo "(deb|ftp|security|snapshot|archive)${dot}debian${dot}""org"
    echo "registry${dot}npmjs${dot}""(org|com)"
    echo "(^|[^A-Za-z0-9_.-])/""work/"
    echo "/home/[a-z]+/(src|git|projects)/"
}

main() {
    words=$(mktemp)
    trap 'rm -f "$words"' EXIT
    forbidden_words >"$words"
    if project_files "$@" | xargs -d '\n' grep -InE --file "$words"; then
        echo "the lines above contain what must not be there"
        exit 1
    fi
}

main "$@"
