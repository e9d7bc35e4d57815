#!/bin/bash
# SPDX-License-Identifier: MIT
# The shape of the firewall scripts that dev containers use today, as a peer for the benchmark:
# flush, an ipset, one lookup after the other, the rules, and only then the policy. Their fetch of
# GitHub's address ranges and their self-check are left out, in their favour.
#
# ancestor.sh NAME...
set -euo pipefail

flush() {
    local docker_rules
    docker_rules=$(iptables-save -t nat | grep '127\.0\.0\.11' || true)
    iptables -F
    iptables -X
    iptables -t nat -F
    iptables -t nat -X
    iptables -t mangle -F
    iptables -t mangle -X
    ipset destroy allowed 2>/dev/null || true
    if [ -n "$docker_rules" ]; then
        printf '*nat\n%s\nCOMMIT\n' "$docker_rules" | iptables-restore --noflush
    fi
}

open_basics() {
    iptables -A OUTPUT -p udp --dport 53 -j ACCEPT
    iptables -A INPUT -p udp --sport 53 -j ACCEPT
    iptables -A OUTPUT -p tcp --dport 22 -j ACCEPT
    iptables -A INPUT -p tcp --sport 22 -m state --state ESTABLISHED -j ACCEPT
    iptables -A INPUT -i lo -j ACCEPT
    iptables -A OUTPUT -o lo -j ACCEPT
}

learn() {
    local name addresses address
    ipset create allowed hash:net
    for name in "$@"; do
        addresses=$(dig +noall +answer A "$name" | awk '$4 == "A" { print $5 }')
        if [ -z "$addresses" ]; then
            echo "no address for $name" >&2
            exit 1
        fi
        while read -r address; do
            ipset add allowed "$address"
        done <<< "$addresses"
    done
}

open_host() {
    local network
    network=$(ip route | awk '$1 == "default" { print $3 }' | sed 's/\.[0-9]*$/.0\/24/')
    iptables -A INPUT -s "$network" -j ACCEPT
    iptables -A OUTPUT -d "$network" -j ACCEPT
}

enforce() {
    iptables -P INPUT DROP
    iptables -P FORWARD DROP
    iptables -P OUTPUT DROP
    iptables -A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
    iptables -A OUTPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
    iptables -A OUTPUT -m set --match-set allowed dst -j ACCEPT
    iptables -A OUTPUT -j REJECT --reject-with icmp-admin-prohibited
}

flush
open_basics
learn "$@"
open_host
enforce
