"""Dovecot's CRAM-MD5 format: two MD5 states, which hashlib does not give.

PostfixAdmin's configuration named it as the example of a Dovecot scheme for many years. The stored
value is the state of MD5 (RFC 1321) after the outer and after the inner padded key of HMAC
(RFC 2104), 2 × 16 bytes in hex.
"""

import hashlib
import math
import struct

_BLOCK = 64
_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_SINES = [int(abs(math.sin(step + 1)) * 2**32) for step in range(64)]
_SHIFTS = [(7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21)]


def cram_md5(password: bytes) -> str:
    if len(password) > _BLOCK:
        password = hashlib.md5(password, usedforsecurity=False).digest()
    key = password.ljust(_BLOCK, b"\0")
    return "".join(_state_after(bytes(byte ^ pad for byte in key)).hex() for pad in (0x5C, 0x36))


def _state_after(block):
    words = struct.unpack("<16I", block)
    a, b, c, d = _START
    for step in range(64):
        turn = step // 16
        if turn == 0:
            mixed, word = (b & c) | (~b & d), step
        elif turn == 1:
            mixed, word = (d & b) | (~d & c), 5 * step + 1
        elif turn == 2:
            mixed, word = b ^ c ^ d, 3 * step + 5
        else:
            mixed, word = c ^ (b | ~d), 7 * step
        total = (a + mixed + _SINES[step] + words[word % 16]) & 0xFFFFFFFF
        shift = _SHIFTS[turn][step % 4]
        rotated = (total << shift | total >> (32 - shift)) & 0xFFFFFFFF
        a, b, c, d = d, (b + rotated) & 0xFFFFFFFF, b, c
    state = [(old + new) & 0xFFFFFFFF for old, new in zip(_START, (a, b, c, d), strict=True)]
    return struct.pack("<4I", *state)
