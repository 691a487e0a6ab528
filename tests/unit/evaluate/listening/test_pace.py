"""Does a board keep up with its sensor? Told on the desk, before anything is flashed."""

from dataclasses import replace

import pytest
from hearing_sketch import HEARD, LISTENING
from motion_sketch import WINDOWS

from edgeforge.report.stage import pace_findings
from edgeforge.results.pace import pace_of
from edgeforge.results.rows.engine import EngineBoard, EngineRow


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (4.9, ""),
        (None, ""),
        (11.0, "an inference takes about 11 ms, and a sample is due every 5: where no thread"),
        (11.0, "about 2 of each 5 are lost"),
        (26.0, "an input is due every 25: samples are lost"),
    ],
)
def test_an_inference_longer_than_a_sample_or_a_stride_is_told(milliseconds: float | None, said: str) -> None:
    pace = pace_of(WINDOWS)  # 200 samples a second, a window every 5
    assert pace and said in pace.told(milliseconds) and bool(said) == bool(pace.told(milliseconds))


def test_sound_waits_in_its_ring() -> None:
    pace = pace_of(HEARD, LISTENING)
    assert pace and pace.told(99) == "" and "an input is due every 100" in pace.told(101)
    assert pace_of(replace(HEARD, sound=None)) is None


def test_the_report_warns_of_each_board() -> None:
    board = EngineBoard(
        board="b", title="Board B", fits=True, flash_limit_bytes=1, ram_limit_bytes=1, milliseconds=30.0
    )
    (found,) = pace_findings([], EngineRow(source="tflite-int8", boards=[board]), pace_of(WINDOWS))
    assert found.severity == "warning" and found.what.startswith("Board B: an inference takes about 30 ms")
    assert pace_findings([], None, None) == []
