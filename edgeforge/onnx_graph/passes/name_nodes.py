"""Names for nodes that have none: exporters other than PyTorch's may leave them out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgeforge.onnx_graph.graph import faults, unnamed
from edgeforge.passes import Pass, Rewritten

if TYPE_CHECKING:
    import onnx


class NameNodes(Pass["onnx.ModelProto"]):
    """Call every node without a name of its own after its operator and its place, such as `Conv_3`.

    Requires a well-formed graph. Ensures that every node has a name, and no two the same; other names stay.
    """

    def requires(self, model: onnx.ModelProto) -> Iterator[str]:
        """Yield what is ill-formed."""
        return faults(model)

    def rewrite(self, model: onnx.ModelProto) -> Rewritten[onnx.ModelProto]:
        """Return the model with names."""
        counts = Counter(node.name for node in model.graph.node)
        taken, changed = set(counts), []
        for place, node in enumerate(model.graph.node):
            if node.name and counts[node.name] == 1:
                continue
            name = f"{node.op_type}_{place}"
            while name in taken:
                name += "_"
            node.name = name
            taken.add(name)
            changed.append(name)
        return Rewritten(model, tuple(changed))

    def ensures(self, before: onnx.ModelProto, after: Rewritten[onnx.ModelProto]) -> Iterator[str]:
        """Yield the nodes that still have no name of their own."""
        return unnamed(after.model)
