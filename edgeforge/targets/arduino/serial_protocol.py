"""The serial protocol between a host and a board, version 1: the host's side of firmware/arduino/protocol.h.

A frame, little-endian: magic 0xE5 0xF0 | version u8 | type u8 | length u32 | payload | crc32 u32, which is zlib's over
version to payload. Text (the board's self-test) may stand between frames.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

VERSION = 1
MAGIC = b"\xe5\xf0"
HEADER = struct.Struct("<BBI")  # version, type, length
CRC = struct.Struct("<I")
OVERHEAD = len(MAGIC) + HEADER.size + CRC.size
LARGEST_PAYLOAD = 4096  # of an answer, unless an output tensor is larger: a longer length is a damaged one
# By the number that HELLO gives; a record holds several inputs, each from a multiple of eight bytes on.
DTYPES = ("int8", "uint8", "int16", "float32", "int32", "record")


class Message(IntEnum):
    """What a frame is: questions of the host, answers of the board."""

    HELLO = 0x01  # u8: the host's protocol version
    RAW = 0x02  # one raw input
    TENSOR = 0x03  # one ready input tensor
    SELF_TEST = 0x04  # empty
    STATE = 0x05  # u8: 1 if inputs follow each other from now on, 0 if each is alone
    SAMPLING = 0x06  # u8: who has the sensor's samples, see Sampling
    SAMPLES = 0x07  # samples in the place of the sensor's
    HELLO_ANSWER = 0x81
    RESULT = 0x82  # u32 microseconds, then the output tensor
    SELF_TEST_ANSWER = 0x84
    STATE_ANSWER = 0x85  # empty
    SAMPLING_ANSWER = 0x86  # what a sample is: see SampleFacts
    SAMPLES_ANSWER = 0x87  # see Taken
    STREAMED = 0x88  # unasked: see Streamed
    ERROR = 0xFF  # u8 code, then text


ANSWERS = {
    Message.HELLO: Message.HELLO_ANSWER,
    Message.RAW: Message.RESULT,
    Message.TENSOR: Message.RESULT,
    Message.SELF_TEST: Message.SELF_TEST_ANSWER,
    Message.STATE: Message.STATE_ANSWER,
    Message.SAMPLING: Message.SAMPLING_ANSWER,
    Message.SAMPLES: Message.SAMPLES_ANSWER,
}


class Sampling(IntEnum):
    """Who has the sensor's samples: the board for its inputs, the host, or nobody while the host sends some."""

    JUDGED = 0
    STREAMED = 1
    REPLAYED = 2


class Fault(IntEnum):
    """Why a board answers ERROR. The first and the last come of bytes lost on the line: ask again."""

    BAD_CRC = 1
    WRONG_LENGTH = 2
    UNKNOWN_TYPE = 3
    WRONG_VERSION = 4
    INVOKE_FAILED = 5
    TIMEOUT = 6


@dataclass(frozen=True)
class Frame:
    """A frame whose CRC is right."""

    type: int
    payload: bytes
    version: int = VERSION


@dataclass(frozen=True)
class Hello:
    """What a board says of itself and its model; sizes in bytes."""

    version: int
    input_dtype: str
    output_dtype: str
    raw_dtype: str
    raw_bytes: int
    input_bytes: int
    output_bytes: int
    model_crc32: int
    arena_used: int
    arena_size: int
    name: str
    library: str


@dataclass(frozen=True)
class SelfTestAnswer:
    """What the sketch's own test vectors gave."""

    passed: bool
    images: int
    largest_step: int
    wrong_inputs: int


@dataclass(frozen=True)
class SampleFacts:
    """What a board's samples are. most_bytes: that it takes at a time. axes: none of sound."""

    dtype: str
    channels: int
    rate_hz: float
    most_bytes: int
    axes: tuple[str, ...]


@dataclass(frozen=True)
class Streamed:
    """Samples of a board's sensor: the first one's place since the start, how many were lost since then in all.

    mean_micros, most_micros: by which samples were late.
    """

    place: int
    lost: int
    mean_micros: int
    most_micros: int
    samples: bytes


@dataclass(frozen=True)
class Taken:
    """What samples came to: how many inputs they completed; if the last one did, microseconds and the output tensor.

    heard: the class that the sketch detects by that and earlier answers; -1 where it detects none.
    """

    inputs: int
    micros: int = 0
    heard: int = -1
    output: bytes | None = None


def encode(type: int, payload: bytes = b"", version: int = VERSION) -> bytes:
    """Return a frame's bytes."""
    body = HEADER.pack(version, type, len(payload)) + payload
    return MAGIC + body + CRC.pack(zlib.crc32(body))


KEPT_TEXT = 65536  # bytes: a board may write for ever


