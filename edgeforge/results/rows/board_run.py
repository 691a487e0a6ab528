"""The report's data about runs on real boards, as `edgeforge monitor` measures them."""

from __future__ import annotations

from edgeforge.results.rows.row import Row
from edgeforge.results.rows.time import TimeRow


class BoardMismatch(Row):
    """An input that the board answered otherwise than TFLM on the desk."""

    index: int
    steps: int  # largest difference of an output, in quantization steps
    desk: str  # what each says of it: class, or value
    board: str


class BoardHead(Row):
    """One head's figures over all inputs sent, on board and desk.

    The share of right classes; of kind `value` the mean absolute error in `unit`, of kind `reconstruction` the mean of
    the inputs' errors, of kind `map` the mean intersection over union.
    """

    name: str
    kind: str = ""  # of a head; not said by runs of an earlier version: a value where there is a unit, else classes
    unit: str = ""
    board: float
    desk: float


class BoardDetections(Row):
    """What was detected in recordings of sound that went through the board: smoothed answers, against thresholds."""

    desk: int
    board: int
    differing: list[str] = []  # where and what each detects

    @property
    def sentence(self) -> str:
        """How many, and whether they are the same."""
        same = f"{self.board} on the board, {self.desk} on the desk"
        return f"{same}, at the same times" if not self.differing else f"{same}; {'; '.join(self.differing)}"


class BoardRun(Row):
    """One run on one board: its answers against those of TFLM on the desk, and how long they took."""

    name: str  # the sketch's
    port: str
    library: str
    model_crc32: str  # hexadecimal
    raw: bool  # raw inputs were sent, which the board normalised and quantized itself
    images: int
    of: int  # inputs that there are
    identical: int  # answers with the very bytes of the desk's
    max_steps: int
    tolerance_steps: int  # what the library may differ by
    beyond: int  # answers that differ by more
    mismatches: list[BoardMismatch] = []  # the first that differ, the largest differences before others
    heads: list[BoardHead] = []  # none without labels
    detections: BoardDetections | None = None  # of recordings of sound that were replayed
    p50_ms: float  # on the board: preparing the input, and Invoke
    p99_ms: float
    board: str = ""  # its title, where a person has named it
    estimate: TimeRow | None = None  # what was said of the time on that board before anything ran there
    seconds: float  # of the whole run, the serial line included
    retries: int
    arena_used_bytes: int
    arena_bytes: int
    self_test: str = ""  # PASS or FAIL, and what the board's own vectors gave

    @property
    def passed(self) -> bool:
        """Whether every answer is within the library's tolerance, and what is detected is what the desk detects."""
        return self.beyond == 0 and not (self.detections and self.detections.differing)
