#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs egressd into the image. Needs no network, no package manager and no bash, and may run
# twice. The Feature's options come as variables: ALLOW, DENY, MODE, WORKSPACEPOLICY, ONFAILURE
# and CONFIG.
set -eu

LC_ALL=C
export LC_ALL
umask 022

daemon=/usr/local/sbin/egressd
client=/usr/local/bin/egressctl
share=/usr/local/share/egressd
etc=/etc/egressd
daemon_id=65053:65053

fail() {
    IFS=' '
    echo "egressd: $*" >&2
    exit 1
}

binary_for_machine() {
    case $1 in
    x86_64 | amd64) echo egressd-x86_64.gz ;;
    aarch64 | arm64) echo egressd-aarch64.gz ;;
    *) echo "egressd-$1.gz" ;;
    esac
}

check_choice() { # option value choice...
    option=$1 value=$2
    shift 2
    for choice in "$@"; do
        [ "$value" != "$choice" ] || return 0
    done
    fail "option $option is '$value', but can only be one of: $*"
}

# Prints a comma-separated list as the inside of a JSON array. What may stand in an entry needs no
# escaping, and what would need it cannot stand in an entry.
print_entries() { # option list
    option=$1 separator=
    set -f
    IFS=,
    # shellcheck disable=SC2086 # to be split at the commas
    set -- $2
    for entry in "$@"; do
        entry=${entry#"${entry%%[! ]*}"}
        entry=${entry%"${entry##*[! ]}"}
        case $entry in
        '') continue ;;
        *[!]A-Za-z0-9._:/*@[-]*)
            fail "option $option: '$entry' cannot be an entry." \
                "Write hosts as in api.example.com, *.example.com:443, 192.0.2.0/24:22 or @npm," \
                "with commas between them; anything longer goes into customizations.egressd."
            ;;
        esac
        printf '%s"%s"' "$separator" "$entry"
        separator=', '
    done
}

write_policy() {
    allow=$(print_entries allow "${ALLOW-}")
    deny=$(print_entries deny "${DENY-}")
    # "enforce", said by any file, wins. So it is left out as long as it is the default: whoever
    # wants to hold others to it says so in a file of policy.d.
    mode=
    [ "${MODE:-enforce}" = enforce ] || mode=", \"mode\": \"$MODE\""
    printf '{ "allow": [%s], "deny": [%s]%s }\n' "$allow" "$deny" "$mode" > "$etc/policy.json"
}

write_settings() {
    case ${CONFIG-} in
    *[\"\\]* | *[[:cntrl:]]*) fail "option config: '$CONFIG' is not a path egressd can take" ;;
    esac
    printf '{ "workspacePolicy": "%s", "config": "%s", "onFailure": "%s" }\n' \
        "${WORKSPACEPOLICY:-pin}" "${CONFIG-}" "${ONFAILURE:-stop}" > "$etc/feature.json"
    printf 'ON_FAILURE=%s\n' "${ONFAILURE:-stop}" > "$share/feature.env"
}

# A running program cannot be written to, but its name can be given to another file.
install_file() { # mode from to
    mkdir -p "${3%/*}"
    case $2:$3 in
    *.gz:*.gz) cat "$2" > "$3.new" ;;
    *.gz:*) gzip -dc "$2" > "$3.new" || fail "cannot unpack $2: the image needs a gzip that works" ;;
    *) cat "$2" > "$3.new" ;;
    esac
    chown 0:0 "$3.new"
    chmod "$1" "$3.new"
    mv -f "$3.new" "$3"
}

# Where bash and zsh look, whether they are installed now or later.
install_completions() {
    zsh_functions=/usr/share/zsh/site-functions
    [ ! -e /etc/debian_version ] || zsh_functions=/usr/share/zsh/vendor-completions
    for command in egressctl egressd; do
        install_file 644 "$here/completions/egressctl.bash" \
            "/usr/share/bash-completion/completions/$command"
    done
    install_file 644 "$here/completions/_egressctl" "$zsh_functions/_egressctl"
}

install_manuals() {
    for page in "$here"/man/*.gz; do
        name=${page##*/}
        section=${name%.gz}
        install_file 644 "$page" "/usr/local/share/man/man${section##*.}/$name"
    done
}

is_root_name() {
    case ${1%%:*} in
    '' | root | 0) return 0 ;;
    *) return 1 ;;
    esac
}

main() {
    here=$(cd "$(dirname "$0")" && pwd)
    machine=$(uname -m)
    binary=$here/bin/$(binary_for_machine "$machine")

    [ "$(id -u)" -eq 0 ] || fail "install.sh must run as root"
    [ -f "$binary" ] ||
        fail "this Feature has no binary for the architecture '$machine'; it has:" \
            "$(cd "$here/bin" 2> /dev/null && echo egressd-* | sed 's/egressd-//g; s/[.]gz//g')"
    check_choice mode "${MODE:-enforce}" enforce audit
    check_choice workspacePolicy "${WORKSPACEPOLICY:-pin}" pin follow ignore
    check_choice onFailure "${ONFAILURE:-stop}" stop warn
    check_choice logFile "${LOGFILE:-false}" true false

    install_file 755 "$binary" "$daemon"
    install_file 755 "$here/entrypoint.sh" "$share/entrypoint.sh"
    install_file 755 "$here/wait.sh" "$share/wait.sh"
    install_file 644 "$here/egressd.schema.json" "$share/egressd.schema.json"
    install_file 644 "$here/devcontainer.schema.json" "$share/devcontainer.schema.json"
    install_completions
    install_manuals
    mkdir -p "${client%/*}"
    ln -sf ../sbin/egressd "$client"

    # The daemon's own user has a number and no name: nothing is added to /etc/passwd.
    mkdir -p "$etc/policy.d" "$etc/groups.d" /run/egressd /var/lib/egressd
    chown "$daemon_id" /run/egressd /var/lib/egressd
    chmod 755 "$etc" "$etc/policy.d" "$etc/groups.d" /run/egressd /var/lib/egressd

    # The folder is the wish.
    if [ "${LOGFILE:-false}" = true ]; then
        mkdir -p /var/log/egressd
        chown "$daemon_id" /var/log/egressd
        chmod 755 /var/log/egressd
    fi

    write_policy
    write_settings
    chmod 644 "$etc/policy.json" "$etc/feature.json" "$share/feature.env"
    "$daemon" check "$etc/policy.json" > /dev/null ||
        fail "the Feature's options do not make a valid policy (see above)"

    # An entrypoint that is not root's gets no capabilities from the engine, only from the file.
    is_root_name "${_CONTAINER_USER-}" || "$daemon" install-capabilities "$daemon"

    # The CLI without BuildKit leaves its copy of the Feature in the image, and in two layers if
    # nobody removes it in this one.
    case $here in
    /tmp/dev-container-features/*) rm -rf "${here:?}/bin" ;;
    esac

    echo "egressd: installed; this image's policy is $etc/policy.json"
}

main "$@"
