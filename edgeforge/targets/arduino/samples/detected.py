"""What a board detects in recordings of sound, beside what the desk detects by the same answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edgeforge.evaluate.listening.detection import Detection, detection_of
from edgeforge.features.compiled import Features
from edgeforge.results.rows.board_run import BoardDetections
from edgeforge.targets.arduino.monitor.asking import Asked
from edgeforge.targets.arduino.monitor.subject import Subject
from edgeforge.tflite.tensor_spec import TensorSpec

SHOWN = 20  # differences that are kept


@dataclass
class Detected:
    """How the desk makes detections of a model's answers. scale: of the outputs. row: what was found until now."""

    classes: tuple[str, ...]
    features: Features
    said: Detection
    scale: float
    row: BoardDetections = field(default_factory=lambda: BoardDetections(desk=0, board=0))

    @classmethod
    def of(cls, subject: Subject, output: TensorSpec) -> Detected | None:
        """Return it for what a board runs; None of a sketch that detects nothing."""
        sound, said = subject.preprocessing.sound, detection_of(subject.preprocessing, subject.listening)
        if sound is None or said is None or output.dtype != "int8" or output.scale is None:
            return None
        return cls(subject.preprocessing.classes, Features(sound), said, float(output.scale))

    def compare(self, name: str, times: list[float], asked: Asked) -> None:
        """Take the answers to a recording. times: the seconds that each one's input ends at.

        The board's detections are compared with those by its own answers: whether these are right is judged elsewhere.
        """
        self.row.desk += sum(label >= 0 for label in self._heard(asked.desk))
        self.row.board += sum(label >= 0 for label in asked.heard)
        for seconds, ours, its in zip(times, self._heard(asked.board), asked.heard, strict=True):
            if ours != its and len(self.row.differing) < SHOWN:
                says = f"desk {self._told(ours)}, board {self._told(its)}"
                self.row.differing.append(f"{name} at {seconds:.2f} s: {says}")

    def _heard(self, outputs: list[Any]) -> list[int]:
        """Return the class that is detected after each answer, or -1."""
        import numpy as np

        scores = self.features.scores(np.stack(outputs), self.scale)
        found: list[int] = self.features.heard(
            scores, self.said.smoothed, self.said.pause, self.said.thresholds
        ).tolist()
        return found

    def _told(self, label: int) -> str:
        return self.classes[label] if 0 <= label < len(self.classes) else "nothing"
