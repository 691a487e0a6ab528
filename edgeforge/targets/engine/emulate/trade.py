"""What a network gives for its memory: bytes and instructions beside those of the same compiled for speed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from edgeforge.results.rows.engine import Trade
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emulate.machine import MACHINES, missing
from edgeforge.targets.engine.emulate.run import build
from edgeforge.targets.engine.network import Network
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes


def trade_of(network: Network, model: bytes, shapes: Shapes = AS_THE_FILE_SAYS) -> Trade | None:
    """Return the trade; None where nothing was to be given for memory.

    model: what the network was compiled from. Instructions are counted by the emulator where there is one for the core,
    and the compiler; else estimated from the kernels' paces.
    """
    options = network.options
    if options.optimize != "ram" and not network.lessened:
        return None
    fast = compile_model(model, network.name, replace(options, optimize="speed", max_ram=None), shapes)
    pair = (fast, network)
    emulated = options.core.name in MACHINES and not missing()
    counts = [_counted(one) if emulated else one.instructions for one in pair]
    return Trade(
        bytes_for_speed=fast.shared_bytes,
        bytes=network.shared_bytes,
        instructions_for_speed=counts[0],
        instructions=counts[1],
        emulated=emulated,
    )


def _counted(network: Network) -> int:
    """Return the instructions of an inference on the core's machine; they depend on no input but in SOFTMAX."""
    import numpy as np

    with TemporaryDirectory() as folder:
        inputs = [np.zeros((1, *tensor.shape), tensor.kind) for tensor in network.inputs]
        return build(network, Path(folder)).run(inputs).total
