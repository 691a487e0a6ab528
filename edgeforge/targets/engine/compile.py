"""The compiler: a .tflite to a network with kernels and memory."""

from __future__ import annotations

from edgeforge.passes import rewrite
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.operators.table import LOWERINGS
from edgeforge.targets.engine.options import Options
from edgeforge.targets.engine.passes.order import PASSES
from edgeforge.targets.engine.read import read_network


def compile_model(flatbuffer: bytes, name: str, options: Options | None = None) -> Network:
    """Return the network of a .tflite flatbuffer, ready to be written (emit/library.py).

    Raises RecipeError for what cannot be compiled, BudgetExceeded when the arena is larger than allowed.
    """
    network = read_network(flatbuffer, name, options or Options(), LOWERINGS)
    network, _ = rewrite(network, PASSES)
    return network
