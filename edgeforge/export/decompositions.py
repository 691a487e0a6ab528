"""Operators of PyTorch that its exporter, or the way from ONNX to TFLite, gets wrong: written with simpler ones.

torch.onnx.export 2.13 writes a GRU as ONNX's with linear_before_reset=0, where PyTorch's is 1; onnx2tf's LSTM keeps
47 dB in float, its bidirectional one 23; adaptive pools whose sizes do not divide become gathers with empty parts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edgeforge.errors import StageFailed

if TYPE_CHECKING:
    from torch.export import ExportedProgram

Tensor = Any
MOST_STEPS = 256  # of a recurrent layer: some 16 operators each


def with_simpler_operators(program: ExportedProgram) -> ExportedProgram:
    """Return an exported network with these operators rewritten; the very program where it has none of them.

    Raises StageFailed for a recurrent layer of too many steps, and for an interpolation that no exporter writes right.
    """
    nodes = [node for node in program.graph.nodes if node.op == "call_function"]
    for node in nodes:
        if "_aa" in str(node.target) and "upsample" in str(node.target):
            raise StageFailed(
                f"F.interpolate in {_module_of(node)} smooths (antialias=True), and ONNX's Resize smooths otherwise",
                fix="set antialias=False, or pool before it (nn.AvgPool2d)",
            )
    recurrent = [node.args[1] for node in nodes if any(kind in str(node.target) for kind in ("gru", "lstm", "rnn"))]
    table = _table(all(_zeros(state) for state in recurrent))
    wanted = {op: rule for op, rule in table.items() if any(node.target is op and _concerns(node) for node in nodes)}
    return program.run_decompositions(wanted) if wanted else program


def _module_of(node: Any) -> str:
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return f"module '{stack[-1][0]}'" if stack and stack[-1][0] else "forward of the model itself"


def _concerns(node: Any) -> bool:
    """Whether a node is one that needs another form; of recurrent layers, whether it has not too many steps."""
    if "pool" in str(node.target):
        sizes = list(node.args[0].meta["val"].shape[-len(node.args[1]) :])
        return any(size % wanted for size, wanted in zip(sizes, node.args[1], strict=True))
    steps = int(node.args[0].meta["val"].shape[1 if node.args[-1] else 0])
    if steps > MOST_STEPS:
        raise StageFailed(
            f"the recurrent layer in {_module_of(node)} takes {steps} steps; each becomes operators of its own, and "
            f"{MOST_STEPS} are the most",
            fix="shorten the sequence before it, with strides or pooling",
        )
    return True


def _zeros(state: Any) -> bool:
    """Whether a recurrent layer's first state is made of zeros: PyTorch's where forward gives none."""
    rows = state if isinstance(state, list | tuple) else [state]
    return all("zeros" in str(getattr(row, "target", "")) for row in rows)


def _table(from_zero: bool) -> dict[Any, Callable[..., Any]]:
    import torch

    aten = torch.ops.aten
    return {
        aten.gru.input: _recurrent(_gru_step, 3, from_zero),
        aten.lstm.input: _recurrent(_lstm_step, 4, from_zero),
        aten.rnn_tanh.input: _recurrent(_simple_step(torch.tanh), 1, from_zero),
        aten.rnn_relu.input: _recurrent(_simple_step(torch.relu), 1, from_zero),
        aten.adaptive_avg_pool1d.default: _pool_in_parts,
        aten.adaptive_avg_pool2d.default: _pool_in_parts,
    }


def _pool_in_parts(x: Tensor, sizes: list[int]) -> Tensor:
    """Return an adaptive average, along one dimension after the other: its parts are PyTorch's, which may overlap."""
    import torch
    from torch.nn.functional import avg_pool1d, avg_pool2d

    for place, wanted in enumerate(sizes):
        axis = x.dim() - len(sizes) + place
        size = int(x.shape[axis])
        if size == wanted:
            continue
        parts = []
        for i in range(wanted):
            low, high = i * size // wanted, -(-(i + 1) * size // wanted)
            window = [1] * len(sizes)
            window[place] = high - low
            part = x.index_select(axis, torch.arange(low, high))  # a slice comes out between transposes
            parts.append(avg_pool1d(part, window) if len(sizes) == 1 else avg_pool2d(part, window))
        x = torch.cat(parts, axis)
    return x


