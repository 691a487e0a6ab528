"""`edgeforge pack`: an Arduino project around any full-integer .tflite, with the proofs that a build's has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from edgeforge.apart.run import in_worker
from edgeforge.apart.watch import stands_for
from edgeforge.errors import RecipeError
from edgeforge.evaluate.engines.inputs import inputs_of_images
from edgeforge.evaluate.engines.judge import confirmed
from edgeforge.evaluate.fidelity import sqnr_db, too_little
from edgeforge.files import write_whole
from edgeforge.guards.disk import storage_errors
from edgeforge.guards.removal import remove_leftovers, replace_folder, require_replaceable
from edgeforge.hardware.arduino_platforms import pinned
from edgeforge.hardware.board import Board
from edgeforge.hardware.boards import board
from edgeforge.hardware.libraries import Library, library
from edgeforge.recipe.schema import DEFAULT_LIBRARY
from edgeforge.results.preprocessing import Preprocessing, with_preprocessing
from edgeforge.results.rows.fit import FitRow, caveats_of
from edgeforge.runtimes.float_mean import board_runner
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.golden_vectors import TestVector, choose_vectors, require_same_answers
from edgeforge.targets.arduino.measured import write_fitting
from edgeforge.targets.arduino.own.endings import with_endings
from edgeforge.targets.arduino.own.meaning import preprocessing_of
from edgeforge.targets.arduino.own.samples import RANDOM_INPUTS, Samples, pseudo_random, read_samples
from edgeforge.targets.arduino.own.wishes import Wishes
from edgeforge.targets.arduino.own_tflite import OwnTFLite, load_own
from edgeforge.targets.arduino.project import ProjectFacts
from edgeforge.targets.fit.better_plan import as_packed
from edgeforge.targets.fit.flash import contents_of
from edgeforge.targets.fit.judge import fit_model, fitting
from edgeforge.targets.fit.library import require_right
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOTHING = Wishes()
ANOTHER_NAME = "--name names another"
NAME = r"[a-zA-Z][a-zA-Z0-9_-]{0,39}"


@dataclass(frozen=True)
class Conversion:
    """What `--requantize` needs."""

    float_file: Path
    calibration: Path


@dataclass(frozen=True)
class Packed:
    """What was written, and what was proven."""

    project: Path  # the sketch's folder
    model: Path  # the model with its preprocessing, as `edgeforge monitor --model` takes it
    library: Library
    fits: list[FitRow]
    vectors: tuple[TestVector, ...]
    origin: str  # of the test vectors
    preprocessing: Preprocessing
    operators: tuple[str, ...]
    saved: list[str] = field(default_factory=list)  # by how the model is packed
    notes: list[str] = field(default_factory=list)
    profile: str = ""  # of sketch.yaml, the first board's; none of a board without an Arduino name
    finding: str = ""  # what a person must know first: the int8 model is far from the float one


@in_worker
def pack(
    path: Path,
    board_keys: tuple[str, ...],
    out: Path,
    *,
    library_key: str | None = None,
    wishes: Wishes = NOTHING,
    name: str | None = None,
    samples: Path | None = None,
    conversion: Conversion | None = None,
    float_file: Path | None = None,
    force: bool = False,
    shapes: Shapes = AS_THE_FILE_SAYS,
    own_boards: Mapping[str, Board] | None = None,
    command: str | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Packed:
    """Write OUT/NAME (the sketch) and OUT/NAME.tflite. float_file: the float model to compare with, where there is one.

    Of several boards those that the model cannot go to are left out, and said. command: what the person has typed;
    default: the shortest that says the same of path and boards.
    Raises RecipeError for a model that is not full-integer and, with what to add to the command, for one of which
    neither its file nor `wishes` say how its input is made or what its outputs mean; BudgetExceeded for one that TFLM
    refuses, that the library would compute wrongly or that fits no board, ParityError for one that LiteRT and TFLM
    compute differently.
    """
    name = _name(name or path.stem)
    project = out / name
    if project.exists() and not force:
        raise RecipeError(f"{project} is there already", fix="--force overwrites it, --name names another")
    require_replaceable(project, ANOTHER_NAME)
    boards = {key: board(key, own_boards) for key in board_keys}
    used = library(library_key or DEFAULT_LIBRARY)
    model = load_own(path, shapes)
    command = command or shlex.join(["edgeforge", "pack", str(path), *(f"--board={key}" for key in board_keys)])
    preprocessing, notes = preprocessing_of(model, wishes, command)
    notes += model.changes
    if conversion:
        model, changes = _converted(model, preprocessing, conversion, progress)
        notes += changes
    preprocessing = with_endings(preprocessing, model.graph)
    require_right(model.flatbuffer, used, path)
    given = model.flatbuffer
    packed = as_packed(given, used, list(boards.values()))
    contents = contents_of(model.graph, preprocessing)
    tried = read_samples(samples, preprocessing) if samples else pseudo_random(model, preprocessing)
    progress("comparing LiteRT and TensorFlow Lite Micro, layer by layer")
    refused = confirmed(given, inputs_of_images(model.graph, preprocessing.apply(tried.raw)) if samples else None)
    finding = _fidelity(model, float_file, preprocessing.apply(tried.raw), tried.origin) if float_file else ""
    rows = [
        fit_model(packed, one, key=key, sketch=used, contents=contents, refusals=refused) for key, one in boards.items()
    ]
    most = max(row.flash.vectors for row in fitting(rows))
    progress("running it in TensorFlow Lite Micro")
    with TemporaryDirectory() as folder:
        plain, planned = (Path(folder) / f"{which}.tflite" for which in ("given", "packed"))
        stands_for(plain, path)
        stands_for(planned, path)
        plain.write_bytes(given)
        planned.write_bytes(packed)
        before, after = TFLMRunner(plain), TFLMRunner(planned)
        require_same_answers(before, after, preprocessing, tried.raw[:RANDOM_INPUTS])
        runner = board_runner(planned, used)  # another one: a model may have a state, and the board starts without
        vectors = choose_vectors(runner, planned, preprocessing, tried.raw, _labels(tried, preprocessing), most)
        facts = ProjectFacts(
            name=name,
            flatbuffer=packed,
            preprocessing=preprocessing,
            inputs=runner.inputs,
            outputs=runner.outputs,
            operators=tuple(sorted(set(model.graph.every_name))),
            arena_bytes=0,
            arena_note="",
            boards=(),
            vectors=tuple(_described(vector, tried.origin) for vector in vectors),
            library=used,
            real=tried.real,
        )
        progress("writing the project")
        facts, rows = write_fitting(Path(folder) / name, facts, rows, boards, contents)
        with storage_errors(out):
            replace_folder(Path(folder) / name, project, ANOTHER_NAME)
        saved = _saved(given, packed, before, after, rows)
    offered = fitting(rows)
    notes += [f"left out: {row.title}: {row.verdict}" for row in rows if row not in offered]
    notes += caveats_of(offered)
    target = out / f"{name}.tflite"
    with storage_errors(out):
        remove_leftovers(target)
        write_whole(target, with_preprocessing(packed, preprocessing))
    return Packed(
        project,
        target,
        used,
        offered,
        facts.vectors,
        tried.origin,
        preprocessing,
        facts.operators,
        saved,
        notes,
        next((pinned(one.fqbn).profile for one in facts.boards if one.fqbn), ""),
        finding,
    )


def _saved(given: bytes, packed: bytes, before: TFLMRunner, after: TFLMRunner, rows: list[FitRow]) -> list[str]:
    """Say what packing saves of flash and of RAM, and that TFLM's answers are the same bytes."""
    found = []
    if len(packed) < len(given):
        found.append(f"what the file stores twice is stored once: {len(given):,} → {len(packed):,} bytes of flash")
    for arena in [row.arena for row in rows if row.deployable][:1]:
        if arena.plan == "offline" and arena.greedy_head_bytes:
            desk = before.arena().head, after.arena().head
            # The desk's kernels ask for other scratch buffers: where these set the peak, its plan need not shrink.
            says = f" (TFLM on this desk: {desk[0]:,} → {desk[1]:,})" if desk[1] < desk[0] else ""
            found.append(
                f"a memory plan in the model (OfflineMemoryAllocation): {arena.greedy_head_bytes:,} → "
                f"{arena.head_bytes:,} bytes of RAM for activations{says}; TFLM answers with the same bytes"
            )
    return found


