#!/bin/sh
# SPDX-License-Identifier: MIT
# Lays out what `devcontainer templates publish STAGE` reads: each template of devcontainer-template
# in STAGE/ID, with what all of them share, and with the place that this project is published at.
set -eu

placeholder='ghcr[.]io/<owner>/egressd'

stage_template() { # folder target
    rm -rf "$2"
    mkdir -p "$2"
    # Copies, not links: the devcontainer CLI packs links as links.
    [ ! -d "$1/../shared" ] || cp -RL "$1/../shared/." "$2/"
    cp -RL "$1/." "$2/"
    find "$2" -type f -exec sed -i "s|$placeholder|$namespace|g" {} +
}

main() {
    [ $# -eq 3 ] || {
        echo "usage: stage-templates.sh SOURCE_DIR NAMESPACE STAGE_DIR" >&2
        echo "NAMESPACE is where it is published: ghcr.io/OWNER/egressd" >&2
        exit 64
    }
    source=$1 namespace=$2 stage=$3

    for metadata in "$source"/devcontainer-template/*/devcontainer-template.json; do
        template=${metadata%/*}
        stage_template "$template" "$stage/${template##*/}"
    done
}

main "$@"
