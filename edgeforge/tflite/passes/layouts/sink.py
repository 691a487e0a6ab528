"""Transposes and reshapes that a converter puts around single operators, moved behind functions of single values.

onnx2tf's direct way computes some operators (ELU, SIN, comparisons, all between one-dimensional convolutions) in
PyTorch's layout, between a TRANSPOSE and one back.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgeforge.passes import Pass, Rewritten
from edgeforge.tflite.flatbuffer import operators, write_model
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.passes.layouts.edits import LAYOUTS
from edgeforge.tflite.passes.layouts.joining import join_layouts
from edgeforge.tflite.passes.layouts.reductions import below_gate, below_reduction
from edgeforge.tflite.passes.layouts.sinking import below_function, below_one, below_several

MOVES = (join_layouts, below_one, below_several, below_function, below_reduction, below_gate)


class SinkLayouts(Pass[bytes]):
    """Let TRANSPOSE and RESHAPE change places with what computes value by value, and join those that meet.

    Two RESHAPEs are one, two TRANSPOSEs are one or none, and TRANSPOSE, RESHAPE, TRANSPOSE that leave the channels
    last are one RESHAPE. Requires a float model of one subgraph. Ensures no TRANSPOSE more than before, and the same
    operators that compute.
    """

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with fewer of them; the very bytes where none can move."""
        graph, changed = Graph(model), []
        while what := next(filter(None, (move(graph) for move in MOVES)), ""):
            changed.append(what)
            graph = Graph(graph.model)
        return Rewritten(write_model(graph.model) if changed else model, tuple(changed))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield operators that are more, or computing ones that are fewer."""
        old, new = operators(before), operators(after.model)
        if new.get("TRANSPOSE", 0) > old.get("TRANSPOSE", 0):
            yield f"there are {new['TRANSPOSE']} TRANSPOSEs, there were {old.get('TRANSPOSE', 0)}"
        if {k: n for k, n in old.items() if k not in LAYOUTS} != {k: n for k, n in new.items() if k not in LAYOUTS}:
            yield f"the operators were {old}, are {new}"
