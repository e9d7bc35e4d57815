#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds what is shipped, on amd64: DIRECTORY/egressd-x86_64, egressd-aarch64, SHA256SUMS. The same
# tree, with the same versions of Debian's packages, gives the same bytes wherever it lies.
#
#   cmake/release.sh DIRECTORY
set -eu

build() { # preset architecture
    cmake --preset "$1" -DEGRESSD_WERROR=ON
    cmake --build --preset "$1" --target egressd
    cp "build/$1/egressd" "$directory/egressd-$2"
}

main() {
    [ "$#:$(uname -m)" = 1:x86_64 ] || {
        echo "usage: release.sh DIRECTORY, on amd64" >&2
        exit 64
    }
    mkdir -p "$1"
    directory=$(cd "$1" && pwd)
    cd "$(dirname "$0")/.."

    build release x86_64
    build release-arm64 aarch64
    cd "$directory"
    sha256sum egressd-x86_64 egressd-aarch64 > SHA256SUMS
}

main "$@"
