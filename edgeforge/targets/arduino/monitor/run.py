"""`edgeforge monitor`: test inputs over a serial port, and every answer of the board against TFLM on the desk."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.errors import ParityError, RecipeError
from edgeforge.files import write_whole
from edgeforge.hardware.board import Board
from edgeforge.results.board_files import file_name
from edgeforge.results.rows.board_run import BoardMismatch, BoardRun
from edgeforge.results.rows.time import TimeRow
from edgeforge.runtimes.desk_answers import answer, library_titled
from edgeforge.targets.arduino.monitor.asking import Asking, Progress, ask, ask_in_a_row
from edgeforge.targets.arduino.monitor.figures import head_figures, say_answer, steps_between
from edgeforge.targets.arduino.monitor.subject import Subject, require_same_model
from edgeforge.targets.arduino.own.endings import with_endings
from edgeforge.targets.arduino.serial_link import Link
from edgeforge.targets.fit.time import estimate
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.tensors import from_output, from_outputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

IMAGES = 100
SHOWN = 20  # mismatches that are kept


def monitor(
    subject: Subject,
    link: Link,
    *,
    images: int = IMAGES,
    raw: bool = False,
    in_a_row: bool = False,
    board: Board | None = None,
    asking: Asking | None = None,
    progress: Progress = lambda share, text: None,
) -> BoardRun:
    """Send inputs, evenly spaced over those there are, and return what the board made of them.

    board: which it is, where that is known: its estimated time stands beside the measured one.
    in_a_row: the first ones, as they are, to a model that keeps a state from one to the next; else each is alone.
    asking: how the board comes by all inputs, where it is not asked for one after the other.
    Raises RecipeError when the board runs another model, StageFailed when it falls silent or is gone.
    """
    import numpy as np

    require_same_model(subject, link)
    if in_a_row and not Graph(subject.flatbuffer).stateful:
        raise RecipeError("the model keeps nothing from one input to the next", fix="leave --in-a-row out")
    count = len(subject.raw) if asking else min(images, len(subject.raw))
    index = np.linspace(0, (count if in_a_row else len(subject.raw)) - 1, count).round().astype(np.int64)
    chosen, library = subject.raw[index], link.hello.library
    desk = answer(subject.flatbuffer, subject.path, subject.preprocessing, chosen, library, in_a_row, progress=progress)
    progress(0.0, "the board's own self-test")
    test = link.self_test()
    begun = time.perf_counter()
    if asking:
        asked = asking(chosen, link, desk, progress)
    else:
        asked = (ask_in_a_row if in_a_row else ask)(chosen, link, desk, raw, progress)
    micros = asked.micros
    seconds = time.perf_counter() - begun
    expected, answers, milliseconds = np.stack(asked.desk), np.stack(asked.board), np.asarray(micros) / 1000
    steps = steps_between(expected, answers)
    tolerance = tolerance_of(link.hello.library, operators(subject.flatbuffer))
    worst = sorted(np.flatnonzero(steps), key=lambda place: (-steps[place], place))[:SHOWN]
    real = [from_outputs(values, desk.outputs) for values in (expected, answers)]
    given: NDArray[np.float32] = np.zeros(
        (len(desk.tensors), 0), np.float32
    )  # only a reconstruction needs it, which has one input
    if len(desk.inputs) == 1:
        given = from_output(np.stack([tensor.reshape(-1) for tensor in desk.tensors]), desk.inputs[0])
    said = with_endings(subject.preprocessing, Graph(subject.flatbuffer))
    labels = None if subject.labels is None else subject.labels[index]
    tested = f"{'PASS' if test.passed else 'FAIL'}: {test.images} vectors, largest difference {test.largest_step} step"
    tested += f"{'s' * (test.largest_step != 1)}, {test.wrong_inputs} input values differ"
    if not test.images:  # flash was short when it was packed
        tested = "none: the sketch carries no test vector"
    return BoardRun(
        name=link.hello.name,
        port=link.port,
        library=link.hello.library,
        model_crc32=f"{link.hello.model_crc32:08x}",
        raw=raw,
        images=len(index),
        of=len(subject.raw),
        identical=int((steps == 0).sum()),
        max_steps=int(steps.max()),
        tolerance_steps=tolerance,
        beyond=int((steps > tolerance).sum()),
        mismatches=[
            BoardMismatch(
                index=int(index[place]),
                steps=int(steps[place]),
                desk=say_answer(said, real[0][place], given[place]),
                board=say_answer(said, real[1][place], given[place]),
            )
            for place in worst
        ],
        heads=head_figures(said, real[1], real[0], given, labels),
        detections=asked.detections,
        p50_ms=float(np.percentile(milliseconds, 50)),
        p99_ms=float(np.percentile(milliseconds, 99)),
        board=board.title if board else "",
        estimate=_estimate(subject, link.hello.library, board) if board else None,
        seconds=seconds,
        retries=link.retries,
        arena_used_bytes=link.hello.arena_used,
        arena_bytes=link.hello.arena_size,
        self_test=tested,
    )


def _estimate(subject: Subject, library: str, board: Board) -> TimeRow:
    found = library_titled(library)
    if found is None:
        return TimeRow(reason=f"nothing is known of the library {library}")
    return estimate(Graph(subject.flatbuffer), board, found.kernels_on(board))


def require_parity(run: BoardRun) -> None:
    """Raise ParityError when answers differ from the desk's by more than the board's library may, or detections do."""
    if run.beyond:
        first = run.mismatches[0]
        raise ParityError(
            f"{run.beyond} of {run.images} answers differ from the desk's by more than the {run.tolerance_steps} "
            f"step(s) that {run.library} may; the largest, of input {first.index}, by {first.steps} "
            f"(desk: {first.desk}; board: {first.board})",
            fix="is the library installed that sketch.yaml names? Do not use this board's answers",
        )
    if run.detections and run.detections.differing:
        raise ParityError(
            f"the board detects otherwise than the desk: {run.detections.differing[0]}",
            fix="its hearing.h has other smoothing or thresholds: flash the sketch as written, or name its build",
        )


def tolerance_of(text: str, operators: Iterable[str]) -> int:
    """Return the steps that a library, as the board names it, may differ by from the desk; 0 for one not known."""
    used = library_titled(text)
    return used.tolerance(operators) if used else 0


def write_run(run: BoardRun, model: Path | None) -> Path:
    """Write a run's figures beside the model that the board runs; return the file."""
    assert model is not None
    path = model.with_name(f"{model.stem}-{file_name(run)}.json")
    write_whole(path, run.model_dump_json(indent=1) + "\n")
    return path
