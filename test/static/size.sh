#!/bin/sh
# SPDX-License-Identifier: MIT
# The release binary is one static, position-independent, stripped file below 2 MiB.
set -eu

limit=$((2 * 1024 * 1024))

fail() {
    echo "$*" >&2
    exit 1
}

has_header() {
    readelf --wide --program-headers "$binary" | grep -q "$1"
}

main() {
    binary=$1
    size=$(stat --dereference --format %s "$binary")
    echo "$size bytes"
    [ "$size" -lt "$limit" ] || fail "not below $limit bytes"
    ! has_header INTERP || fail "it asks for a dynamic loader"
    has_header GNU_RELRO || fail "not RELRO"
    ! has_header 'GNU_STACK.*E' || fail "executable stack"
    readelf --file-header "$binary" | grep -q 'Type:.*DYN' || fail "not position-independent"
    ! readelf --wide --sections "$binary" | grep -q '\.symtab' || fail "not stripped"
}

main "$@"
