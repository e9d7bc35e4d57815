#!/bin/sh
# SPDX-License-Identifier: MIT
# Every C file is as clang-format 14 writes it.  Mend with: clang-format -i FILE...
set -eu
. "$(dirname "$0")/files.sh"

main() {
    clang-format --version | grep -q 'version 14\.' || {
        echo "clang-format 14 is needed: versions do not agree with each other"
        exit 77
    }
    project_files '*.c' '*.h' | xargs clang-format --dry-run --Werror --ferror-limit=3
}

main "$@"
