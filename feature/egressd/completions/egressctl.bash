# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# bash completes egressctl and egressd. Commands and options come from their own help, so that
# nothing here goes stale.

_egressd_commands() { # help
    sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p; s/^[Usage: ]* egressd \([a-z][a-z-]*\).*/\1/p' <<<"$1"
}

_egressd_options() { # help
    sed -n 's/^  \(....\)\{0,1\}\(--[a-z-]*\).*/\2/p' <<<"$1"
}

# What an option's value is: FILE, DIR, SECONDS, ... or nothing. Any other word stays away from sed,
# whose language has a command that runs programs.
_egressd_value_of() { # word help
    [[ $1 == -* && $1 != *[!a-z-]* ]] || return 0
    sed -n "s/^  .*$1[= ]\([A-Z][A-Z:[]*\).*/\1/p" <<<"$2"
}

# What the help calls the thing that stands behind the command.
_egressd_operand() { # help
    sed -n 's/^Usage: egressctl [a-z]* \[*\([A-Z]*\).*/\1/p' <<<"$1"
}

# Hosts of the policy, and those that were refused. Only what can be a host: it comes from outside.
_egressd_hosts() {
    { egressctl status --json; egressctl log --json; } 2>/dev/null </dev/null |
        grep -Eo '"(host|name)":"[A-Za-z0-9._-]+"' | cut -d'"' -f4 | sort -u
}

_egressd_groups() {
    egressd groups 2>/dev/null </dev/null | sed -n 's/^@\([a-z0-9-]*\).*/\1/p'
}

_egressd_offer() { # text-so-far; candidates on stdin
    local word

    while read -r word; do
        [[ $word != "$1"* ]] || COMPREPLY+=("$word")
    done
}

_egressd_offer_files() { # kind text-so-far
    if [[ $1 == DIR ]]; then
        _egressd_offer "$2" < <(compgen -d -- "$2")
    else
        _egressd_offer "$2" < <(compgen -f -- "$2")
    fi
    compopt -o filenames 2>/dev/null
}

_egressctl() {
    local program=$1 word=$2 previous=$3 command='' help i

    COMPREPLY=()
    help=$("$program" --help 2>/dev/null </dev/null) || return 0
    for ((i = 1; i < COMP_CWORD; i++)); do
        if grep -qx -e "${COMP_WORDS[i]}" <<<"$(_egressd_commands "$help")"; then
            command=${COMP_WORDS[i]}
            break
        fi
    done
    if [[ -n $command && ${program##*/} == egressctl ]]; then
        help=$("$program" "$command" --help 2>/dev/null </dev/null)
    fi

    case $(_egressd_value_of "$previous" "$help") in
    DIR) _egressd_offer_files DIR "$word" && return 0 ;;
    FILE) _egressd_offer_files FILE "$word" && return 0 ;;
    ?*) return 0 ;;
    esac
    if [[ $word == -* ]]; then
        _egressd_offer "$word" < <(_egressd_options "$help")
    elif [[ -z $command ]]; then
        _egressd_offer "$word" < <(_egressd_commands "$help")
    elif [[ $command == check || $command == pin ]]; then
        _egressd_offer_files FILE "$word"
    elif [[ $command == groups ]]; then
        _egressd_offer "$word" < <(_egressd_groups)
    elif [[ $(_egressd_operand "$help") == HOST ]]; then
        _egressd_offer "$word" < <(_egressd_hosts)
    fi
}

complete -F _egressctl egressctl egressd
