#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the context from which `docker build` makes the image of the daemon alone: daemon/Dockerfile,
# and what it copies. Needs no privilege.
#
#   stage-image.sh ROOT BINARY STAGE
set -eu

root=$1 binary=$2 stage=$3

rm -rf "$stage"
mkdir -p "$stage/root/usr/local/sbin" "$stage/root/usr/local/bin" "$stage/root/etc/egressd/policy.d" \
    "$stage/root/etc/egressd/groups.d" "$stage/own"
cp "$root/daemon/Dockerfile" "$stage/"
install -m 755 "$binary" "$stage/root/usr/local/sbin/egressd" # an artifact may have lost its mode
ln -s ../sbin/egressd "$stage/root/usr/local/bin/egressctl"

# A policy is pinned, as by the Feature.
echo '{ "workspacePolicy": "pin" }' > "$stage/root/etc/egressd/feature.json"

# Docker lends /etc/resolv.conf to every container that joins this one's network, and root in there
# can write to it. Who chooses the DNS server chooses what names lead to: this one is nobody's.
echo 'nameserver 127.0.0.11' > "$stage/root/etc/egressd/resolv.conf"

# Modes are those of an image, not of whoever cloned the repository.
chmod -R u=rwX,go=rX "$stage"
