"""Damage that any file may suffer, whatever is in it."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, 0x10000000)


def cut(data: bytes, random: random.Random) -> bytes:
    return data[: random.randrange(len(data))]


def flipped(data: bytes, random: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8, 64))):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def overwritten(data: bytes, random: random.Random) -> bytes:
    """Some aligned 32-bit numbers become extreme ones."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 2, 4))):
        place = random.randrange(max(1, len(changed) // 4)) * 4
        changed[place : place + 4] = struct.pack("<I", random.choice(EXTREMES))
    return bytes(changed[: len(data)])


def zeroed(data: bytes, random: random.Random) -> bytes:
    start = random.randrange(len(data))
    length = random.randrange(1, 1 + len(data) // 4)
    return data[:start] + bytes(len(data[start : start + length])) + data[start + length :]


def spliced(data: bytes, random: random.Random) -> bytes:
    """A part of it stands twice, or is gone."""
    start, end = sorted(random.randrange(len(data)) for _ in range(2))
    return random.choice((data[:start] + data[end:], data[:end] + data[start:]))


def noise(data: bytes, random: random.Random) -> bytes:
    return data[:8] + random.randbytes(random.choice((0, 4, 100, 5000)))


DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "cut": cut, "flipped": flipped, "overwritten": overwritten, "zeroed": zeroed, "spliced": spliced, "noise": noise,
}  # fmt: skip


def damaged(data: bytes, random: random.Random) -> tuple[str, bytes]:
    """Return a kind of damage and the bytes that it has left."""
    name = random.choice(list(DAMAGES))
    return name, DAMAGES[name](data, random)
