"""Times any model files side by side: what `edgeforge bench` does."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from edgeforge.apart.run import in_worker
from edgeforge.apart.watch import given, watched
from edgeforge.errors import RecipeError
from edgeforge.evaluate.latency import interleaved_ms
from edgeforge.foreign.wording import cause_in, known_remedy
from edgeforge.inputs.memory import require_memory
from edgeforge.runtimes.load import ENGINES, SUFFIXES, load_runner
from edgeforge.tflite.check.read import read_file
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes
from edgeforge.tflite.tensors import image_shape

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
    """Return a row a file, measured in turn; inputs are random values of the model's shape.

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
        size = _channels_first(path, runner.input.shape)
        if path.suffix == ".pt":  # what it says is what it was traced with; it may take others
            size = shapes.get("", size)
        if not size:
            raise RecipeError(f"{path} does not say the shape of its input", fix="add --shape 1,C,H,W")
        require_memory(12 * prod(size), f"{path}: an input of shape {size}")
        image = np.random.default_rng(0).standard_normal(size).astype(np.float32)
        call = runner.single(image)
        try:
            with watched(ENGINES[path.suffix], path):
                call()
        except Exception as error:
            raise RecipeError(
                f"{path} does not run on an input of shape {size}: {cause_in(error, NONE)}",
                fix=known_remedy(error, "give its own with --shape"),
            ) from error
        calls[str(path)] = call
    rows = []
    for name, times in interleaved_ms(calls, runs, warmup).items():
        p50, p99 = np.percentile(times, (50, 99))
        rows.append(BenchRow(name, Path(name).stat().st_size, float(p50), float(p99), threads, runs))
    return rows


def _channels_first(path: Path, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A .tflite file's input is N,H,W,C; a Runner takes N,C,H,W."""
    return (1, *image_shape(shape)) if path.suffix == ".tflite" else shape
