"""The device-side modules by themselves."""

from argparse import ArgumentTypeError
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from raspberry_pi_bundle import FIRMWARE, PREPROCESSING, on_path

from edgeforge.results.preprocessing import Preprocessing

ALL = ["AzureExecutionProvider", "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"]


def test_providers_are_tried_in_order_of_speed(firmware) -> None:  # type: ignore[no-untyped-def]
    models = firmware("models")
    wanted = models.wanted_providers
    assert wanted(["AzureExecutionProvider", "CPUExecutionProvider"]) == ["CPUExecutionProvider"]
    assert wanted(ALL) == ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    pi = ["CPUExecutionProvider", "XnnpackExecutionProvider", "ACLExecutionProvider"]
    assert wanted(pi) == ["ACLExecutionProvider", "XnnpackExecutionProvider", "CPUExecutionProvider"]
    assert wanted(pi, "xnnpack") == ["XnnpackExecutionProvider", "CPUExecutionProvider"]
    assert wanted(pi, "cpu") == ["CPUExecutionProvider"]
    assert models.with_options("XnnpackExecutionProvider", 3)[1] == {"intra_op_num_threads": "3"}
    assert models.with_options("CPUExecutionProvider", 3) == "CPUExecutionProvider"
    with pytest.raises(models.BundleError, match="no execution provider: one of tensorrt, cuda"):
        wanted(pi, "gpu")


def test_a_table_has_its_headings_over_their_columns(firmware) -> None:  # type: ignore[no-untyped-def]
    rows = [{"name": "fp32", "ms": 1.25, "met": {"200": 3}}, {"name": "int8", "ms": 10.0, "met": {}}]
    columns = {"variant": ("name", "<7"), "p50 ms": ("ms", ">7.2f"), "statuses": ("met", "")}
    assert firmware("options").table(rows, columns) == [
        "variant   p50 ms  statuses",
        "fp32        1.25  {'200': 3}",
        "int8       10.00  {}",
    ]


def test_numbers_in_an_option_are_counts_or_named(firmware) -> None:  # type: ignore[no-untyped-def]
    counts = firmware("options").counts
    assert counts("1") == [1] and counts("1,4,8") == [1, 4, 8]
    for text in ("", "0", "1,,2", "1,-4", "two"):
        with pytest.raises(ArgumentTypeError, match="not numbers such as 1,2,4"):
            counts(text)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 2.0)), min_size=1, max_size=3),
    st.sampled_from([16.0, 255.0]),
)
def test_inputs_are_those_of_the_desk(statistics: list[tuple[float, float]], raw_max: float) -> None:
    with on_path(FIRMWARE):
        from bundle import Bundle
    mean, std = zip(*statistics, strict=True)
    shape = (len(statistics), 4, 5)
    raw = np.random.default_rng(0).integers(0, int(raw_max) + 1, (3, *shape), dtype=np.uint8)
    here = Preprocessing(shape, raw_max, mean, std, ("a",)).apply(raw)
    bundle = Bundle(Path(), "n", {}, ("a",), shape, raw_max, mean, std)
    assert (bundle.tensor(raw, raw_max) == here).all()


def test_pixels_reach_the_model_as_they_are(firmware, packed_bundle: Path) -> None:  # type: ignore[no-untyped-def]
    images, folder = firmware("images"), firmware("bundle")
    bundle = folder.Bundle.read(packed_bundle)
    with np.load(packed_bundle / "selftest.npz") as arrays:
        raw = arrays["images"]
    for number, path in enumerate(sorted((packed_bundle / "samples").glob("*.png"))):
        pixels = images.read_image(path, bundle)
        assert pixels.shape == (1, 1, 8, 8)
        assert abs(bundle.tensor(pixels, 255.0) - PREPROCESSING.apply(raw[number : number + 1])).max() < 0.01


def test_fit_cuts_scales_and_keeps_sixteen_bits(firmware, packed_bundle: Path) -> None:  # type: ignore[no-untyped-def]
    images, folder = firmware("images"), firmware("bundle")
    bundle = folder.Bundle.read(packed_bundle)
    wide = Image.new("L", (32, 16))
    wide.paste(255, (8, 0, 24, 16))  # only the middle, which fills the model's square, is white
    pixels = images.to_pixels(wide, bundle, fit=True, name="wide")[0, 0]
    assert pixels[:, 1:-1].min() == 255 and pixels.min() > 200  # its edges are blended with what lies beside them
    deep = Image.fromarray(np.full((8, 8), 32_768, np.uint16))
    assert set(images.to_pixels(deep, bundle, fit=True, name="deep").ravel()) == {128}
    clear = Image.new("RGBA", (9, 9), (255, 255, 255, 255))
    assert images.to_pixels(clear, bundle, fit=True, name="clear").max() == 255


