"""The host's side of the serial protocol: frames survive any split, any text between them, and damage."""

import struct
import zlib

from hypothesis import given
from hypothesis import strategies as st

from edgeforge.targets.arduino.serial_protocol import (
    LARGEST_PAYLOAD,
    MAGIC,
    OVERHEAD,
    Frame,
    Hello,
    Message,
    Reader,
    encode,
    parse_error,
    parse_hello,
    parse_result,
)

FRAMES = st.builds(Frame, st.integers(0, 255), st.binary(max_size=60), st.integers(0, 255))
TEXT = st.text(st.characters(max_codepoint=126), max_size=30).map(str.encode)


def read_all(stream: bytes, cuts: list[int]) -> tuple[list[Frame], Reader]:
    """Feed a stream in the pieces that `cuts` make of it."""
    reader, found, start = Reader(), [], 0
    for cut in [*sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]:
        found += reader.feed(stream[start:cut])
        start = cut
    return found, reader


@given(st.lists(st.tuples(TEXT, FRAMES), max_size=6), TEXT, st.lists(st.integers(0, 2000), max_size=8))
def test_frames_and_the_text_around_them_survive_any_split(
    parts: list[tuple[bytes, Frame]], last: bytes, cuts: list[int]
) -> None:
    stream = b"".join(text + encode(frame.type, frame.payload, frame.version) for text, frame in parts) + last
    found, reader = read_all(stream, cuts)
    assert found == [frame for _, frame in parts]
    assert bytes(reader.text) == b"".join(text for text, _ in parts) + last
    assert reader.damaged == 0


@given(FRAMES, FRAMES, st.data())
def test_a_damaged_byte_never_becomes_a_frame_and_the_next_frame_is_found(
    damaged: Frame, after: Frame, data: st.DataObject
) -> None:
    stream = bytearray(encode(damaged.type, damaged.payload, damaged.version))
    place = data.draw(st.integers(0, len(stream) - 1))
    stream[place] ^= data.draw(st.integers(1, 255))
    reader = Reader()
    found = reader.feed(bytes(stream) + encode(after.type, after.payload, after.version))
    found += reader.give_up()  # a damaged length may wait for bytes that never come
    assert found[-1:] == [after]
    assert damaged not in found[:-1]


@given(st.binary(max_size=300), FRAMES)
def test_noise_before_a_frame_does_not_hide_it(noise: bytes, frame: Frame) -> None:
    reader = Reader()
    found = reader.feed(noise + encode(frame.type, frame.payload, frame.version))
    assert (found + reader.give_up())[-1] == frame


def test_the_bytes_are_those_of_the_specification() -> None:
    body = b"\x01\x01\x01\x00\x00\x00\x01"  # version, HELLO, length 1, the host's version
    assert encode(Message.HELLO, b"\x01") == b"\xe5\xf0" + body + struct.pack("<I", zlib.crc32(body))
    assert len(encode(Message.SELF_TEST)) == OVERHEAD


def test_an_impossible_length_is_not_waited_for() -> None:
    reader = Reader()
    reader.feed(MAGIC + struct.pack("<BBI", 1, 0x82, LARGEST_PAYLOAD + 1))
    assert reader.damaged == 1
    assert reader.feed(encode(Message.RESULT, b"1234")) == [Frame(Message.RESULT, b"1234")]


def test_answers_are_read() -> None:
    facts = struct.pack("<BBBBIIIIII", 1, 0, 0, 1, 64, 64, 10, 0xDEADBEEF, 2692, 4096)
    payload = facts + bytes([6]) + b"digits" + bytes([5]) + b"lib 2"
    hello = Hello(1, "int8", "int8", "uint8", 64, 64, 10, 0xDEADBEEF, 2692, 4096, "digits", "lib 2")
    assert parse_hello(payload) == hello
    assert parse_result(b"\x10\x27\x00\x00\x05\xff") == (10000, b"\x05\xff")
    assert parse_error(b"\x01damaged") == (1, "damaged")


@given(st.binary(max_size=60))
def test_an_answer_cut_short_is_an_error_and_never_another_exception(payload: bytes) -> None:
    for parse in (parse_hello, parse_result):
        try:
            parse(payload)
        except ValueError as error:
            assert str(error)
