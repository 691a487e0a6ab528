"""What every pass over an ONNX graph requires and ensures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgeforge.onnx_graph.graph import faults, unnamed
from edgeforge.passes import Pass, Rewritten

if TYPE_CHECKING:
    import onnx


class OnnxPass(Pass["onnx.ModelProto"]):
    """A pass that rewrites a graph in place. Requires nodes with names of their own; ensures a well-formed graph.

    What a pass adds is called after the node that it adds it for, so that without names two would be called the same.
    """

    def requires(self, model: onnx.ModelProto) -> Iterator[str]:
        """Yield the nodes without a name of their own."""
        return unnamed(model)

    def ensures(self, before: onnx.ModelProto, after: Rewritten[onnx.ModelProto]) -> Iterator[str]:
        """Yield what is ill-formed, and what the pass should have rewritten and neither did nor refused."""
        yield from faults(after.model)
        yield from unnamed(after.model)
        refused = {refusal.place for refusal in after.refused}
        yield from (f"'{name}' is still there" for name in self.remaining(after.model) if name not in refused)

    def remaining(self, model: onnx.ModelProto) -> Iterator[str]:
        """Yield the names of the nodes that the pass exists to rewrite."""
        return iter(())
