"""A compiled network on an emulated core, every output byte beside TFLM's on this desk and LiteRT's reference."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from edgeforge.errors import ParityError, RecipeError
from edgeforge.results.rows.engine import EmulatedLayer, EmulatedRow
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emulate.run import build
from edgeforge.targets.engine.options import Options
from edgeforge.tflite.tensors import fields_of, in_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray


def desk_outputs(model: Path, tensors: NDArray[Any], options: Options) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return what the library must give (N,values): TFLM's outputs, or LiteRT's for its rounding; and LiteRT's.

    tensors: N,… of the input's type, of several inputs records (`to_inputs`). LiteRT's are of its reference kernels,
    None where these refuse the model.
    """
    try:
        litert = LiteRTRunner(model, kernels="reference").run_raw(tensors)
    except RecipeError:
        litert = None
    if options.rounding == "single":
        return (LiteRTRunner(model, kernels="builtin").run_raw(tensors) if litert is None else litert), litert
    return TFLMRunner(model).run_raw(tensors), litert


def emulated(
    model: bytes,
    name: str,
    options: Options,
    tensors: NDArray[Any],
    expected: NDArray[Any],
    litert: NDArray[Any] | None,
    of: int,
) -> tuple[EmulatedRow, NDArray[Any]]:
    """Return what a core took for the input tensors (N,…), and its outputs (N,values).

    of: how many images there are in all. Raises MissingDependency without compiler or emulator, RecipeError for a
    layer that cannot be compiled.
    """

    network = compile_model(model, name, options)
    with TemporaryDirectory() as folder:
        program = build(network, Path(folder))
        run, sizes = program.run(list(fields_of(tensors).values())), program.sizes()
    found = in_columns(run.outputs)
    wanted = expected if expected.dtype.names else expected.reshape(len(tensors), -1)
    row = EmulatedRow(
        core=options.core.name,
        machine=program.machine.name,
        images=len(tensors),
        of=of,
        outputs=sum(one.size for one in fields_of(found).values()),
        differing=_differing(found, wanted),
        litert_steps=None if litert is None else _steps(found, litert),
        instructions=run.total,
        layers=[
            EmulatedLayer(label=operator.label, kernel=kernel.function, instructions=count)
            for operator, kernel, count in zip(network.operators, network.kernels, run.instructions, strict=True)
        ],
        stack_bytes=run.stack,
        text_bytes=sizes.text,
        weights_bytes=sizes.weights,
        arena_bytes=sizes.arena,
        ends_bytes=sizes.ends,
        shared_bytes=sizes.ram,
    )
    return row, found


def require_same_bytes(row: EmulatedRow, reference: str) -> None:
    """Raise ParityError when a core's outputs are not the desk's."""
    if row.differing:
        raise ParityError(
            f"the engine on {row.core} differs from {reference} in {row.differing:,} of {row.outputs:,} output bytes",
            fix="do not use the library; report the model, with `edgeforge verify MODEL.tflite --emulate --json`",
        )


def _differing(found: NDArray[Any], wanted: NDArray[Any]) -> int:
    """Return how many values differ, output by output."""
    pairs = zip(fields_of(found).values(), fields_of(wanted).values(), strict=True)
    return sum(int((one.reshape(len(one), -1) != other.reshape(len(other), -1)).sum()) for one, other in pairs)


def _steps(found: NDArray[Any], other: NDArray[Any]) -> int:
    """Return the largest difference, in steps; of floats in whole units."""
    import numpy as np

    pairs = zip(fields_of(found).values(), fields_of(other).values(), strict=True)
    return max(
        int(np.abs(one.reshape(len(one), -1).astype(np.int64) - of.reshape(len(of), -1).astype(np.int64)).max())
        for one, of in pairs
    )
