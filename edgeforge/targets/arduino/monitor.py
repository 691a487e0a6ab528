"""`edgeforge monitor`: test inputs over a serial port, and every answer of the board against TFLM on the desk."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.apart.run import in_worker
from edgeforge.errors import ParityError, RecipeError, StageFailed
from edgeforge.files import write_whole
from edgeforge.hardware.board import Board
from edgeforge.inputs.regular import read_regular
from edgeforge.results.board_files import file_name
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing, read_preprocessing_of
from edgeforge.results.report_file import read_report
from edgeforge.results.rows.board_run import BoardHead, BoardMismatch, BoardRun
from edgeforge.results.rows.time import TimeRow
from edgeforge.runtimes.desk_answers import DeskAnswers, answer, library_titled
from edgeforge.targets.arduino.own.endings import with_endings
from edgeforge.targets.arduino.serial_link import ATTEMPTS, STAGE, Link
from edgeforge.targets.fit.time import estimate
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.check.read import read_file
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes
from edgeforge.tflite.tensors import channels_last, from_output, from_outputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

IMAGES = 100
SHOWN = 20  # mismatches that are kept
ALIGNED = 8  # bytes: settings.h has the same for the fields of RawType and InputType
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Subject:
    """What a board should be running, by which name, and the inputs: raw N,C,H,W (of several inputs records of such);
    labels N, or N,heads.
    """

    path: Path
    flatbuffer: bytes
    preprocessing: Preprocessing
    raw: NDArray[Any]
    labels: NDArray[Any] | None


def subject_of(
    build: Path | None,
    model: Path | None,
    samples: Path | None,
    shapes: Shapes = AS_THE_FILE_SAYS,
    replay: Path | None = None,
) -> Subject:
    """Return what the command line names: a build, or a model with samples (of a replay without).

    Raises RecipeError for anything else.
    """
    if build and not model and not samples:
        return of_build(build)
    if model and replay and not samples and not build:
        return of_file(model)
    if model and samples and not build:
        return of_model(model, samples, shapes)
    raise RecipeError(
        "name what the board should be running: a build, or a model and samples for it",
        fix="--build build/digits, or: --model packed/net.tflite --samples x.npz",
    )


def write_run(run: BoardRun, model: Path | None) -> Path:
    """Write a run's figures beside the model that the board runs; return the file."""
    assert model is not None
    path = model.with_name(f"{model.stem}-{file_name(run)}.json")
    write_whole(path, run.model_dump_json(indent=1) + "\n")
    return path


def of_build(folder: Path) -> Subject:
    """Return what a build ships, and its test images. Raises RecipeError when the build or its data is gone."""
    from edgeforge.data.splits import read_split
    from edgeforge.evaluate.verify import MADE_AGAIN, images_of

    report = read_report(folder)
    row = next((row for row in report.variants if row.name == report.shipped), None)
    if row is None or not row.file or not (folder / row.file).is_file():
        raise RecipeError(f"{folder}: it has no model for a board, {report.shipped}", fix=MADE_AGAIN)
    raw, labels = read_split(images_of(folder), "test")
    return _subject(folder / row.file, raw, labels)


@in_worker
def of_model(path: Path, samples: Path, shapes: Shapes = AS_THE_FILE_SAYS) -> Subject:
    """Return a model that `edgeforge pack` has written, and the samples given. Raises RecipeError."""
    from edgeforge.targets.arduino.own.meaning import of_these_inputs
    from edgeforge.targets.arduino.own.samples import read_samples
    from edgeforge.targets.arduino.own_tflite import load_own

    model = load_own(path, shapes)
    preprocessing = read_preprocessing_of(read_regular(path, "name a .tflite file"))
    if preprocessing is None or not of_these_inputs(preprocessing, model):
        raise RecipeError(
            f"{path} does not say how its inputs are made and what its outputs mean",
            fix=f"name the file that `edgeforge pack` wrote beside the sketch, such as packed/{path.name}",
        )
    found = read_samples(samples, preprocessing)
    return Subject(path, model.flatbuffer, preprocessing, found.raw, found.labels)


def of_file(path: Path) -> Subject:
    """Return a model that says itself how its inputs are made, without any. Raises RecipeError."""
    import numpy as np

    return _subject(path, np.zeros(0), None)