@settings(max_examples=60)
@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"P5 "])
)
def test_no_bytes_do_more_than_be_refused(packed_bundle: Path, data: bytes, magic: bytes) -> None:
    with on_path(FIRMWARE):
        from bundle import Bundle, BundleError
        from images import read_image
    try:
        pixels = read_image(magic + data, Bundle.read(packed_bundle), fit=True)
    except BundleError as error:
        assert "\n" not in str(error)
    else:
        assert pixels.shape == (1, 1, 8, 8)


def test_an_image_that_claims_gigabytes_is_refused(firmware, packed_bundle: Path) -> None:  # type: ignore[no-untyped-def]
    images, folder = firmware("images"), firmware("bundle")
    header = b"P5 100000 100000 255\n"
    with pytest.raises(folder.BundleError, match="more than 64,000,000 pixels"):
        images.read_image(header, folder.Bundle.read(packed_bundle), fit=True, name="bomb")


@pytest.mark.parametrize(
    ("int8_ms", "variant", "threads"),
    [((5.0, 5.0), "int8", 1), ((9.9, 9.9), "fp32", 1), ((12.0, 3.0), "int8", 2), ((20.0, 20.0), "fp32", 1)],
)
def test_int8_is_chosen_only_when_it_is_faster(firmware, int8_ms, variant: str, threads: int) -> None:  # type: ignore[no-untyped-def]
    rows = [
        {"variant": name, "threads": count, "p50_ms": value}
        for count, int8 in zip((1, 2), int8_ms, strict=True)
        for name, value in (("fp32", 10.0), ("int8", int8))
    ]
    chosen = firmware("bench").choose(rows)
    assert (chosen["variant"], chosen["threads"]) == (variant, threads)


def test_perf_counts_are_read_and_what_is_not_supported_left_out(firmware) -> None:  # type: ignore[no-untyped-def]
    text = (
        "# started on Sat\n\n"
        "52011,,instructions:u,310000,100.00,0.9,insn per cycle\n"
        "<not supported>,,cycles:u,0,100.00,,\n"
        "123,,cache-misses,310000,100.00,,\n"
    )
    assert firmware("perf_counters").read_counts(text) == {"instructions": 52011, "cache-misses": 123}


def test_perf_says_why_there_are_no_counts(firmware, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    counts = firmware("perf_counters").count_events(["true"], tmp_path / "r")
    assert isinstance(counts, dict) or "perf" in counts
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = firmware("perf_counters").count_events(["true"], tmp_path / "r")
    assert missing == "perf is not installed (sudo apt install linux-perf)"


def test_device_facts_are_read_or_none(firmware) -> None:  # type: ignore[no-untyped-def]
    device = firmware("device")
    facts = device.device_facts()
    assert facts["cores"] >= 1 and facts["memory_bytes"] > 2**28 and facts["providers"][-1] == "CPUExecutionProvider"
    assert 2**20 < device.peak_memory() < facts["memory_bytes"]
    assert device.temperature() is None or -20 < device.temperature() < 130


@pytest.mark.parametrize(
    ("said", "now", "since_boot", "words"),
    [
        ("throttled=0x0", [], [], ""),
        ("50005", ["under-voltage", "throttling"], ["under-voltage", "throttling"],
         "under-voltage and throttling now, under-voltage and throttling since boot: the figures are of a slowed "
         "processor; use the supply that Raspberry Pi names for this board, cool it, and measure again"),
        ("throttled=0x10000", [], ["under-voltage"], "under-voltage since boot: the figures are"),
    ],
)  # fmt: skip
def test_a_weak_supply_is_told(firmware, monkeypatch, tmp_path, said, now, since_boot, words) -> None:  # type: ignore[no-untyped-def]
    device = firmware("device")
    (tmp_path / "get_throttled").write_text(said + "\n")
    monkeypatch.setattr(device, "THROTTLED", str(tmp_path / "get_throttled"))
    flags = device.throttled()
    assert flags == {"now": now, "since_boot": since_boot} and device.slowed(flags).startswith(words)
    assert bool(device.slowed(flags)) == bool(words) and device.slowed(None) == ""


def test_without_the_kernels_file_vcgencmd_is_asked(firmware, monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    device = firmware("device")
    monkeypatch.setattr(device, "THROTTLED", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert device.throttled() is None
    program = tmp_path / "vcgencmd"
    program.write_text('#!/bin/sh\n[ "$1" = get_throttled ] && echo throttled=0x20002\n')
    program.chmod(0o755)
    assert device.throttled() == {"now": ["a capped frequency"], "since_boot": ["a capped frequency"]}
