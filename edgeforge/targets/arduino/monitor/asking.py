"""Inputs sent to a board, one after the other, and its answers beside those that the desk may give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeforge.errors import StageFailed
from edgeforge.results.rows.board_run import BoardDetections
from edgeforge.runtimes.desk_answers import DeskAnswers
from edgeforge.targets.arduino.serial_link import ATTEMPTS, STAGE, Link
from edgeforge.tflite.tensors import channels_last

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALIGNED = 8  # bytes: settings.h has the same for the fields of RawType and InputType
Progress = Callable[[float, str], None]


@dataclass
class Asked:
    """The answers to each input; of the desk's possible ones that which the board gave, or the first.

    heard: of a sketch that hears, the class that it detects after each, or -1.
    """

    desk: list[Any] = field(default_factory=list)
    board: list[Any] = field(default_factory=list)
    micros: list[int] = field(default_factory=list)
    heard: list[int] = field(default_factory=list)
    detections: BoardDetections | None = None

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


def ask(raw: NDArray[Any], link: Link, desk: DeskAnswers, as_raw: bool, progress: Progress) -> Asked:
    """Ask the board."""
    asked = Asked()
    for done, (tensor, known) in enumerate(zip(desk.tensors, desk.known, strict=True)):
        try:
            took, said = link.classify(sent_bytes(raw[done : done + 1], tensor, as_raw), raw=as_raw)
        except StageFailed as error:
            after = f"{error.reason}, after {done} of {len(raw)} inputs"
            raise StageFailed(after, fix=error.fix, stage=error.stage) from error
        require_whole(said, known, link)
        asked.add(said, known, took)
        progress((done + 1) / len(raw), _so_far(done + 1, len(raw), asked.desk, asked.board, asked.micros))
    return asked


def ask_in_a_row(raw: NDArray[Any], link: Link, desk: DeskAnswers, as_raw: bool, progress: Progress) -> Asked:
    """Ask for inputs that follow each other; from the first on again where the line has damaged one of them, which the
    board may have run twice.
    """
    for _ in range(ATTEMPTS):
        link.keep_state(True)
        before = link.retries
        asked = ask(raw, link, desk, as_raw, progress)
        whole = link.retries == before
        link.keep_state(False)
        if whole:
            return asked
    raise StageFailed(
        f"{link.port}: the line damages too much for inputs that follow each other, {ATTEMPTS} times",
        fix="try another cable or USB port, or fewer --images",
        stage=STAGE,
    )


def sent_bytes(raw: NDArray[Any], tensor: NDArray[Any], as_raw: bool) -> bytes:
    """Return the bytes of one input: H,W,C, little-endian. Of several each begins at a multiple of eight bytes."""
    import numpy as np

    values = channels_last(raw[0]) if as_raw else tensor[0]
    parts = [values[name] for name in values.dtype.names] if values.dtype.names else [values]
    sent = [np.ascontiguousarray(part).astype(part.dtype.newbyteorder("<")).tobytes() for part in parts]
    return sent[0] if len(sent) == 1 else b"".join(part + bytes(-len(part) % ALIGNED) for part in sent)


def _so_far(done: int, images: int, desk: list[Any], board: list[Any], micros: list[int]) -> str:
    same = sum((a == b).all() for a, b in zip(desk, board, strict=True))
    return f"{done} of {images}: {same} identical, {micros[-1] / 1000:.1f} ms on the board"