def _subject(path: Path, raw: NDArray[Any], labels: NDArray[Any] | None) -> Subject:
    data = read_file(path, alone=True)
    preprocessing = read_preprocessing_of(data)
    if preprocessing is None:
        raise RecipeError(f"{path} does not say how its inputs are normalised", fix="build the recipe again")
    return Subject(path, pure_flatbuffer(data), preprocessing, raw, labels)


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
        asked = (_asked_in_a_row if in_a_row else _asked)(chosen, link, desk, raw, progress)
    micros = asked.micros
    seconds = time.perf_counter() - begun
    expected, answers, milliseconds = np.stack(asked.desk), np.stack(asked.board), np.asarray(micros) / 1000
    steps = _steps(expected, answers)
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
                desk=_answer(said, real[0][place], given[place]),
                board=_answer(said, real[1][place], given[place]),
            )
            for place in worst
        ],
        heads=_heads(said, real[1], real[0], given, labels),
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


@dataclass
class Asked:
    """The answers to each input; of the desk's possible ones that which the board gave, or the first."""

    desk: list[Any] = field(default_factory=list)
    board: list[Any] = field(default_factory=list)
    micros: list[int] = field(default_factory=list)

    def add(self, said: bytes, known: list[Any], micros: int) -> None:
        """Take an answer of the board, and those that the desk may give."""
        import numpy as np

        self.board.append(np.frombuffer(said, known[0].dtype.newbyteorder("<")))
        self.desk.append(next((one for one in known if (one == self.board[-1]).all()), known[0]))
        self.micros.append(micros)


Asking = Callable[["NDArray[Any]", Link, DeskAnswers, Progress], Asked]


def require_whole(said: bytes, known: list[Any], link: Link) -> None:
    """Raise StageFailed for an answer that is no output tensor of the model."""
    if len(said) != known[0].nbytes:
        raise StageFailed(
            f"{link.port}: an answer has {len(said)} bytes, the output tensor has {known[0].nbytes}",
            fix="flash the sketch of this model",
            stage=STAGE,
        )


def _asked(raw: NDArray[Any], link: Link, desk: DeskAnswers, as_raw: bool, progress: Progress) -> Asked:
    """Ask the board."""
    asked = Asked()
    for done, (tensor, known) in enumerate(zip(desk.tensors, desk.known, strict=True)):
        try:
            took, said = link.classify(_sent(raw[done : done + 1], tensor, as_raw), raw=as_raw)
        except StageFailed as error:
            after = f"{error.reason}, after {done} of {len(raw)} inputs"
            raise StageFailed(after, fix=error.fix, stage=error.stage) from error
        require_whole(said, known, link)
        asked.add(said, known, took)
        progress((done + 1) / len(raw), _so_far(done + 1, len(raw), asked.desk, asked.board, asked.micros))
    return asked


def _asked_in_a_row(raw: NDArray[Any], link: Link, desk: DeskAnswers, as_raw: bool, progress: Progress) -> Asked:
    """Ask for inputs that follow each other; from the first on again where the line has damaged one of them, which the
    board may have run twice.
    """
    for _ in range(ATTEMPTS):
        link.keep_state(True)
        before = link.retries
        asked = _asked(raw, link, desk, as_raw, progress)
        whole = link.retries == before
        link.keep_state(False)
        if whole:
            return asked
    raise StageFailed(
        f"{link.port}: the line damages too much for inputs that follow each other, {ATTEMPTS} times",
        fix="try another cable or USB port, or fewer --images",
        stage=STAGE,
    )


def require_same_model(subject: Subject, link: Link) -> None:
    """Raise RecipeError unless the board's model is the one that its answers are compared with."""
    crc = zlib.crc32(subject.flatbuffer)
    if link.hello.model_crc32 != crc:
        raise RecipeError(
            f"{link.port}: the board runs another model: '{link.hello.name}' with CRC {link.hello.model_crc32:08x}; "
            f"the model here has {crc:08x}",
            fix="flash this model's sketch, or name the build or model that the board runs",
        )


def require_parity(run: BoardRun) -> None:
    """Raise ParityError when answers differ from the desk's by more than the board's library may."""
    if not run.passed:
        first = run.mismatches[0]
        raise ParityError(
            f"{run.beyond} of {run.images} answers differ from the desk's by more than the {run.tolerance_steps} "
            f"step(s) that {run.library} may; the largest, of input {first.index}, by {first.steps} "
            f"(desk: {first.desk}; board: {first.board})",
            fix="is the library installed that sketch.yaml names? Do not use this board's answers",
        )