def _recurrent(step: Callable[..., list[Tensor]], gates: int, from_zero: bool) -> Callable[..., Any]:
    """Return a recurrent layer as dense layers and sums, step by step (nn.GRU, nn.LSTM and nn.RNN of PyTorch's docs).

    from_zero: nothing is computed of a first state that is zero, whose tensors would have no range.
    """

    def rule(x: Tensor, hx: Any, params: list[Tensor], biases: bool, layers: int, dropout: float, train: bool,
             bidirectional: bool, batch_first: bool) -> Any:  # fmt: skip
        import torch

        states: list[Tensor] = list(hx) if isinstance(hx, list | tuple) else [hx]  # each layers × directions,N,H
        ends: list[list[Tensor]] = [[] for _ in states]
        rows = list(x.unbind(1 if batch_first else 0))  # of each step: N,inputs
        directions = 2 if bidirectional else 1
        per_direction = len(params) // (layers * directions)
        for layer in range(layers):
            made: list[list[Tensor]] = []
            for direction in range(directions):
                place = layer * directions + direction
                weights = params[place * per_direction : (place + 1) * per_direction]
                parts = [weight.chunk(gates) for weight in weights]
                order = rows[::-1] if direction else rows
                state: list[Tensor] = [None if from_zero else kind[place] for kind in states]
                outputs = []
                for row in order:
                    given, before = _sums(row, parts, 0, biases), _sums(state[0], parts, 1, biases)
                    state = step(given, before, state)
                    outputs.append(state[0])
                made.append(outputs[::-1] if direction else outputs)
                for kind, end in zip(ends, state, strict=True):
                    kind.append(end)
            rows = [torch.cat(both, 1) if bidirectional else both[0] for both in zip(*made, strict=True)]
        return (torch.stack(rows, 1 if batch_first else 0), *(torch.stack(kind) for kind in ends))

    return rule


def _sums(row: Tensor, parts: list[Any], which: int, biases: bool) -> list[Tensor]:
    """Return a dense layer for each gate: of the inputs (which = 0), or of the state (1); None for sums of nothing."""
    from torch.nn.functional import linear

    offsets = parts[which + 2] if biases else [None] * len(parts[which])
    if row is None:
        return [None if offset is None else offset.unsqueeze(0) for offset in offsets]
    return [linear(row, weight, offset) for weight, offset in zip(parts[which], offsets, strict=True)]


def _plus(a: Tensor, b: Tensor) -> Tensor:
    return a if b is None else a + b


def _gru_step(given: list[Tensor], before: list[Tensor], state: list[Tensor]) -> list[Tensor]:
    import torch

    reset, update = (torch.sigmoid(_plus(a, b)) for a, b in zip(given[:2], before[:2], strict=True))
    new = torch.tanh(_plus(given[2], None if before[2] is None else reset * before[2]))
    return [new - update * new if state[0] is None else new + update * (state[0] - new)]


def _lstm_step(given: list[Tensor], before: list[Tensor], state: list[Tensor]) -> list[Tensor]:
    import torch

    take, keep, new, show = (_plus(a, b) for a, b in zip(given, before, strict=True))
    added = torch.sigmoid(take) * torch.tanh(new)
    cell = added if state[1] is None else torch.sigmoid(keep) * state[1] + added
    return [torch.sigmoid(show) * torch.tanh(cell), cell]


def _simple_step(activation: Callable[[Tensor], Tensor]) -> Callable[..., list[Tensor]]:
    return lambda given, before, state: [activation(_plus(given[0], before[0]))]
