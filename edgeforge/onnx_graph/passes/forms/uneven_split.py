"""A split into parts of different sizes, as the slices that it is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from edgeforge.onnx_graph.graph import attributes, constants, inferred_shapes, replace
from edgeforge.onnx_graph.passes.onnx_pass import OnnxPass
from edgeforge.passes import Rewritten

if TYPE_CHECKING:
    import onnx


class UnevenSplit(OnnxPass):
    """Write each Split into unequal parts as a Slice a part: TFLite's SPLIT makes equal ones.

    PyTorch's chunk and split make such of a dimension that they do not divide. Ensures that none is left whose sizes
    are known.
    """

    def rewrite(self, model: onnx.ModelProto) -> Rewritten[onnx.ModelProto]:
        """Return the model with slices."""
        import numpy as np
        from onnx import helper, numpy_helper

        changed = []
        known, values = inferred_shapes(model), constants(model)
        for place, node in reversed(list(enumerate(model.graph.node))):
            sizes = _sizes(node, known, values)
            if len(set(sizes)) < 2:
                continue
            axis = int(attributes(node).get("axis", 0))
            parts = []
            for number, (output, end, size) in enumerate(zip(node.output, accumulate(sizes), sizes, strict=True)):
                ends = {"starts": end - size, "ends": end, "axes": axis}
                names = [f"{node.name}_{number}_{what}" for what in ends]
                for name, value in zip(names, ends.values(), strict=True):
                    model.graph.initializer.append(numpy_helper.from_array(np.array([value], np.int64), name))
                parts.append(helper.make_node("Slice", [node.input[0], *names], [output], f"{node.name}_{number}"))
            replace(model, place, parts)
            changed.append(node.name)
        return Rewritten(model, tuple(changed[::-1]))

    def remaining(self, model: onnx.ModelProto) -> Iterator[str]:
        """Yield the uneven ones."""
        known, values = inferred_shapes(model), constants(model)
        return (node.name for node in model.graph.node if len(set(_sizes(node, known, values))) > 1)


def _sizes(node: onnx.NodeProto, known: dict[str, list[int]], values: dict[str, Any]) -> list[int]:
    """Return the sizes of a Split's parts along its axis; none where they are not known."""
    if node.op_type != "Split":
        return []
    given = values.get(node.input[1]) if len(node.input) > 1 else attributes(node).get("split")
    if given is not None:
        return [int(size) for size in given]
    axis = int(attributes(node).get("axis", 0))
    shapes = [known.get(output, []) for output in node.output]
    return [shape[axis] for shape in shapes] if all(shapes) else []