def tolerance_of(text: str, operators: Iterable[str]) -> int:
    """Return the steps that a library, as the board names it, may differ by from the desk; 0 for one not known."""
    used = library_titled(text)
    return used.tolerance(operators) if used else 0


def _sent(raw: NDArray[Any], tensor: NDArray[Any], as_raw: bool) -> bytes:
    """Return the bytes of one input: H,W,C, little-endian. Of several each begins at a multiple of eight bytes."""
    import numpy as np

    values = channels_last(raw[0]) if as_raw else tensor[0]
    parts = [values[name] for name in values.dtype.names] if values.dtype.names else [values]
    sent = [np.ascontiguousarray(part).astype(part.dtype.newbyteorder("<")).tobytes() for part in parts]
    return sent[0] if len(sent) == 1 else b"".join(part + bytes(-len(part) % ALIGNED) for part in sent)


def _steps(expected: NDArray[Any], answers: NDArray[Any]) -> NDArray[Any]:
    """Return each input's largest difference in steps (N); of float outputs, in units in the last place."""
    import numpy as np

    if expected.dtype.kind == "f":
        whole = [values.astype(np.float32).view(np.int32).astype(np.int64) for values in (expected, answers)]
        ordered = [np.where(values < 0, -(values & 0x7FFFFFFF), values) for values in whole]
        return abs(ordered[0] - ordered[1]).max(1)
    return abs(expected.astype(np.int64) - answers.astype(np.int64)).max(1)


def _so_far(done: int, images: int, desk: list[Any], board: list[Any], micros: list[int]) -> str:
    same = sum((a == b).all() for a, b in zip(desk, board, strict=True))
    return f"{done} of {images}: {same} identical, {micros[-1] / 1000:.1f} ms on the board"


def _answer(preprocessing: Preprocessing, output: NDArray[np.float32], given: NDArray[np.float32]) -> str:
    """Say what the outputs mean, head by head."""
    parts = zip(preprocessing.heads, preprocessing.slices().values(), strict=True)
    return ", ".join(head.say(output[part], given) for head, part in parts)


def _heads(
    preprocessing: Preprocessing,
    board: NDArray[np.float32],
    desk: NDArray[np.float32],
    given: NDArray[np.float32],
    labels: NDArray[Any] | None,
) -> list[BoardHead]:
    """Return each head's figure on the board and on the desk; without labels that of reconstructions alone."""
    columns = None if labels is None else labels.reshape(len(labels), -1)
    rows = []
    for number, (head, part) in enumerate(zip(preprocessing.heads, preprocessing.slices().values(), strict=True)):
        truth = columns[:, number] if columns is not None and number < columns.shape[1] else None
        if head.kind == "map" and number == 0:
            truth = columns  # a class for each pixel
        found = [_figure(head, values[:, part], given, truth) for values in (board, desk)]
        if found[0] is not None and found[1] is not None:
            judged = truth is not None and head.threshold is not None and head.kind == "reconstruction"
            kind = "classes" if judged else head.kind
            rows.append(BoardHead(name=head.name, kind=kind, unit=head.unit, board=found[0], desk=found[1]))
    return rows


def _figure(
    head: Head, outputs: NDArray[np.float32], given: NDArray[np.float32], truth: NDArray[Any] | None
) -> float | None:
    """Return the share of right classes, the mean error of a value or of reconstructions, a map's mean IoU; or None."""
    if head.kind == "reconstruction":
        errors = head.errors(outputs, given)
        if truth is None or head.threshold is None:
            return float(errors.mean())
        return float(((errors >= head.threshold) == (truth > 0)).mean())
    if truth is None or (head.kind == "value" and head.size > 1):
        return None
    if head.kind == "map":
        return _mean_iou(head, outputs, truth)
    if head.kind == "value":
        return float(abs(head.value(outputs[:, 0]) - truth).mean())
    return float((head.decide(outputs) == truth).mean())


def _mean_iou(head: Head, outputs: NDArray[np.float32], truth: NDArray[Any]) -> float | None:
    """Return the mean intersection over union of maps (N,H*W*K); truth: N,H*W, a class for each pixel."""
    import numpy as np

    from edgeforge.evaluate.maps.overlap import mean_iou

    found, classes = head.decide(outputs), len(head.classes)
    if truth.shape != found.shape:
        return None
    judged = (truth >= 0) & (truth < classes)
    pairs = truth[judged].astype(np.int64) * classes + found[judged]
    counts = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
    return float(mean_iou(counts)) if judged.any() else None
