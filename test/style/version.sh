#!/bin/sh
# SPDX-License-Identifier: MIT
# version.sh PROJECT_VERSION: the Feature carries the version that CMakeLists.txt states.
set -eu

main() {
    feature=$(sed -n 's/^ *"version": "\(.*\)",*$/\1/p' feature/egressd/devcontainer-feature.json)
    [ "$feature" = "$1" ] || {
        echo "devcontainer-feature.json says version '$feature', CMakeLists.txt says '$1'"
        exit 1
    }
}

main "$@"
