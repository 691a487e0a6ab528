"""`edgeforge verify … --emulate`: a model as plain C on every emulated core, byte by byte beside this desk."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from edgeforge.apart.run import in_worker
from edgeforge.apart.watch import stands_for
from edgeforge.data.several_inputs import read_inputs
from edgeforge.data.splits import evenly_spaced, read_preprocessing, read_split
from edgeforge.errors import RecipeError
from edgeforge.evaluate.verify import images_of, named_shapes
from edgeforge.results.report_file import read_report
from edgeforge.results.rows.engine import EmulatedRow
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.engine.emulate.machine import MACHINES
from edgeforge.targets.engine.emulate.prove import desk_outputs, emulated
from edgeforge.targets.engine.options import Options, core_named
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.check.read import read_file
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.input_shapes import input_names
from edgeforge.tflite.tensor_spec import TensorSpec
from edgeforge.tflite.tensors import as_records, to_input, to_inputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WITHOUT_INPUTS = 16  # pseudo-random ones
Progress = Callable[[float, str], None]


@in_worker
def emulate(
    target: Sequence[Path], inputs: Path | None, cores: Sequence[str], images: int, progress: Progress
) -> list[EmulatedRow]:
    """Return what each core took; those of `MACHINES` where none is named.

    target: a build folder, whose test images are run, or a full-integer .tflite with `inputs`: .npz with x (N,C,H,W
    float32), or an array for each of several inputs, by its name. Without it inputs over the whole range of the type
    are made. Raises RecipeError for anything else,
    MissingDependency without compiler or emulator.
    """
    names = [core_named(core).name for core in cores] or list(MACHINES)
    if unknown := [name for name in names if name not in MACHINES]:
        raise RecipeError(f"nothing emulates {unknown[0]}", fix=f"--core: one of {', '.join(MACHINES)}")
    if len(target) != 1:
        raise RecipeError(
            "--emulate takes one build or one .tflite file", fix="edgeforge verify build/digits --emulate"
        )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        if target[0].suffix == ".tflite":
            stands_for(path, target[0])
            path.write_bytes(pure_flatbuffer(read_file(target[0], alone=True)))
            name, tensors = target[0].stem, _tensors(TFLMRunner(path), path, inputs, target[0])
        else:
            report = read_report(target[0])
            row = next((one for one in report.variants if one.name == report.shipped and one.file), None)
            if row is None:
                raise RecipeError(f"{target[0]}: it has no model for a board", fix="see the report for the reason")
            path.write_bytes(pure_flatbuffer(read_file(target[0] / str(row.file))))
            data = images_of(target[0])
            raw, _ = read_split(data, "test")
            name, tensors = report.recipe, to_input(read_preprocessing(data).apply(raw), TFLMRunner(path).input)
        few = tensors[evenly_spaced(len(tensors), images)]
        progress(0.0, f"{len(few)} inputs on this desk")
        expected, litert = desk_outputs(path, few, Options())
        rows = []
        for number, core in enumerate(names):
            progress((1 + number) / (1 + len(names)), core)
            options = Options(core_named(core))
            rows.append(emulated(path.read_bytes(), name, options, few, expected, litert, len(tensors))[0])
    return rows


def _tensors(runner: TFLMRunner, path: Path, inputs: Path | None, where: Path) -> NDArray[Any]:
    import numpy as np

    graph = Graph(path.read_bytes())
    if inputs is not None:
        x, _ = read_inputs(inputs, named_shapes(graph, where), "--inputs")
        return to_inputs(x, runner.inputs)
    random = np.random.default_rng(zlib.crc32(path.read_bytes()))
    made = {name: _over_the_range(spec, random) for name, spec in zip(input_names(graph), runner.inputs, strict=True)}
    return as_records(made) if len(made) > 1 else next(iter(made.values()))


def _over_the_range(spec: TensorSpec, random: np.random.Generator) -> NDArray[Any]:
    """Return values (N,…) over the whole range of a quantized type; of floats normal ones, of indices 0 and 1."""
    import numpy as np

    shape = (WITHOUT_INPUTS, *spec.shape[1:])
    if spec.dtype.startswith("float"):
        return random.normal(0, 1, shape).astype(spec.dtype)
    if spec.scale is None:
        return random.integers(0, 2, shape).astype(spec.dtype)
    limits = np.iinfo(spec.dtype)
    return random.integers(limits.min, limits.max + 1, shape).astype(spec.dtype)
