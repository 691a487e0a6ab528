"""The real sketch behind a pseudo-terminal: it is recorded from, and recordings go through its own ring."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from arduino_projects import MODEL
from hearing_sketch import HEARD, LISTENING, heard_project
from motion_sketch import AXES, SAMPLES, STRIDE, WINDOWS, motion_facts
from numpy.typing import NDArray
from scipy.io import wavfile
from sketch_on_pty import emulated_program, heard_sensor, moved_sensor, on_emulated_pty, on_pty, sketch_program
from sounds import chirp, noise

from edgeforge.builder.stage import Job
from edgeforge.data.splits import prepare, read_preprocessing, read_split
from edgeforge.errors import ParityError, RecipeError, StageFailed
from edgeforge.recipe.init import write_recipe
from edgeforge.recipe.load import load_recipe
from edgeforge.recipe.user_files import USER_DATA
from edgeforge.report.sentences.board_runs import run_lines
from edgeforge.results.preprocessing import with_preprocessing
from edgeforge.results.rows.board_run import BoardRun
from edgeforge.targets.arduino.emulator import EMULATED
from edgeforge.targets.arduino.monitor.run import monitor, require_parity
from edgeforge.targets.arduino.monitor.subject import of_file
from edgeforge.targets.arduino.project import write_project
from edgeforge.targets.arduino.samples.record import record, require_one_wish
from edgeforge.targets.arduino.samples.replay import replayed
from edgeforge.targets.arduino.serial_link import Link
from edgeforge.tflite.associated_files import pure_flatbuffer


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A program of a sketch of windows whose sensor moves, and its model as `pack` writes it."""
    folder = tmp_path_factory.mktemp("motion")
    facts = motion_facts(folder)
    write_project(folder / "motion", facts)
    moved_sensor(folder / "motion")
    packed = folder / "packed.tflite"
    packed.write_bytes(with_preprocessing(facts.flatbuffer, WINDOWS))
    return sketch_program(folder / "motion", folder), packed