def conversion_of(requantize: bool, float_file: Path | None, calibration: Path | None) -> Conversion | None:
    """Return what `--requantize` needs; None where it was not asked for. Raises RecipeError when a part is missing.

    --float alone is a model to compare with.
    """
    if requantize and float_file and calibration:
        return Conversion(float_file, calibration)
    if requantize or calibration:
        raise RecipeError(
            "--requantize and --calibration belong together, and to --float",
            fix="--requantize --float FLOAT.tflite --calibration x.npz",
        )
    return None


def _name(text: str) -> str:
    """Return a name that the Arduino IDE takes for a sketch."""
    name = re.sub(r"[^a-zA-Z0-9_-]+", "_", text).strip("_-")[:40]
    if not re.fullmatch(NAME, name):
        raise RecipeError(f"'{text}' is no name for a sketch", fix="--name with letters, digits, _ and -")
    return name


def _converted(
    model: OwnTFLite, preprocessing: Preprocessing, conversion: Conversion, progress: Callable[[str], None]
) -> tuple[OwnTFLite, list[str]]:
    from edgeforge.targets.arduino.requantize import requantized
    from edgeforge.tflite.graph import Graph

    flatbuffer, changes = requantized(model, preprocessing, conversion.float_file, conversion.calibration, progress)
    return replace(model, flatbuffer=flatbuffer, graph=Graph(flatbuffer)), changes


def _fidelity(model: OwnTFLite, float_file: Path, images: NDArray[Any], origin: str) -> str:
    """Say so where the int8 model keeps too little of the float model's answers; empty where it does not."""
    from edgeforge.targets.arduino.requantize import fixed_like

    with TemporaryDirectory() as folder:
        quantized, floating = Path(folder) / "int8.tflite", float_file
        quantized.write_bytes(model.flatbuffer)
        if float_file.suffix == ".tflite":
            floating = Path(folder) / "float.tflite"
            floating.write_bytes(fixed_like(float_file, model))
        return too_little(model.path.name, sqnr_db(floating, quantized, images), f" on {len(images)} inputs ({origin})")


def _labels(tried: Samples, preprocessing: Preprocessing) -> list[str]:
    """Return what each sample is; where that is not known all are told apart, so that each may become a vector."""
    if tried.labels is None or tried.labels.ndim != 1 or not preprocessing.classes:
        return [f"input {index}" for index in range(len(tried.raw))]
    known = dict(enumerate(preprocessing.classes))
    return [f"class {known.get(int(label), int(label))}" for label in tried.labels]


def _described(vector: TestVector, origin: str) -> TestVector:
    return replace(vector, label=f"{vector.label} ({origin})")
