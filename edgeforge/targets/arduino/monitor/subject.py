"""What a board should be running, and the inputs that it is asked for."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.apart.run import in_worker
from edgeforge.errors import RecipeError
from edgeforge.inputs.regular import read_regular
from edgeforge.results.preprocessing import Preprocessing, read_preprocessing_of
from edgeforge.results.report_file import read_report
from edgeforge.results.rows.sound.listening import ListeningRow
from edgeforge.targets.arduino.serial_link import Link
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.check.read import read_file
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Subject:
    """What a board should be running, by which name, and the inputs: raw N,C,H,W (of several inputs records of such);
    labels N, or N,heads. listening: how its build has chosen to make detections of answers.
    """

    path: Path
    flatbuffer: bytes
    preprocessing: Preprocessing
    raw: NDArray[Any]
    labels: NDArray[Any] | None
    listening: ListeningRow | None = None


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


def of_build(folder: Path) -> Subject:
    """Return what a build ships, and its test images. Raises RecipeError when the build or its data is gone."""
    from edgeforge.data.splits import read_split
    from edgeforge.evaluate.verify import MADE_AGAIN, images_of

    report = read_report(folder)
    row = next((row for row in report.variants if row.name == report.shipped), None)
    if row is None or not row.file or not (folder / row.file).is_file():
        raise RecipeError(f"{folder}: it has no model for a board, {report.shipped}", fix=MADE_AGAIN)
    raw, labels = read_split(images_of(folder), "test")
    return replace(_subject(folder / row.file, raw, labels), listening=report.listening)


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


def require_same_model(subject: Subject, link: Link) -> None:
    """Raise RecipeError unless the board's model is the one that its answers are compared with."""
    crc = zlib.crc32(subject.flatbuffer)
    if link.hello.model_crc32 != crc:
        raise RecipeError(
            f"{link.port}: the board runs another model: '{link.hello.name}' with CRC {link.hello.model_crc32:08x}; "
            f"the model here has {crc:08x}",
            fix="flash this model's sketch, or name the build or model that the board runs",
        )
