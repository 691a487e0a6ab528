"""Times any model files side by side: what `edgeforge bench` does."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.apart.run import in_worker
from edgeforge.apart.watch import given, watched
from edgeforge.errors import RecipeError
from edgeforge.evaluate.latency import interleaved_ms
from edgeforge.foreign.wording import cause_in, known_remedy
from edgeforge.inputs.memory import require_memory
from edgeforge.runtimes.load import ENGINES, SUFFIXES, load_runner
from edgeforge.runtimes.runner import Runner
from edgeforge.suggest import nearest
from edgeforge.tflite.check.read import read_file
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes, unlike
from edgeforge.tflite.tensors import as_records, fields_of, image_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

NONE = "a layer cannot compute with it"


@dataclass(frozen=True)
class BenchRow:
    """One model's latency in ms, one image at a time, and its size in bytes."""

    file: str
    size_bytes: int
    p50: float
    p99: float
    threads: int
    runs: int


@in_worker
def bench_models(
    paths: list[Path], *, threads: int, runs: int, warmup: int, shapes: Shapes = AS_THE_FILE_SAYS
) -> list[BenchRow]:
    """Return a row a file, measured in turn; inputs are random values of the model's shape, of integers zeros.

    shapes: of inputs that a file leaves free or, as a TorchScript file does, does not say.
    """
    import numpy as np

    calls = {}
    for path in paths:
        if path.suffix == ".tflite":
            read_file(path, alone=True)  # LiteRT trusts the offsets in it
        elif path.suffix in SUFFIXES:
            given(path)
        runner = load_runner(path, threads, shapes)
        image = _example(path, runner, shapes)
        call = runner.single(image)
        try:
            with watched(ENGINES[path.suffix], path):
                call()
        except Exception as error:
            raise RecipeError(
                f"{path} does not run on {_said(image)}: {cause_in(error, NONE)}",
                fix=known_remedy(error, "give its own with --shape"),
            ) from error
        calls[str(path)] = call
    rows = []
    for name, times in interleaved_ms(calls, runs, warmup).items():
        p50, p99 = np.percentile(times, (50, 99))
        rows.append(BenchRow(name, Path(name).stat().st_size, float(p50), float(p99), threads, runs))
    return rows


def _example(path: Path, runner: Runner, shapes: Shapes) -> NDArray[Any]:
    """Return an input of random values, of integers zeros; of several inputs a record."""
    import numpy as np

    sizes = [_channels_first(path, spec.shape) for spec in runner.inputs]
    if path.suffix == ".pt":  # what it says is what it was traced with; it may take others
        sizes = _said_sizes(path, runner.names, sizes, shapes)
    if not all(sizes):
        several = " ".join(f"--shape {name}=1,C,H,W" for name in runner.names) if len(sizes) > 1 else "--shape 1,C,H,W"
        which = "inputs" if len(sizes) > 1 else "input"
        raise RecipeError(f"{path} does not say the shape of its {which}", fix=f"add {several}")
    for size in sizes:
        require_memory(12 * prod(size), f"{path}: an input of shape {size}")
    random = np.random.default_rng(0)
    values = [random.standard_normal(size).astype(np.float32) for size in sizes]
    given = [
        np.zeros_like(value, spec.dtype) if spec.scale is None and spec.dtype != "float32" else value
        for value, spec in zip(values, runner.inputs, strict=True)
    ]
    return given[0] if len(given) == 1 else as_records(dict(zip(unlike(runner.names), given, strict=True)))


def _said_sizes(
    path: Path, names: tuple[str, ...], sizes: list[tuple[int, ...]], shapes: Shapes
) -> list[tuple[int, ...]]:
    """Return the sizes of a TorchScript file's inputs, those of `--shape` first."""
    if len(sizes) == 1:
        return [next(iter(shapes.values()), sizes[0])]
    for name in shapes:
        if name not in names:
            fault = f"'{name}' is no input{nearest(name, names)}" if name else "which input is meant?"
            raise RecipeError(f"{path}: --shape: {fault}", fix=f"its inputs are called {', '.join(names)}")
    return [shapes.get(name, size) for name, size in zip(names, sizes, strict=True)]


def _said(image: NDArray[Any]) -> str:
    """Return the shapes of an input in words."""
    fields = fields_of(image)
    if len(fields) == 1:
        return f"an input of shape {image.shape}"
    return "inputs of shape " + ", ".join(f"{values.shape} ({name})" for name, values in fields.items())


def _channels_first(path: Path, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A .tflite file's input is N,H,W,C; a Runner takes N,C,H,W."""
    return (1, *image_shape(shape)) if path.suffix == ".tflite" else shape
