#!/bin/sh
# SPDX-License-Identifier: MIT
# version.sh PROJECT_VERSION: the Feature and the templates carry the version that CMakeLists.txt
# states.
set -eu

main() {
    for metadata in feature/*/devcontainer-feature.json \
        devcontainer-template/*/devcontainer-template.json; do
        version=$(sed -n 's/^ *"version": "\(.*\)",*$/\1/p' "$metadata")
        [ "$version" = "$1" ] || {
            echo "$metadata says version '$version', CMakeLists.txt says '$1'"
            exit 1
        }
    done
}

main "$@"
