"""A name server for a machine without a network: python3 names.py '{"A mail.example.org": ["192.0.2.25"]}' validating

It answers what it is told, and "no such record" to everything else.
"""

import ipaddress
import json
import socket
import struct
import sys

TYPES = {1: "A", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA"}


def name(text):
    return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".")) + b"\0"


def data(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if kind == "TXT":
        return bytes([len(value)]) + value.encode()
    return (b"\0\x0a" if kind == "MX" else b"") + name(value)


def answer(query, zone, flags):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    question = query[12 : at + 5]
    number = struct.unpack(">H", query[at + 1 : at + 3])[0]
    kind = TYPES.get(number, "")
    records = b""
    values = zone.get(f"{kind} {'.'.join(labels).lower()}", [])
    for value in values:
        record = data(kind, value)
        records += b"\xc0\x0c" + struct.pack(">HHIH", number, 1, 60, len(record)) + record
    return query[:2] + struct.pack(">HHHHH", flags, 1, len(values), 0, 0) + question + records


if __name__ == "__main__":
    zone, validating = json.loads(sys.argv[1]), sys.argv[2:] == ["validating"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.2", 53))
        print("on", flush=True)
        while True:
            query, who = line.recvfrom(4096)
            line.sendto(answer(query, zone, 0x81A0 if validating else 0x8180), who)
