#!/bin/sh
# SPDX-License-Identifier: MIT
# layers.sh "FOLDER: USED..."...: an #include in daemon/ points into its own folder or a layer
# below it, and only a layer that says it uses an outside library includes that library's headers.
# The arguments are the egressd_layer lines of daemon/CMakeLists.txt.
set -eu
. "$(dirname "$0")/files.sh"

main() {
    project_files 'daemon/*.c' 'daemon/*.h' | xargs grep -HnE '^[[:space:]]*#[[:space:]]*include' |
        awk -v layering="$(printf '%s\n' "$@")" '
            # below[a, b]: a uses b, itself or through others. Layers come bottom up.
            function read_layering(    lines, i, j, k, count, words) {
                count = split(layering, lines, "\n")
                for (i = 1; i <= count; i++) {
                    k = split(lines[i], words, "[: ]+")
                    layer[words[1]] = 1
                    for (j = 2; j <= k; j++) {
                        uses[words[1], words[j]] = below[words[1], words[j]] = 1
                        for (name in layer)
                            if ((words[j], name) in below)
                                below[words[1], name] = 1
                    }
                }
            }
            function complain(why) {
                print $1 ":" $2 ": " why
                failed = 1
            }
            function library_of(header) {
                if (header ~ /^uv(\.h|\/)/) return "uv"
                if (header ~ /^json-c\//) return "json-c"
                if (header ~ /^libnftnl\//) return "nftnl"
                if (header ~ /^(libmnl\/|linux\/netfilter|linux\/netlink)/) return "mnl"
                return ""
            }
            BEGIN { FS = ":"; read_layering() }
            {
                folder = $1
                sub(/^daemon\//, "", folder)
                if (!sub(/\/.*/, "", folder))
                    next # main.c stands above all layers
                header = $0
                gsub(/^[^<"]*[<"]|[>"].*$/, "", header)
                if (!(folder in layer))
                    complain("folder " folder " is no layer in daemon/CMakeLists.txt")
                else if ($0 ~ /include *</) {
                    library = library_of(header)
                    if (library != "" && !((folder, library) in uses))
                        complain("layer " folder " does not use " library)
                } else if (header ~ /\//) {
                    target = header
                    sub(/\/.*/, "", target)
                    if (target != folder && !((folder, target) in below))
                        complain("layer " folder " must not include " header ": it is not below")
                } else
                    complain("write \"" folder "/" header "\": includes start at daemon/")
            }
            END { exit failed }'
}

main "$@"
