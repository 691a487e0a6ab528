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

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def desk_outputs(model: Path, tensors: NDArray[Any], options: Options) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return what the library must give (N,values): TFLM's outputs, or LiteRT's for its rounding; and LiteRT's.

    tensors: N,… of the input's type. LiteRT's are of its reference kernels, None where these refuse the model.
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
    import numpy as np

    network = compile_model(model, name, options)
    if len(network.inputs) != 1:
        raise RecipeError(
            f"{name} has {len(network.inputs)} inputs; one is emulated", fix="test its library on your own inputs"
        )
    with TemporaryDirectory() as folder:
        program = build(network, Path(folder))
        run, sizes = program.run([tensors]), program.sizes()
    found = np.concatenate([one.reshape(len(tensors), -1) for one in run.outputs], axis=1)
    wanted = expected.reshape(len(tensors), -1)
    row = EmulatedRow(
        core=options.core.name,
        machine=program.machine.name,
        images=len(tensors),
        of=of,
        outputs=int(found.size),
        differing=int((found != wanted).sum()),
        litert_steps=None if litert is None else _steps(found, litert.reshape(len(tensors), -1)),
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


def _steps(found: NDArray[np.generic], other: NDArray[np.generic]) -> int:
    import numpy as np

    return int(np.abs(found.astype(np.int64) - other.astype(np.int64)).max())
