# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Sourced by the style tests: the files of the project, those not yet committed included.

# project_files [PATTERN...]: one path a line.
project_files() {
    if [ -e .git ]; then
        # A checkout may belong to somebody else than the one who tests it.
        git -c safe.directory='*' ls-files --cached --others --exclude-standard -- "$@"
    else
        find . -path ./build -prune -o -type f -printf '%P\n' | while read -r file; do
            if [ $# -eq 0 ]; then
                echo "$file"
                continue
            fi
            for pattern in "$@"; do
                # shellcheck disable=SC2254 # the pattern is meant as one
                case $file in $pattern) echo "$file" ;; esac
            done
        done
    fi | sort -u | while read -r file; do
        # What was deleted and not yet committed is still listed.
        [ ! -f "$file" ] || echo "$file"
    done
}
