"""Gathers what the rules of advice.py look at, and puts their advice into the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.evaluate.parity.advice import Evidence, advise
from edgeforge.evaluate.parity.deviation import ValueStatistics, spread
from edgeforge.results.rows.parity import LayerRow
from edgeforge.tflite.graph import Graph, constant_value, sources, targets
from edgeforge.tflite.layer_match import Match, Pair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COSTLY = 0.05  # share of the output's noise from which a layer is named
NAMED = 5  # layers at most
# Which axis of the weights the output channels are on.
WEIGHTS = {"CONV_2D": 0, "FULLY_CONNECTED": 0, "DEPTHWISE_CONV_2D": 3, "TRANSPOSE_CONV": 0}
WEIGHTS_INPUT = 1


def costliest(rows: list[LayerRow]) -> list[LayerRow]:
    """Return the layers that cost most, the worst first: each at least a twentieth of the output's noise."""
    ranked = sorted((row for row in rows if row.cost), key=lambda row: -(row.cost or 0.0))
    return [row for row in ranked if (row.cost or 0.0) >= COSTLY][:NAMED]


def add_advice(
    graph: Graph, quantized: Graph, matched: Match, measured: list[tuple[LayerRow, Pair, ValueStatistics | None, float]]
) -> None:
    """Fill in the rows' advice: what the rules find, and for the costliest layers never nothing."""
    named = {id(row) for row in costliest([row for row, *_ in measured])}
    for row, pair, values, grid_noise in measured:
        if row.own is not None and values is not None:
            row.advice = advise(_evidence(graph, quantized, row, pair, values, grid_noise), costly=id(row) in named)


def _evidence(
    graph: Graph, quantized: Graph, row: LayerRow, pair: Pair, values: ValueStatistics, grid_noise: float
) -> Evidence:
    assert row.own is not None
    weights, per_channel = _weights(graph, quantized, pair)
    scales: tuple[float, ...] = ()
    silu = False
    if pair.quantized is not None:
        scales = tuple(
            scale for place in quantized.activations(pair.quantized) if (scale := quantized.spec(place).scale)
        )
        silu = _is_silu(quantized, pair.quantized)
    return Evidence(
        operator=row.operator,
        precision=row.precision,
        own_db=row.own.sqnr_db,
        grid_db=row.grid_sqnr_db,
        saturation=row.saturation or 0.0,
        clipping=values.clipped / grid_noise if grid_noise else 0.0,
        outlier_ratio=values.outlier_ratio(),
        unused_ratio=_unused(row),
        channel_spread=values.channel_spread(),
        weight_spread=spread(weights),
        weights_per_channel=per_channel,
        input_scales=scales,
        feeds_product_of_its_input=silu,
    )


def _unused(row: LayerRow) -> float:
    """Return the width of what a tensor can hold over that of its values, zero counted in: a grid must have it."""
    if row.low is None or row.high is None or row.minimum is None or row.maximum is None:
        return 1.0
    used = max(row.maximum, 0.0) - min(row.minimum, 0.0)
    return (row.high - row.low) / used if used else 1.0


def _weights(graph: Graph, quantized: Graph, pair: Pair) -> tuple[NDArray[np.float64] | None, bool | None]:
    """Return the largest magnitude of each output channel's float weights, and whether each has its own scale."""
    import numpy as np

    if pair.quantized is None or pair.float32 is None or (kind := quantized.names[pair.quantized]) not in WEIGHTS:
        return None, None
    inputs = sources(quantized.operators[pair.quantized]), sources(graph.operators[pair.float32])
    if min(map(len, inputs)) <= WEIGHTS_INPUT:
        return None, None
    place, counterpart = inputs[0][WEIGHTS_INPUT], inputs[1][WEIGHTS_INPUT]
    values = constant_value(graph, counterpart)
    scales = getattr(quantized.tensors[place].quantization, "scale", None)
    if values is None or scales is None or len(scales) == 0:
        return None, None
    axis = WEIGHTS[kind]
    others = tuple(n for n in range(values.ndim) if n != axis)
    return abs(values).max(axis=others).astype(np.float64), len(scales) > 1


def _is_silu(quantized: Graph, operator: int) -> bool:
    """Say whether an operator's output is multiplied by its own input."""
    output = targets(quantized.operators[operator])[0]
    inputs = set(quantized.activations(operator))
    return any(
        quantized.names[n] == "MUL" and inputs & set(quantized.activations(n)) for n in quantized.readers(output)
    )