@pytest.fixture(scope="module")
def hearing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same of a sketch that hears, its microphone switched on."""
    folder = tmp_path_factory.mktemp("hearing")
    project = heard_project(folder)
    packed = folder / "packed.tflite"
    packed.write_bytes(with_preprocessing(MODEL.read_bytes(), HEARD))
    return sketch_program(project, folder, *heard_sensor(folder)), packed


def test_what_the_board_feels_is_recorded_and_learned_of(motion: tuple[Path, Path], tmp_path: Path) -> None:
    program, _ = motion
    for label in ("walking", "running"):
        for _ in range(4):
            with on_pty(program) as port, Link(port) as link:
                recorded, files = record(link, tmp_path / "data", label, 1.0)
            assert recorded.lost == 0 and len(files) == 1 and "samples in 1." in recorded.sentence
    names = sorted(str(path.relative_to(tmp_path / "data")) for path in (tmp_path / "data").rglob("*"))
    assert len(names) == 10 and "walking/board-004.csv" in names
    with (tmp_path / "data" / "walking" / "board-001.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["time", *AXES] and [row[0] for row in rows[1:4]] == ["0.000000", "0.005000", "0.010000"]
    values = np.array([row[1:] for row in rows[1:]], np.float32)
    assert (np.diff(values[:, 0]) == 1).all() and (values[:, 1] == values[:, 0] / 2).all()  # in turn, none missing
    # The files are what `init` and `source: windows` take as they are.
    write_recipe(tmp_path / "my.yaml", template=None, model=None, data=tmp_path / "data")
    recipe = load_recipe(tmp_path / "my.yaml").recipe
    assert (recipe.data.source, recipe.data.rate_hz, recipe.data.axes) == ("windows", 200.0, AXES)
    out = tmp_path / "out"
    out.mkdir()
    prepare(Job("data", recipe, {}, out, out, lambda share, text: None, files={USER_DATA: tmp_path / "data"}))
    assert read_preprocessing(out).classes == ("running", "walking") and len(read_split(out, "train")[0])


def test_recordings_go_through_the_boards_ring(motion: tuple[Path, Path], tmp_path: Path) -> None:
    program, packed = motion
    values = np.random.default_rng(3).standard_normal((SAMPLES + 7 * STRIDE + 2, 3)).astype(np.float32)
    for name, rows in (("a.csv", values), ("b.csv", values[::-1]), ("short.csv", values[:5])):
        lines = [",".join(("time", *AXES)), *(",".join(map(repr, [0, *map(float, row)])) for row in rows)]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    with on_pty(program) as port, Link(port) as link:
        subject, asking = replayed(of_file(packed), tmp_path, link)
        run = monitor(subject, link, asking=asking)
        assert (run.images, run.identical, run.beyond) == (16, 16, 0)
        require_parity(run)
        assert link.self_test().passed  # the sketch goes on
        with pytest.raises(RecipeError, match="no recording there is as long as an input"):
            replayed(of_file(packed), tmp_path / "short.csv", link)


def test_a_board_of_another_stride_is_told(motion: tuple[Path, Path], tmp_path: Path) -> None:
    program, _ = motion
    other = replace(WINDOWS, sampling=replace(WINDOWS.sampling, stride=STRIDE + 1))  # type: ignore[type-var]
    packed = tmp_path / "other.tflite"
    packed.write_bytes(with_preprocessing(pure_flatbuffer(motion[1].read_bytes()), other))
    values = np.random.default_rng(3).standard_normal((60, 3))
    lines = [",".join(AXES), *(",".join(map(str, row)) for row in values.tolist())]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    with on_pty(program) as port, Link(port) as link:
        subject, asking = replayed(of_file(packed), tmp_path / "a.csv", link)
        with pytest.raises(StageFailed, match="its stride is another"):
            monitor(subject, link, asking=asking)


def test_sound_is_recorded_and_replayed(hearing: tuple[Path, Path], tmp_path: Path) -> None:
    program, packed = hearing
    with on_pty(program) as port, Link(port) as link:
        recorded, files = record(link, tmp_path / "data", "yes", 0.5)
    assert [path.name for path in files] == ["board-001.wav"] and recorded.lost == 0
    rate, samples = wavfile.read(files[0])
    assert rate == 16_000 and samples.dtype == np.int16 and len(samples) >= 8000
    assert (np.diff(samples.astype(np.int32)) % 65_536 == 1).all()  # the stand-in's microphone counts
    wavfile.write(tmp_path / "words.wav", 16_000, chirp(20_000))
    with on_pty(program) as port, Link(port) as link:
        subject, asking = replayed(of_file(packed), tmp_path / "words.wav", link)
        run = monitor(subject, link, asking=asking)
        assert run.images == run.identical == 11


RECORDING = np.concatenate([chirp(30_000), noise(900, 30_000), chirp(30_000, 2000.0)])


def heard_of(port: str, packed: Path, path: Path, samples: NDArray[np.int16] = RECORDING, **other: object) -> BoardRun:
    """Replay a recording of sound through a board; return what came of it."""
    wavfile.write(path, 16_000, samples)
    with Link(port, timeout=60) as link:
        known = replace(of_file(packed), listening=LISTENING.model_copy(update=other))
        subject, asking = replayed(known, path, link)
        return monitor(subject, link, asking=asking)


def test_the_board_detects_what_the_desk_detects(hearing: tuple[Path, Path], tmp_path: Path) -> None:
    program, packed = hearing
    with on_pty(program) as port:
        run = heard_of(port, packed, tmp_path / "long.wav")
        require_parity(run)
        assert run.images == run.identical > 50 and run.detections
        assert run.detections.desk == run.detections.board > 3 and not run.detections.differing
        assert ("detected", run.detections.sentence) in run_lines(run)
        # A sketch whose thresholds are not the desk's.
        other = heard_of(port, packed, tmp_path / "long.wav", thresholds=dict.fromkeys(HEARD.classes, 254))
        assert other.identical == other.images and not other.passed
        with pytest.raises(ParityError, match=r"detects otherwise than the desk: long\.wav at .* s: desk nothing"):
            require_parity(other)


@pytest.mark.skipif(bool(EMULATED.missing()), reason=f"needs an emulated Cortex-M4: {EMULATED.missing()}")
def test_so_does_an_emulated_cortex_m4_over_its_own_serial_port(tmp_path: Path) -> None:
    project = heard_project(tmp_path)
    packed = tmp_path / "packed.tflite"
    packed.write_bytes(with_preprocessing(MODEL.read_bytes(), HEARD))
    with on_emulated_pty(emulated_program(project, tmp_path)) as port:
        run = heard_of(port, packed, tmp_path / "word.wav", RECORDING[:10_000])
    require_parity(run)
    assert run.images == run.identical == 5
    assert run.detections and run.detections.desk == run.detections.board > 0 and not run.detections.differing


@pytest.mark.skipif(bool(EMULATED.missing()), reason=f"needs an emulated Cortex-M4: {EMULATED.missing()}")
def test_windows_go_through_an_emulated_cortex_m4(tmp_path: Path) -> None:
    facts = motion_facts(tmp_path)
    write_project(tmp_path / "motion", facts)
    packed = tmp_path / "packed.tflite"
    packed.write_bytes(with_preprocessing(facts.flatbuffer, WINDOWS))
    values = np.random.default_rng(3).standard_normal((SAMPLES + 7 * STRIDE, 3)).astype(np.float32)
    lines = [",".join(AXES), *(",".join(map(repr, map(float, row))) for row in values)]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    with on_emulated_pty(emulated_program(tmp_path / "motion", tmp_path)) as port, Link(port, timeout=60) as link:
        subject, asking = replayed(of_file(packed), tmp_path / "a.csv", link)
        run = monitor(subject, link, asking=asking)
    assert (run.images, run.identical, run.detections) == (8, 8, None)


def test_a_board_without_a_sensor_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeforge.targets.arduino.samples import record as recording

    monkeypatch.setattr(recording, "PATIENCE", 0.5)
    facts = motion_facts(tmp_path)
    write_project(tmp_path / "motion", facts)
    program = sketch_program(tmp_path / "motion", tmp_path)
    with (
        on_pty(program) as port,
        Link(port) as link,
        pytest.raises(StageFailed, match="the board gives no samples") as caught,
    ):
        record(link, tmp_path / "data", "walking", 1.0)
    assert "readSample()" in caught.value.fix and not (tmp_path / "data" / "walking").exists()
    with on_pty(program) as port, Link(port) as link, pytest.raises(RecipeError, match="names no class"):
        record(link, tmp_path / "data", "../x", 1.0)
    for wish in ((True, None, None, None, None), (False, "a", None, None, None), (True, "a", tmp_path, tmp_path, None)):
        with pytest.raises(RecipeError):
            require_one_wish(*wish)
