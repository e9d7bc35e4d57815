#!/bin/sh
# SPDX-License-Identifier: MIT
# placeless.sh BINARY FOLDER: where the tree lay when it was built does not show in the binary, which
# would be another one elsewhere.
set -eu

main() {
    [ -s "$1" ]
    if grep --text --only-matching --fixed-strings "$2" "$1"; then
        exit 1
    fi
}

main "$@"
