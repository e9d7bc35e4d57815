#!/bin/sh
# SPDX-License-Identifier: MIT
# Publishes this version at REGISTRY/NAMESPACE: the Feature as …/egressd, the templates as
# …/templates/ID. BINARIES is what cmake/release.sh made:
#
#   cmake/publish.sh ghcr.io OWNER/egressd build/binaries > published
#
# Needs the command devcontainer, logged in there as docker is. Prints what is there now, a line
# "SHA256  NAME" each. A version that is there already stays as it is.
set -eu

say() {
    echo "publish: $*" >&2
}

print_digest() { # name
    devcontainer features info manifest "$1:$version" --output-format json |
        tr ',' '\n' | sed -n "s|.*\"canonicalId\": *\"[^\"]*@sha256:\([0-9a-f]*\)\".*|\1  $1|p" |
        grep . || { say "$1:$version cannot be read back" && exit 1; }
}

publish_feature() {
    for binary in "$binaries"/egressd-*; do
        "$source/cmake/stage-feature.sh" "$source" "$binary" "${binary##*-}" "$stage/feature"
    done
    devcontainer features publish --registry "$registry" --namespace "$namespace" \
        "$stage/feature/src" >&2
    print_digest "$place/egressd"
}

publish_templates() {
    "$source/cmake/stage-templates.sh" "$source" "$place" "$stage/templates"
    devcontainer templates publish --registry "$registry" --namespace "$namespace/templates" \
        "$stage/templates" >&2
    for template in "$stage"/templates/*/; do
        print_digest "$place/templates/$(basename "$template")"
    done
}

main() {
    [ $# -eq 3 ] || {
        echo "usage: publish.sh REGISTRY NAMESPACE BINARIES" >&2
        exit 64
    }
    registry=$1 namespace=$2 binaries=$3 place=$1/$2
    source=$(cd "$(dirname "$0")/.." && pwd)
    version=$(sed -n 's/^ *"version": "\(.*\)",*$/\1/p' \
        "$source/feature/egressd/devcontainer-feature.json")
    stage=$(mktemp -d)
    trap 'rm -rf "$stage"' EXIT

    publish_feature
    publish_templates
}

main "$@"
