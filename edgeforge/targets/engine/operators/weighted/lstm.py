"""UNIDIRECTIONAL_SEQUENCE_LSTM, without peepholes, projection and layer normalization."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeforge.targets.engine.fixed_point import quantize_multiplier
from edgeforge.targets.engine.ir import Operator, Tensor
from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.read import Found

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Places among the inputs: of weights, recurrent weights and bias of each gate, and of the states.
GATES = {"input": (1, 5, 12), "forget": (2, 6, 13), "cell": (3, 7, 14), "output": (4, 8, 15)}
HIDDEN, CELLS = 18, 19
LEFT_OUT = {"peepholes": (9, 10, 11), "a projection": (16, 17), "layer normalization": (20, 21, 22, 23)}
TANH = 4  # of ActivationFunctionType
Q3_12, Q0_15 = 2.0**-12, 2.0**-15  # a gate's value before its function, and after it


@dataclass(frozen=True, eq=False)
class Gate:
    """weights: cells,inputs; recurrent: cells,cells; bias: cells. Factors: (multiplier, shift) to Q3.12."""

    weights: NDArray[np.int8]
    recurrent: NDArray[np.int8]
    bias: NDArray[np.int32]
    input_factor: tuple[int, int]
    recurrent_factor: tuple[int, int]


@dataclass(frozen=True, eq=False)
class LSTM(Operator):
    """input N,T,inputs or T,N,inputs (time_major), output N,T,cells of int8.

    hidden: N,cells of int8, on the output's grid. cells: N,cells of int16. kept, added, shown: (multiplier, shift) of
    forget gate · cell, input gate · cell gate, and output gate · tanh(cell). clip: of a cell's integers, 0 for none.
    """

    gates: Mapping[str, Gate]
    hidden: Tensor
    cells: Tensor
    time_major: bool
    kept: tuple[int, int]
    added: tuple[int, int]
    shown: tuple[int, int]
    clip: int

    @property
    def state(self) -> tuple[Tensor, ...]:
        """The hidden state and the cells' live on."""
        return (self.hidden, self.cells)


def lower(found: Found) -> LSTM:
    """Return the operator as PrepareGateParametersInteger of TFLM's lstm_eval_common.cc prepares it."""
    source, target = found.input(0, "int8"), found.output("int8")
    found.rank(source, 3)
    found.rank(target, 3)
    for what, slots in LEFT_OUT.items():
        if any(found.optional(slot) is not None for slot in slots):
            found.refuse(f"it has {what}, which TFLM's has not")
    if found.option("fusedActivationFunction") != TANH:
        found.refuse("its cells' activation is not TANH")
    hidden, cells = found.input(HIDDEN, "int8"), found.input(CELLS, "int16")
    rounding = found.compiling.rounding
    gates = {name: _gate(found, slots, source, hidden) for name, slots in GATES.items()}
    clip = float(found.option("cellClip", 0.0))
    return LSTM(
        found.label,
        (source,),
        (target,),
        gates,
        hidden,
        cells,
        bool(found.option("timeMajor")),
        quantize_multiplier(Q0_15 * cells.scale / cells.scale, rounding),
        quantize_multiplier(Q0_15 * Q0_15 / cells.scale, rounding),
        quantize_multiplier(Q0_15 * Q0_15 / hidden.scale, rounding),
        int(min(max(clip / cells.scale, -32768.0), 32767.0)),
    )


def _gate(found: Found, slots: tuple[int, int, int], source: Tensor, hidden: Tensor) -> Gate:
    import numpy as np

    weights, recurrent = (found.constant(slot, "int8") for slot in slots[:2])
    bias = found.constant(slots[2], "int32")
    factors = []
    for slot, read in zip(slots[:2], (source, hidden), strict=True):
        scales = found.scales(slot)
        if len(scales) > 1:
            found.refuse("has a scale a channel; TFLM's LSTM takes one", found.input(slot))
        product = np.float32(read.scale) * scales[0]  # float32, as GetQuantizedConvolutionMultipler has it
        factors.append(quantize_multiplier(float(product) / Q3_12, found.compiling.rounding))
    return Gate(weights, recurrent, bias, factors[0], factors[1])


class PortableLSTM(Kernel[LSTM]):
    """Any sizes."""

    operator = LSTM
    function = "engine_lstm"
    source = "lstm"
    needs = ("sigmoid",)

    def arrays(self, operator: LSTM) -> dict[str, Array]:
        import numpy as np

        found: dict[str, Array] = {}
        for name, gate in operator.gates.items():
            found[f"{name}_weights"] = Array("int8_t", gate.weights.reshape(-1))
            found[f"{name}_recurrent"] = Array("int8_t", gate.recurrent.reshape(-1))
            own = (gate.bias, gate.weights, operator.input), (0, gate.recurrent, operator.hidden)
            for what, (bias, weights, read) in zip(("bias", "recurrent_bias"), own, strict=True):
                folded = bias - read.zero_point * weights.astype(np.int64).sum(axis=1)
                found[f"{name}_{what}"] = Array("int32_t", folded)
        return found

    def parameters(self, operator: LSTM, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        first, second, inputs = operator.input.shape
        batches, steps = (second, first) if operator.time_major else (first, second)
        # A cell's scale is 2^power; its state is brought to thirds of 2^-12.
        left = 15 + round(math.log2(operator.cells.scale)) - 3
        fields: dict[str, Any] = {
            "batches": batches,
            "steps": steps,
            "inputs": inputs,
            "cells": operator.output.shape[2],
            "time_major": operator.time_major,
            "hidden_zero": operator.hidden.zero_point,
        }
        for name, gate in operator.gates.items():
            fields[name] = {
                "input_weights": arrays[f"{name}_weights"],
                "recurrent_weights": arrays[f"{name}_recurrent"],
                "bias": arrays[f"{name}_bias"],
                "recurrent_bias": arrays[f"{name}_recurrent_bias"],
                "input": gate.input_factor,
                "recurrent": gate.recurrent_factor,
            }
        return fields | {
            "kept": operator.kept,
            "added": operator.added,
            "shown": operator.shown,
            "tanh_multiplier": 3 << max(left, 0),
            "tanh_right_shift": max(-left, 0),
            "clip": operator.clip,
        }


LOWERINGS = {"UNIDIRECTIONAL_SEQUENCE_LSTM": lower}
KERNELS = (PortableLSTM(),)
