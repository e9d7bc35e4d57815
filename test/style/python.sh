#!/bin/sh
# SPDX-License-Identifier: MIT
# Every Python file compiles, and pyflakes has nothing to say about it.
set -eu
. "$(dirname "$0")/files.sh"

python=/usr/bin/python3

# pyflakes knows no exceptions; lines marked "noqa" are some.
complaints() {
    echo "$files" | xargs "$python" -m pyflakes 2>&1 | while IFS=: read -r file line rest; do
        sed -n "${line}p" "$file" | grep -q '# noqa' || echo "$file:$line:$rest"
    done
}

main() {
    files=$(project_files '*.py')
    [ -n "$files" ] || exit 0
    PYTHONPYCACHEPREFIX=$(mktemp -d)
    export PYTHONPYCACHEPREFIX
    trap 'rm -rf "$PYTHONPYCACHEPREFIX"' EXIT
    echo "$files" | xargs "$python" -m py_compile
    found=$(complaints)
    [ -z "$found" ] || {
        echo "$found"
        exit 1
    }
}

main "$@"