class Reader:
    """Finds frames in what arrives in pieces of any size, with text around them.

    text: the end of what stood between frames, for a person. damaged: how many frames had a wrong CRC or an impossible
    length.
    """

    def __init__(self, largest: int = LARGEST_PAYLOAD) -> None:
        self.largest = largest
        self.text = bytearray()
        self.damaged = 0
        self._bytes = bytearray()

    def feed(self, arrived: bytes) -> list[Frame]:
        """Take what has arrived, and return the frames that are whole now."""
        self._bytes += arrived
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def give_up(self) -> list[Frame]:
        """Take the frame that has begun for damaged, and return those that stand in what was held back for it."""
        frames = []
        while self._bytes.startswith(MAGIC):
            self._drop()
            frames += self.feed(b"")
        return frames

    def _next(self) -> Frame | None:
        while True:
            start = self._bytes.find(MAGIC)
            if start < 0:  # the last byte may be the magic's first
                keep = 1 if self._bytes.endswith(MAGIC[:1]) else 0
                start = len(self._bytes) - keep
            self.text += self._bytes[:start]
            del self._bytes[:start], self.text[:-KEPT_TEXT]
            if len(self._bytes) < len(MAGIC) + HEADER.size:
                return None
            version, type, length = HEADER.unpack_from(self._bytes, len(MAGIC))
            if length > self.largest:
                self._drop()
                continue
            end = len(MAGIC) + HEADER.size + length
            if len(self._bytes) < end + CRC.size:
                return None
            body = bytes(self._bytes[len(MAGIC) : end])
            if CRC.unpack_from(self._bytes, end)[0] != zlib.crc32(body):
                self._drop()
                continue
            del self._bytes[: end + CRC.size]
            return Frame(type, body[HEADER.size :], version)

    def _drop(self) -> None:
        """Leave a false or damaged start behind; a right frame may begin inside of what seemed to be one."""
        self.damaged += 1
        del self._bytes[: len(MAGIC)]


def parse_hello(payload: bytes) -> Hello:
    """Return what HELLO's answer says. Raises ValueError when it is cut short or names an unknown type."""
    numbers = struct.Struct("<BBBBIIIIII")
    if len(payload) < numbers.size + 2:
        raise ValueError(f"HELLO's answer has {len(payload)} bytes")
    version, *types, raw, taken, given, crc, used, size = numbers.unpack_from(payload)
    if max(types) >= len(DTYPES):
        raise ValueError(f"HELLO's answer names the element type {max(types)}")
    name, rest = _text(payload[numbers.size :])
    library, _ = _text(rest)
    source, target, original = (DTYPES[number] for number in types)
    return Hello(version, source, target, original, raw, taken, given, crc, used, size, name, library)


def parse_result(payload: bytes) -> tuple[int, bytes]:
    """Return the microseconds that the board took, and the output tensor's bytes."""
    if len(payload) < CRC.size:
        raise ValueError(f"a result has {len(payload)} bytes")
    return struct.unpack_from("<I", payload)[0], payload[4:]


def parse_self_test(payload: bytes) -> SelfTestAnswer:
    """Return what the board's own self-test gave."""
    if len(payload) != struct.calcsize("<BIII"):
        raise ValueError(f"the self-test's answer has {len(payload)} bytes")
    passed, images, step, inputs = struct.unpack("<BIII", payload)
    return SelfTestAnswer(bool(passed), images, step, inputs)


def parse_sampling(payload: bytes) -> SampleFacts:
    """Return what SAMPLING's answer says. Raises ValueError when it is cut short or names an unknown type."""
    numbers = struct.Struct("<BBII")
    if len(payload) < numbers.size + 1:
        raise ValueError(f"SAMPLING's answer has {len(payload)} bytes")
    dtype, channels, rate, most = numbers.unpack_from(payload)
    if dtype >= len(DTYPES) or not channels or not rate or not most:
        raise ValueError(
            f"SAMPLING's answer tells of {channels} values of type {dtype}, {rate / 1000:g} times a second"
        )
    axes, _ = _text(payload[numbers.size :])
    return SampleFacts(DTYPES[dtype], channels, rate / 1000, most, tuple(axes.split(",")) if axes else ())


def parse_streamed(payload: bytes) -> Streamed:
    """Return samples of the board's sensor. Raises ValueError when they are cut short."""
    numbers = struct.Struct("<IIII")
    if len(payload) < numbers.size:
        raise ValueError(f"streamed samples have {len(payload)} bytes")
    place, lost, mean, most = numbers.unpack_from(payload)
    return Streamed(place, lost, mean, most, payload[numbers.size :])


def parse_samples(payload: bytes) -> Taken:
    """Return what SAMPLES' answer says. Raises ValueError when it is cut short."""
    numbers = struct.Struct("<IIi")
    if len(payload) == 4:
        return Taken(*struct.unpack("<I", payload))
    if len(payload) < numbers.size:
        raise ValueError(f"SAMPLES' answer has {len(payload)} bytes")
    inputs, micros, heard = numbers.unpack_from(payload)
    return Taken(inputs, micros, heard, payload[numbers.size :])


def parse_error(payload: bytes) -> tuple[int, str]:
    """Return an ERROR's code and the board's own words."""
    return (payload[0], payload[1:].decode(errors="replace")) if payload else (0, "")


def _text(payload: bytes) -> tuple[str, bytes]:
    """Return a text with its length before it, and what follows."""
    if not payload or len(payload) < 1 + payload[0]:
        raise ValueError("HELLO's answer is cut short")
    return payload[1 : 1 + payload[0]].decode(errors="replace"), payload[1 + payload[0] :]
