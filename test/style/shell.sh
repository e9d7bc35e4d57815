#!/bin/sh
# SPDX-License-Identifier: MIT
# No shell file makes shellcheck complain.
set -eu
. "$(dirname "$0")/files.sh"

is_shell() {
    case $1 in
    *.sh) return 0 ;;
    *) head -n 1 "$1" | grep -Eq '^#!.*[/ ](ba|da)?sh( |$)' ;;
    esac
}

main() {
    project_files "$@" | while read -r file; do
        if is_shell "$file" 2>/dev/null; then
            echo "$file"
        fi
    done | xargs shellcheck --external-sources --source-path=SCRIPTDIR
}

main "$@"
