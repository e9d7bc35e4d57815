#!/bin/sh
# SPDX-License-Identifier: MIT
# Lays out what `devcontainer features test|package|publish` read: the Feature with its binary and
# its manuals in STAGE_DIR/src/egressd, its tests in STAGE_DIR/test/egressd. Binaries that an earlier
# call put there for other architectures stay.
set -eu

feature_arch() {
    case $1 in
    x86_64 | amd64 | AMD64) echo x86_64 ;;
    aarch64 | arm64 | ARM64) echo aarch64 ;;
    *) echo "$1" ;;
    esac
}

main() {
    [ $# -eq 4 ] || {
        echo "usage: stage-feature.sh SOURCE_DIR BINARY ARCH STAGE_DIR" >&2
        exit 64
    }
    source=$1 binary=$2 arch=$(feature_arch "$3") stage=$4
    feature=$stage/src/egressd
    tests=$stage/test/egressd

    mkdir -p "$feature/bin" "$tests"
    find "$feature" -mindepth 1 -maxdepth 1 ! -name bin -exec rm -rf {} +
    find "$tests" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
    mkdir "$feature/man"
    # Copies, not links: the devcontainer CLI copies links as links, and they end up dangling.
    cp -RL "$source/feature/egressd/." "$feature/"
    cp -RL "$source/test/feature/egressd/." "$tests/"
    # Compressed, because an image made without BuildKit keeps the Feature's folder.
    gzip -9nc "$binary" > "$feature/bin/egressd-$arch.gz"
    for page in "$source"/doc/*.[158]; do
        gzip -9nc "$page" > "$feature/man/${page##*/}.gz"
    done
    chmod 755 "$feature"/*.sh
}

main "$@"
