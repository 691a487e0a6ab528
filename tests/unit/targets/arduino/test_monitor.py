"""`edgeforge monitor` against a board on a pseudo-terminal, which runs the sketch's own protocol.cc."""

import os
import select
import shutil
import struct
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from places import DATA, HELPERS
from several_ends import picture_and_sensor, raw_values, saved
from streaming import streaming

from edgeforge.bundled import bundled
from edgeforge.errors import ParityError, RecipeError, StageFailed
from edgeforge.hardware.boards import boards
from edgeforge.report.sentences.board_runs import run_lines
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.monitor.asking import sent_bytes
from edgeforge.targets.arduino.monitor.run import monitor, require_parity, tolerance_of
from edgeforge.targets.arduino.monitor.subject import Subject
from edgeforge.targets.arduino.own.meaning import preprocessing_of
from edgeforge.targets.arduino.own.samples import read_samples
from edgeforge.targets.arduino.own.wishes import wishes_of
from edgeforge.targets.arduino.own_tflite import load_own
from edgeforge.targets.arduino.serial_link import Link
from edgeforge.targets.arduino.serial_protocol import MAGIC, Message, encode
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.tensors import of_one_type, to_input, to_inputs

MODEL = DATA / "digits_int8.tflite"
PREPROCESSING = Preprocessing((1, 8, 8), 16.0, (0.3053,), (0.3760,), tuple("0123456789"))
IMAGES = 24
Board = Callable[..., str]

pytestmark = pytest.mark.skipif(not shutil.which("g++"), reason="g++ compiles the board's protocol")


