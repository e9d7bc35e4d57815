#!/bin/sh
# SPDX-License-Identifier: MIT
# Publishes this version at REGISTRY/NAMESPACE: the Feature as …/egressd, the templates as
# …/templates/ID, the image of the daemon alone as …/sidecar. BINARIES is what cmake/release.sh made:
#
#   cmake/publish.sh ghcr.io OWNER/egressd build/binaries > published
#
# Needs the commands devcontainer and docker, logged in there. Prints what is there now, a line
# "SHA256  NAME" each. A version that is there already stays as it is.
set -eu

say() {
    echo "publish: $*" >&2
}

# What others call the architecture of a binary that is named as `uname -m` names it.
image_architecture() {
    case $1 in
    *-x86_64) echo amd64 ;;
    *-aarch64) echo arm64 ;;
    *) say "$1: no architecture that is published" && exit 1 ;;
    esac
}

# 0.1.0 is also the newest of 0.1, of 0, and of all: as the devcontainer CLI has it. Where the last of
# them is there, all are.
tags() {
    echo latest "${version%%.*}" "${version%.*}" "$version"
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

# One image for each architecture, and lists of them under the names that people use. Nothing runs
# while they are made, so that any machine can make all of them; without BuildKit, Docker takes its
# own architecture whatever it is told.
push_image() {
    set --
    for binary in "$binaries"/egressd-*; do
        architecture=$(image_architecture "$binary")
        "$source/cmake/stage-image.sh" "$source" "$binary" "$stage/image"
        DOCKER_BUILDKIT=1 docker build --quiet --platform "linux/$architecture" \
            --tag "$image:$version-$architecture" "$stage/image" >&2
        docker push --quiet "$image:$version-$architecture" >&2
        set -- "$@" "$image:$version-$architecture"
    done
    for tag in $(tags); do
        # shellcheck disable=SC2086 # an option or none
        docker manifest create $insecure "$image:$tag" "$@" >&2
        digest=$(docker manifest push --purge "$image:$tag" | grep "^sha256:")
    done
}

publish_image() {
    image=$place/sidecar insecure=
    case $registry in localhost:*) insecure=--insecure ;; esac
    digest=$(docker pull "$image:$version" 2> /dev/null | sed -n 's/^Digest: //p')
    if [ -z "$digest" ]; then
        push_image
    fi
    echo "${digest#sha256:}  $image"
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
    # A list can have only plain images in it, none that is a list itself.
    export BUILDX_NO_DEFAULT_ATTESTATIONS=1

    # The image first: a template that is there can be brought up.
    publish_image
    publish_feature
    publish_templates
}

main "$@"
