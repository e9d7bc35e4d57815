"""Packets as only a program that means it sends them. Runs inside a machine: standard library only.

A list of requests as JSON on stdin, a list of results on stdout: ok and error, as of the agent.
"""

import ctypes
import errno
import json
import mmap
import socket
import struct
import sys

ALL_ONES = b"\xff" * 6
SOL_PACKET, PACKET_QDISC_BYPASS, SO_MARK = 263, 20, 36
IP_HDRINCL, IP_OPTIONS, IP_NODEFRAG, IP_FREEBIND = 3, 4, 22, 15
IPV6_DSTOPTS, IPV6_RTHDR = 59, 57
MSG_FASTOPEN = 0x20000000
SOL_XDP, XDP_MMAP_OFFSETS, XDP_TX_RING, XDP_UMEM_REG = 283, 1, 3, 4
XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, AF_XDP, XDP_COPY = 5, 6, 44, 2
XDP_PGOFF_TX_RING = 0x80000000


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def ethernet(kind, body, to=ALL_ONES):
    return to + b"\x02\0\0\0\0\x01" + struct.pack("!H", kind) + body


def frame(device, kind, body, mark=0, bypass=False, cooked=False, to="ff" * 6):
    """Through a packet socket, which goes past the IP stack."""
    body = bytes.fromhex(body)
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM if cooked else socket.SOCK_RAW, 0)
    if mark:
        sender.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
    if bypass:
        sender.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
    sender.sendto(body if cooked else ethernet(kind, body, bytes.fromhex(to)),
                  (device, kind, 0, 0, ALL_ONES))


def ip(packet, destination, nodefrag=False):
    """A packet with a header of our own making."""
    family = family_of(destination)
    sender = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    if nodefrag:
        sender.setsockopt(socket.SOL_IP, IP_NODEFRAG, 1)
    sender.sendto(bytes.fromhex(packet), (destination, 0))


def udp(destination, port, payload, options="", source=None):
    """options: of the IP header, IPv4 options or an IPv6 header that goes before."""
    family = family_of(destination)
    sender = socket.socket(family, socket.SOCK_DGRAM)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    options = bytes.fromhex(options)
    if options and family == socket.AF_INET:
        sender.setsockopt(socket.SOL_IP, IP_OPTIONS, options)
    elif options:
        sender.setsockopt(socket.IPPROTO_IPV6, IPV6_RTHDR, options)
    if source:
        sender.bind((source, 0))
    host = socket.getaddrinfo(destination, port, family, socket.SOCK_DGRAM)[0][4]
    sender.sendto(bytes.fromhex(payload), host)


def fast_open(destination, port, payload):
    """Data in the first packet of a connection."""
    sender = socket.socket(family_of(destination), socket.SOCK_STREAM)
    sender.settimeout(2)
    sender.sendto(bytes.fromhex(payload), MSG_FASTOPEN, (destination, port))


def stream(destination, port, protocol):
    """A connection of another protocol than TCP (MPTCP, SCTP, DCCP)."""
    sender = socket.socket(family_of(destination), socket.SOCK_STREAM, protocol)
    sender.settimeout(2)
    sender.connect((destination, port))


def express(device, kind, body):
    """Through AF_XDP, which hands a frame to the driver and to nobody else."""
    libc = ctypes.CDLL(None, use_errno=True)
    sender = socket.socket(AF_XDP, socket.SOCK_RAW, 0)
    memory = mmap.mmap(-1, 4 * 4096)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    sender.setsockopt(SOL_XDP, XDP_UMEM_REG, struct.pack("QQIIIxxxx", start, 4 * 4096, 4096, 0, 0))
    for ring in (XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_TX_RING):
        sender.setsockopt(SOL_XDP, ring, 4)
    offsets = struct.unpack("16Q", sender.getsockopt(SOL_XDP, XDP_MMAP_OFFSETS, 128))
    producer, _, descriptors, _ = offsets[4:8]  # of the ring for sending
    ring = mmap.mmap(sender.fileno(), descriptors + 4 * 16, offset=XDP_PGOFF_TX_RING)
    address = struct.pack("HHIII", AF_XDP, XDP_COPY, socket.if_nametoindex(device), 0, 0)
    if libc.bind(sender.fileno(), address, len(address)):
        raise OSError(ctypes.get_errno(), "bind")
    whole = ethernet(kind, bytes.fromhex(body))
    memory[:len(whole)] = whole
    ring[descriptors:descriptors + 16] = struct.pack("QII", 0, len(whole), 0)
    ring[producer:producer + 4] = struct.pack("I", 1)
    if libc.sendto(sender.fileno(), None, 0, socket.MSG_DONTWAIT, None, 0) < 0:
        raise OSError(ctypes.get_errno(), "sendto")


def attempt(do, **arguments):
    try:
        globals()[do](**arguments)
        return {"ok": True, "error": None}
    except OSError as error:
        return {"ok": False, "error": errno.errorcode.get(error.errno, str(error))}


print(json.dumps([attempt(**request) for request in json.load(sys.stdin)]))
