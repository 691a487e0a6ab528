"""The serial protocol on both sides, and the engine's generated C, fuzzed under ASan and UBSan.

A fast sample here; `make soak` runs the numbers of inputs that stand below. Corpora are small: tests/hostile/corpus.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from board_frames import frame
from fuzzing import HERE, Fuzzed, engine_fuzzer, fuzzed, protocol_fuzzer, why_not
from hostile_seeds import tflites
from hypothesis import given, settings
from hypothesis import strategies as st
from int8_models import decoder, int16x8, residual

from edgeforge.targets.arduino.serial_protocol import (
    LARGEST_PAYLOAD,
    Reader,
    encode,
    parse_error,
    parse_hello,
    parse_result,
    parse_self_test,
)
from edgeforge.targets.engine.options import Options

FEW, PROTOCOL_INPUTS, ENGINE_INPUTS = 20_000, 20_000_000, 1_000_000
NETS: dict[str, Callable[[], bytes]] = {
    "digits": lambda: tflites()["digits_int8"],
    "chain": lambda: tflites()["chain_int8"],
    "lstm": lambda: tflites()["lstm_int8"],
    "residual": residual,
    "decoder": decoder,
    "int16x8": lambda: int16x8(softmax=False),
}
needs_libfuzzer = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")


def told(record_property: Callable[[str, object], None], name: str, done: Fuzzed) -> None:
    assert not done.found, done.found
    record_property(
        f"fuzzer, {name}", f"{done.inputs:,} inputs, {done.each_hour:,} an hour, {done.edges} edges, nothing found"
    )


@needs_libfuzzer
def test_the_sketch_s_protocol_takes_any_bytes(tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    told(record_property, "protocol", fuzzed(protocol_fuzzer(tmp_path), HERE / "corpus" / "protocol", FEW, 512))


@needs_libfuzzer
def test_generated_c_takes_any_input(tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    fuzzer = engine_fuzzer(NETS["digits"](), tmp_path)
    told(record_property, "digits", fuzzed(fuzzer, HERE / "corpus" / "engine", FEW // 10, 128))


@pytest.mark.soak
@needs_libfuzzer
def test_the_sketch_s_protocol_for_long(tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    done = fuzzed(protocol_fuzzer(tmp_path), HERE / "corpus" / "protocol", PROTOCOL_INPUTS, 1024)
    told(record_property, "protocol", done)


@pytest.mark.soak
@needs_libfuzzer
@pytest.mark.parametrize("optimize", ["speed", "size", "ram"])
@pytest.mark.parametrize("name", list(NETS))
def test_generated_c_for_long(name: str, optimize: str, tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    fuzzer = engine_fuzzer(NETS[name](), tmp_path, Options(optimize=optimize))  # type: ignore[arg-type]
    told(record_property, f"{name}, {optimize}", fuzzed(fuzzer, HERE / "corpus" / "engine", ENGINE_INPUTS, 4096))


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.just(b"\xe5\xf0"),
        st.builds(frame, st.integers(0, 255), st.binary(max_size=80)),
        st.builds(frame, st.integers(0, 255), st.binary(max_size=20), st.integers(0, 255), st.integers(0, 2**32 - 1)),
    ),
    max_size=12,
)


@settings(max_examples=300)
@given(pieces=PIECES, cut=st.integers(1, 50))
def test_the_host_reads_any_bytes(pieces: list[bytes], cut: int) -> None:
    """It ends, keeps no more than a frame back, and finds the same frames however the bytes arrive."""
    data, reader, whole = b"".join(pieces), Reader(), Reader()
    found = [one for start in range(0, len(data), cut) for one in reader.feed(data[start : start + cut])]
    assert found == whole.feed(data)
    found += reader.give_up()
    for one in found:
        assert len(one.payload) <= LARGEST_PAYLOAD
        for parse in (parse_hello, parse_result, parse_self_test, parse_error):
            try:
                parse(one.payload)
            except ValueError as error:
                assert str(error)


@settings(max_examples=100)
@given(before=st.binary(max_size=30), payload=st.binary(max_size=60))
def test_a_right_frame_is_found_behind_anything(before: bytes, payload: bytes) -> None:
    reader = Reader()
    found = reader.feed(before + encode(0x82, payload)) + reader.give_up()
    assert any(one.payload == payload and one.type == 0x82 for one in found)
