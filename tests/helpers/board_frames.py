"""Frames of the sketch's serial protocol, written and read by its specification alone."""

import struct
import zlib

HELLO, RAW, TENSOR, SELF_TEST, STATE, ERROR = 0x01, 0x02, 0x03, 0x04, 0x05, 0xFF
SILENCE = 0xFFFFFFFF


def frame(kind: int, payload: bytes = b"", version: int = 1, length: int | None = None) -> bytes:
    body = struct.pack("<BBI", version, kind, len(payload) if length is None else length) + payload
    return b"\xe5\xf0" + body + struct.pack("<I", zlib.crc32(body))


def answers(output: bytes) -> list[tuple[int, bytes]]:
    """Return type and payload of each frame; every CRC must be right."""
    found = []
    while output:
        version, kind, length = struct.unpack("<BBI", output[2:8])
        assert output[:2] == b"\xe5\xf0" and version == 1
        assert struct.unpack("<I", output[8 + length : 12 + length])[0] == zlib.crc32(output[2 : 8 + length])
        found.append((kind, output[8 : 8 + length]))
        output = output[12 + length :]
    return found
