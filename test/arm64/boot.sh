#!/bin/sh
# SPDX-License-Identifier: MIT
# What qemu-user cannot do (nf_tables, seccomp, other users' files), on an emulated machine: boots
# Debian's kernel for arm64 with nothing but busybox, the unit tests that are named, and egressd.
#
#   boot.sh FOLDER EGRESSD TEST...    FOLDER keeps the kernel
set -eu

here=$(cd "$(dirname "$0")" && pwd)

# Into build/, once. The pattern may fetch several kernels: the newest is booted.
fetch() {
    [ -e "$folder/bin/busybox" ] ||
        "$here/../../cmake/debian-packages.sh" arm64 "$folder" busybox-static/bookworm \
            '^linux-image-[0-9].*-cloud-arm64$/trixie'
    kernel=$(find "$folder/boot" -name 'vmlinuz-*' | sort -V | tail -n 1)
    [ -n "$kernel" ]
    modules=$(find "$folder" -type d -path "*/modules/${kernel##*/vmlinuz-}")
}

make_root() {
    mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/run" "$root/etc" \
        "$root/var/lib" "$root/sbin" "$root/tests" "$root/lib/modules/${modules##*/}"
    cp "$folder/bin/busybox" "$root/bin/"
    ln -s busybox "$root/bin/sh"
    ln -s ../bin/busybox "$root/sbin/modprobe" # the kernel calls it
    cp "$here/init" "$root/"
    (cd "$modules" && find kernel/net kernel/lib kernel/drivers/net/dummy.ko* -name '*.ko*') |
        while read -r module; do
            mkdir -p "$root/lib/modules/${modules##*/}/${module%/*}"
            xz -dc "$modules/$module" > "$root/lib/modules/${modules##*/}/${module%.xz}"
        done
    cp "$modules"/modules.order "$modules"/modules.builtin* "$root/lib/modules/${modules##*/}/"
    cp "$@" "$root/tests/"
    mv "$root/tests/egressd" "$root/bin/egressd"
    ln -s egressd "$root/bin/egressctl"
    (cd "$root" && find . | cpio --quiet -o -H newc) | gzip -1 > "$work/initrd"
}

main() {
    command -v qemu-system-aarch64 > /dev/null || exit 77
    folder=$1
    shift
    work=$(mktemp -d) root=$work/root
    trap 'rm -rf "$work"' EXIT

    fetch
    make_root "$@"
    timeout 900 qemu-system-aarch64 -machine virt -cpu cortex-a72 -m 1024 -nic none -nographic \
        -no-reboot -kernel "$kernel" -initrd "$work/initrd" \
        -append "console=ttyAMA0 rdinit=/init quiet" < /dev/null | tr -d '\r' | tee "$work/console"
    grep -qx "all is well" "$work/console"
}

main "$@"
