"""The compiler: a .tflite to a network with kernels and memory."""

from __future__ import annotations

from dataclasses import replace

from edgeforge.passes import rewrite
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.operators.table import LOWERINGS
from edgeforge.targets.engine.options import Options
from edgeforge.targets.engine.passes.order import PASSES
from edgeforge.targets.engine.read import read_network
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes
from edgeforge.tflite.passes.fixed.order import fixed


def compile_model(
    flatbuffer: bytes, name: str, options: Options | None = None, shapes: Shapes = AS_THE_FILE_SAYS
) -> Network:
    """Return the network of a .tflite flatbuffer, ready to be written (emit/library.py).

    A free batch is 1. shapes: of inputs that the file leaves free beyond it. Raises RecipeError for what cannot be
    compiled, BudgetExceeded when memory takes more than allowed.
    """
    model, notes = fixed(flatbuffer, shapes)
    network = read_network(model, name, options or Options(), LOWERINGS)
    network, _ = rewrite(replace(network, folded=notes), PASSES)
    return network
