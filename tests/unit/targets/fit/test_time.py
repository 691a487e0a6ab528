"""Milliseconds before flashing: instructions against what QEMU counted, milliseconds against what others published."""

import re
from pathlib import Path

import int8_models
import pytest
from int8_models import Net
from mlperf_tiny import MACS, NETWORKS
from places import ROOT

from edgeforge.hardware.board import Board
from edgeforge.hardware.boards import board, boards
from edgeforge.hardware.timing.tables import Published, cycles_of, published
from edgeforge.results.rows.time import TimeRow, figure
from edgeforge.targets.fit.judge import fit_file
from edgeforge.targets.fit.time import estimate, from_instructions
from edgeforge.tflite.figures.costs import macs
from edgeforge.tflite.graph import Graph

NANO = board("arduino-nano-33-ble")
# Counted whole, on an emulated Cortex-M4 with the pinned library, -Os: scripts/measure_tflm_instructions.py.
COUNTED = {
    "mnist_cnn": 36_431_000,
    "mobilenet_v2": 60_508_880,
    "person_detection": 29_826_840,
    "residual": 19_576_040,
    "wide": 5_791_800,
    "decoder": 20_742_160,
    "deep": 515_680,
}


@pytest.mark.parametrize("name", COUNTED)
def test_the_fit_gives_the_instructions_that_were_counted(name: str) -> None:
    row = estimate(Graph(int8_models.MODELS[name]()), NANO, "cmsis-nn")
    assert row.instructions == pytest.approx(COUNTED[name], rel=0.06) and not row.unknown


@pytest.mark.parametrize("name", NETWORKS)
def test_the_networks_have_the_shapes_of_mlperf_tiny(name: str) -> None:
    assert macs(NETWORKS[name]()) == MACS[name]


def said(one: Published, network: str) -> TimeRow:
    """Return the estimate for a published board, its program compiled for speed as those were."""
    like = NANO.model_copy(update={"core": one.core, "clock_mhz": one.clock_mhz})
    return estimate(Graph(NETWORKS[network]()), like, "cmsis-nn", "-O2")


CASES = [(one, network) for one in published() for network in one.throughput]


@pytest.mark.parametrize(("one", "network"), CASES, ids=[f"{one.title} {one.runtime} {name}" for one, name in CASES])
def test_what_others_measured_lies_within_the_bounds(one: Published, network: str) -> None:
    row = said(one, network)
    assert row.low and row.high and row.low <= one.milliseconds(network) <= row.high


def test_the_page_shows_every_published_figure_and_its_error() -> None:
    page = (ROOT / "docs" / "milliseconds.md").read_text()
    for one, network in CASES:
        row, measured = said(one, network), one.milliseconds(network)
        assert row.milliseconds
        error = round(100 * (row.milliseconds / measured - 1))
        line = f"| {one.title}, {one.runtime} | {network} | {measured:.1f} | {row.milliseconds:.1f} | {error:+d} % |"
        assert line.replace("-", "\N{MINUS SIGN}") in page.replace("-", "\N{MINUS SIGN}"), line


def test_the_bounds_that_a_basis_names_are_those_of_the_figures() -> None:
    for core in ("cortex-m4", "cortex-m33"):
        errors = [
            100 * ((said(one, network).milliseconds or 0) / one.milliseconds(network) - 1)
            for one, network in CASES
            if one.core == core
        ]
        cycles = cycles_of(core)
        assert cycles
        low, high = map(int, re.findall(r"(\d+) % too", cycles.basis))
        assert min(errors) == pytest.approx(-low, abs=1.5) and max(errors) == pytest.approx(high, abs=1.5)


def test_every_board_has_an_estimate_and_none_is_called_measured(tmp_path: Path) -> None:
    graph = Graph(int8_models.keywords())
    for key, one in boards().items():
        row = estimate(graph, one, "cmsis-nn")
        assert row.milliseconds and row.low and row.high and row.low < row.milliseconds < row.high, key
        assert "an estimate, not measured" in row.sentence and f"about {figure(row.milliseconds)} ms" in row.sentence
        assert sum(part or 0 for part in row.layers) == pytest.approx(row.milliseconds)
    (tmp_path / "model.tflite").write_bytes(int8_models.keywords())
    rows = {row.board: row.time for row in fit_file(tmp_path / "model.tflite", "all")}
    slow, fast = rows["arduino-uno-r4-minima"], rows["teensy-41"]
    assert slow and fast and (slow.milliseconds or 0) > 5 * (fast.milliseconds or 0)


def test_what_was_not_counted_is_said_and_never_guessed() -> None:
    net = Net(8, 8, 2)
    row = estimate(Graph(net.build(net.unary("ABS", net.conv(net.input, 4)))), NANO, "cmsis-nn")
    assert (
        row.unknown == ["ABS"] and row.layers[1] is None and row.short.startswith(">") and "without ABS" in row.sentence
    )
    wide = estimate(Graph(int8_models.int16x8()), NANO, "cmsis-nn")
    assert wide.milliseconds is None and "only int8 kernels were counted" in wide.reason and wide.short == "\N{EN DASH}"
    esp = estimate(Graph(int8_models.keywords()), board("esp32-s3"), "esp-nn")
    assert esp.milliseconds is None and "no instructions of esp-nn kernels" in esp.sentence
    helium = Board.model_validate(dict(NANO) | {"core": "cortex-m85"})
    assert "nothing is known" in estimate(Graph(int8_models.keywords()), helium, "cmsis-nn").reason
    assert "nothing is known" in from_instructions(1000, helium).reason


def test_the_engines_instructions_become_milliseconds_the_same_way() -> None:
    row = from_instructions(6_400_000, NANO)
    cycles = cycles_of("cortex-m4f")
    assert cycles and row.milliseconds == pytest.approx(100 * cycles.cycles)
