"""What a compiled network takes, for people and for the report."""

from __future__ import annotations

from typing import Any

from edgeforge.results.rows.engine import CompiledLayer, CompiledRow
from edgeforge.targets.engine.emit.expressions import arguments, identifier
from edgeforge.targets.engine.ir import Operator
from edgeforge.targets.engine.kernel import Array, Kernel
from edgeforge.targets.engine.memory.lifetimes import least_bytes
from edgeforge.targets.engine.network import Network

BYTES = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int64_t": 8}


def summary(network: Network) -> CompiledRow:
    """Return a network's sizes. It must have its kernels and its memory."""
    layers = [_layer(*pair) for pair in zip(network.operators, network.kernels, strict=True)]
    given = {
        tensor.number: tensor.bytes
        for operator in network.operators
        for tensor in operator.inputs
        if tensor.data is not None
    }
    options = network.options
    return CompiledRow(
        name=network.name,
        core=options.core.name,
        optimize=options.optimize,
        rounding=options.rounding,
        c_name=identifier(network.name),
        arguments=arguments(network),
        arena_bytes=network.arena_bytes,
        shared_bytes=network.shared_bytes,
        arena_greedy_bytes=network.greedy_bytes,
        arena_least_bytes=least_bytes(network),
        input_bytes=sum(tensor.bytes for tensor in network.inputs),
        output_bytes=sum(tensor.bytes for tensor in network.outputs),
        constants_bytes=sum(layer.constants_bytes for layer in layers) + sum(given.values()),
        layers=layers,
        folded=list(network.folded),
    )


def _layer(operator: Operator, kernel: Kernel[Any]) -> CompiledLayer:
    return CompiledLayer(
        label=operator.label,
        kernel=kernel.function,
        output_shape=list(operator.output.shape),
        constants_bytes=sum(array_bytes(array) for array in kernel.arrays(operator).values()),
        scratch_bytes=kernel.scratch(operator),
    )


def array_bytes(array: Array) -> int:
    """Return how many bytes a constant takes; a struct's members count four each, unless it says its size."""
    members = 1 if array.values.ndim == 1 else array.values.shape[1]
    return len(array.values) * (BYTES.get(array.type, 4) if members == 1 else 4 * members)
