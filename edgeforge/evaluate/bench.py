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
from edgeforge.runtimes.torch_script import TorchRunner, said_sizes
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
    if isinstance(runner, TorchRunner):  # what it says is what it was traced with; it may take others
        sizes = said_sizes(path, runner, shapes)
    if not all(sizes):
        several = " ".join(f"--shape {name}=1,C,H,W" for name in runner.names) if len(sizes) > 1 else "--shape 1,C,H,W"
        which = "inputs" if len(sizes) > 1 else "input"
        raise RecipeError(f"{path} does not say the shape of its {which}", fix=f"add {several}")
    for size in sizes:
        require_memory(12 * prod(size), f"{path}: an input of shape {size}")
    random = np.random.default_rng(0)
    kinds = ["float32" if spec.scale is not None else spec.dtype for spec in runner.inputs]
    if isinstance(runner, TorchRunner) and len(sizes) > 1:
        kinds = list(_kinds(path, runner, sizes))
    values = [random.standard_normal(size).astype(np.float32) for size in sizes]
    given = [
        value.astype(kind, copy=False) if kind.startswith("float") else np.zeros(value.shape, kind)
        for value, kind in zip(values, kinds, strict=True)
    ]
    return given[0] if len(given) == 1 else as_records(dict(zip(unlike(runner.names), given, strict=True)))


def _kinds(path: Path, runner: TorchRunner, sizes: list[tuple[int, ...]]) -> tuple[str, ...]:
    try:
        return runner.kinds(sizes)
    except Exception as error:
        listed = ", ".join(f"{size} ({name})" for name, size in zip(runner.names, sizes, strict=True))
        raise RecipeError(
            f"{path} does not run on inputs of shape {listed}: {cause_in(error, NONE)}",
            fix=known_remedy(error, "give its own with --shape"),
        ) from error


def _said(image: NDArray[Any]) -> str:
    """Return the shapes of an input in words."""
    fields = fields_of(image)
    if len(fields) == 1:
        return f"an input of shape {image.shape}"
    return "inputs of shape " + ", ".join(f"{values.shape} ({name})" for name, values in fields.items())


def _channels_first(path: Path, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A .tflite file's input is N,H,W,C; a Runner takes N,C,H,W."""
    return (1, *image_shape(shape)) if path.suffix == ".tflite" else shape