@pytest.fixture(scope="module")
def subject() -> Subject:
    from sklearn.datasets import load_digits

    digits = load_digits()
    raw = digits.images[:IMAGES, None].astype(np.uint8)
    return Subject(MODEL, pure_flatbuffer(MODEL.read_bytes()), PREPROCESSING, raw, digits.target[:IMAGES])


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The board's program, compiled for this desk."""
    made = tmp_path_factory.mktemp("board") / "board"
    firmware = bundled("firmware") / "arduino"
    sources = [str(HELPERS / "board_on_pty.cc"), str(firmware / "protocol.cc")]
    warnings = ["-std=c++17", "-Wall", "-Wextra", "-Werror"]
    done = subprocess.run(
        ["g++", *warnings, f"-I{firmware}", *sources, "-o", str(made)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def table(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TFLM's own outputs for the test's images, in the file that the program answers from."""
    runner = TFLMRunner(MODEL)
    tensors = to_input(PREPROCESSING.apply(subject.raw), runner.input)
    outputs = runner.run_raw(tensors)
    crc = zlib.crc32(subject.flatbuffer)
    head = struct.pack("<9I", 0, 0, 1, 64, 64, 10, crc, 1500, IMAGES)
    entries = zip(subject.raw.transpose(0, 2, 3, 1), tensors, outputs, strict=True)
    path = tmp_path_factory.mktemp("table") / "table.bin"
    path.write_bytes(head + b"".join(part.tobytes() for entry in entries for part in entry))
    return path


@pytest.fixture
def board(program: Path, table: Path) -> Iterator[Board]:
    """Start a board with faults, and return its port."""
    running: list[subprocess.Popen[str]] = []

    def start(*faults: str, answers: Path = table) -> str:
        process = subprocess.Popen([program, answers, *faults], stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        return process.stdout.readline().strip()

    yield start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("raw", [False, True])
def test_every_answer_is_the_desk_s(subject: Subject, board: Board, raw: bool) -> None:
    with Link(board("chatty=1")) as link:
        run = monitor(subject, link, raw=raw, board=boards()["arduino-nano-33-ble"])
        assert "PASS: 3 images" in link.said
    assert (run.images, run.identical, run.max_steps, run.beyond, run.retries) == (IMAGES, IMAGES, 0, 0, 0)
    assert run.heads[0].board == run.heads[0].desk > 0.9
    assert 1.51 <= run.p50_ms <= run.p99_ms <= 1.75  # as the board counted
    assert run.self_test.startswith("PASS: 3 vectors, largest difference 1 step,")
    assert (run.name, run.arena_used_bytes, run.tolerance_steps) == ("digits", 2692, 0)
    assert ("estimate", f"{run.board}: {run.estimate.sentence}") in run_lines(run)
    assert run.board == "Arduino Nano 33 BLE (Sense)" and run.estimate.milliseconds
    require_parity(run)


@pytest.mark.parametrize(
    "fault", ["corrupt_answer=5", "corrupt_question=300", "corrupt_question=225", "lose_question=400"]
)
def test_what_the_line_damages_is_asked_again(subject: Subject, board: Board, fault: str) -> None:
    with Link(board(fault), timeout=2.5) as link:
        run = monitor(subject, link)
    assert (run.identical, run.images) == (IMAGES, IMAGES)
    assert 1 <= run.retries <= 2


def test_a_late_answer_is_not_taken_for_the_next_one(subject: Subject, board: Board) -> None:
    with Link(board("late=3"), timeout=1.0) as link:
        run = monitor(subject, link)
    assert run.identical == IMAGES and run.retries >= 1


def test_one_wrong_answer_is_found(subject: Subject, board: Board) -> None:
    with Link(board("wrong=7")) as link:
        run = monitor(subject, link)
    assert (run.identical, run.beyond, run.max_steps) == (IMAGES - 1, 1, 3)
    assert [(entry.index, entry.steps) for entry in run.mismatches] == [(6, 3)]
    with pytest.raises(ParityError, match=r"1 of 24 answers differ .* of input 6, by 3"):
        require_parity(run)


def test_one_step_is_too_much_where_the_library_is_known_to_be_exact(subject: Subject, board: Board) -> None:
    with Link(board("wrong_one=7")) as link:
        run = monitor(subject, link)
    assert (run.identical, run.beyond, run.max_steps) == (IMAGES - 1, 1, 1)
    assert tolerance_of("Chirale_TensorFLowLite 2.0.0", ["CONV_2D", "PRELU"]) == 1
    assert tolerance_of("unknown 1.0", ["SOFTMAX"]) == 0


@pytest.fixture(scope="module")
def frames() -> Subject:
    """Frames for a model that keeps the last ones."""
    raw = np.random.default_rng(5).normal(0, 1, (12, 6, 1, 1)).astype(np.float32)
    kept = Preprocessing((6, 1, 1), 1.0, (0.0,) * 6, (1.0,) * 6, tuple("abcd"), raw_type="float32")
    return Subject(Path("frames.tflite"), streaming(), kept, raw, None)


@pytest.fixture(scope="module")
def in_a_row(frames: Subject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TFLM's answers to the frames, each after the ones before it."""
    folder = tmp_path_factory.mktemp("frames")
    (folder / "model.tflite").write_bytes(frames.flatbuffer)
    runner = TFLMRunner(folder / "model.tflite")
    tensors = to_input(frames.preprocessing.apply(frames.raw), runner.input)
    outputs = [runner.follow(tensor) for tensor in tensors]
    assert (np.concatenate(outputs) != runner.run_raw(tensors)).any(), "what came before says nothing"
    head = struct.pack("<9I", 0, 0, 3, 24, 6, 4, zlib.crc32(frames.flatbuffer), 1500, len(frames.raw))
    entries = zip(frames.raw.transpose(0, 2, 3, 1), tensors, outputs, strict=True)
    (folder / "table.bin").write_bytes(head + b"".join(part.tobytes() for entry in entries for part in entry))
    return folder / "table.bin"


@pytest.mark.parametrize("fault", ["chatty=1", "lose_question=150", "corrupt_question=130"])
def test_inputs_may_follow_each_other(frames: Subject, in_a_row: Path, board: Board, fault: str) -> None:
    with Link(board(fault, answers=in_a_row), timeout=2.5) as link:
        run = monitor(frames, link, images=8, in_a_row=True)
    assert (run.images, run.identical) == (8, 8)
    assert run.retries >= (fault != "chatty=1")


def test_a_model_without_a_state_takes_no_inputs_in_a_row(subject: Subject, board: Board) -> None:
    with Link(board()) as link, pytest.raises(RecipeError, match="keeps nothing from one input to the next"):
        monitor(subject, link, in_a_row=True)


def test_a_board_with_another_model_is_told(subject: Subject, board: Board) -> None:
    other = Subject(subject.path, subject.flatbuffer + b"\0", PREPROCESSING, subject.raw, subject.labels)
    with Link(board()) as link, pytest.raises(RecipeError, match="runs another model: 'digits' with CRC"):
        monitor(other, link)


def test_a_board_that_falls_silent(subject: Subject, board: Board) -> None:
    with (
        Link(board("silent_after=4"), timeout=0.3) as link,
        pytest.raises(StageFailed, match="has fallen silent, after 4 of 24 inputs"),
    ):
        monitor(subject, link)


def test_a_board_that_is_unplugged(subject: Subject, board: Board) -> None:
    with (
        Link(board("gone_after=4")) as link,
        pytest.raises(StageFailed, match="the board is gone, after 4 of 24 inputs"),
    ):
        monitor(subject, link)


def test_an_input_that_the_model_fails_on_quotes_the_board(subject: Subject, board: Board) -> None:
    unknown = Subject(subject.path, subject.flatbuffer, PREPROCESSING, subject.raw ^ 1, None)
    with Link(board()) as link, pytest.raises(StageFailed, match="Invoke failed"):
        monitor(unknown, link)


def test_a_busy_port_and_no_port(board: Board, tmp_path: Path) -> None:
    port = board()
    with Link(port), pytest.raises(StageFailed, match="another program has it open"):
        Link(port)
    with pytest.raises(RecipeError, match="there is no such serial port"):
        Link(str(tmp_path / "ttyACM9"))
    (tmp_path / "file").write_text("")
    with pytest.raises(StageFailed, match="cannot be opened"):
        Link(str(tmp_path / "file"))


@pytest.fixture
def scripted() -> Iterator[Callable[[Callable[[bytes], bytes]], str]]:
    """Start a terminal that answers each read with what a function makes of it, and return its port."""
    open_files: list[int] = []
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def start(answer: Callable[[bytes], bytes]) -> str:
        master, slave = os.openpty()
        open_files.extend((master, slave))

        def serve() -> None:
            while not stop.is_set():
                if select.select([master], [], [], 0.05)[0] and (reply := answer(os.read(master, 4096))):
                    os.write(master, reply)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return os.ttyname(slave)

    yield start
    stop.set()
    for thread in threads:
        thread.join()
    for descriptor in open_files:
        os.close(descriptor)


def test_another_protocol_version(scripted: Callable[[Callable[[bytes], bytes]], str]) -> None:
    newer = encode(Message.HELLO_ANSWER, b"\x02rest", version=2)
    with pytest.raises(StageFailed, match="speaks version 2 of the protocol, this EdgeForge version 1"):
        Link(scripted(lambda question: newer))


def test_a_sketch_without_the_protocol(scripted: Callable[[Callable[[bytes], bytes]], str]) -> None:
    with pytest.raises(StageFailed, match=r"nothing answers; it only writes text \(Hello\)"):
        Link(scripted(lambda question: b"Hello\r\n"), boot=0.1)
    with pytest.raises(StageFailed, match=r"nothing answers Fix: flash the sketch"):
        Link(scripted(lambda question: b""), boot=0.1)


def test_a_line_that_damages_every_answer(scripted: Callable[[Callable[[bytes], bytes]], str]) -> None:
    damaged = MAGIC + b"\x01\x81\x01\x00\x00\x00\x07" + b"\0\0\0\0"
    with pytest.raises(StageFailed, match=r"line is not reliable: .*wrong CRC"):
        Link(scripted(lambda question: damaged), boot=0.1)


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("real_value", [False, True], ids=["int8 outputs", "outputs of two types"])
def test_all_inputs_and_outputs_are_replayed(board: Board, tmp_path: Path, raw: bool, real_value: bool) -> None:
    path = saved(tmp_path, "both.tflite", picture_and_sensor(real_value=real_value))
    says = wishes_of(inputs=["picture=-1..1"], outputs=["size=value:mm"])
    preprocessing, _ = preprocessing_of(load_own(path), says)
    np.savez(tmp_path / "raw.npz", **raw_values(), y=np.tile([0.0, 1.5], (12, 1)))
    samples = read_samples(tmp_path / "raw.npz", preprocessing)
    runner = TFLMRunner(path)
    tensors = to_inputs(preprocessing.apply(samples.raw), runner.inputs)
    outputs = of_one_type(runner.run_raw(tensors), runner.outputs)
    crc = zlib.crc32(path.read_bytes())
    width = outputs[0].nbytes
    table = struct.pack("<9I", 5, 3 if real_value else 0, 5, 112, 88, width, crc, 1500, 12)
    for place in range(12):
        one = samples.raw[place : place + 1], tensors[place : place + 1]
        table += sent_bytes(*one, as_raw=True) + sent_bytes(*one, as_raw=False) + outputs[place].tobytes()
    (tmp_path / "table.bin").write_bytes(table)
    subject = Subject(path, path.read_bytes(), preprocessing, samples.raw, samples.labels)
    with Link(board(answers=tmp_path / "table.bin")) as link:
        run = monitor(subject, link, raw=raw)
    assert (run.images, run.identical, run.max_steps) == (12, 12, 0)
    assert [(head.name, head.unit) for head in run.heads] == [("kind", ""), ("size", "mm")]
    assert all(head.board == head.desk for head in run.heads)
    with Link(board("wrong=3", answers=tmp_path / "table.bin")) as link:
        run = monitor(subject, link, raw=raw)
    assert run.identical == 11 and run.mismatches[0].index == 2 and "mm" in run.mismatches[0].desk


def test_a_maps_figure_is_its_mean_iou_as_in_the_report() -> None:
    from edgeforge.evaluate.metrics import head_metrics, judged_by
    from edgeforge.results.head import Head
    from edgeforge.targets.arduino.monitor.figures import head_figures

    head = Head("map", ("ground", "leaf", "sky"), kind="map", shape=(4, 5, 3))
    said = Preprocessing((3, 4, 5), 255.0, (0.5,) * 3, (0.2,) * 3, head.classes, (head,))
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, (6, 4, 5))
    outputs = (random.standard_normal((6, 4, 5, 3)) + 2 * np.eye(3)[truth]).reshape(6, -1).astype(np.float32)
    (row,) = head_figures(said, outputs, -outputs, np.zeros((6, 60), np.float32), truth)
    places = truth.reshape(6, -1)
    board, desk = (head_metrics(judged_by(found, places, head), places, head).iou for found in (outputs, -outputs))
    assert row.kind == "map" and (row.board, row.desk) == (pytest.approx(board), pytest.approx(desk))
