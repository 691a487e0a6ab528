"""Averages and resizes over one dimension as those over two that TFLite has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgeforge.onnx_graph.graph import attributes, constants, inferred_shapes, replace
from edgeforge.onnx_graph.passes.onnx_pass import OnnxPass
from edgeforge.passes import Rewritten

if TYPE_CHECKING:
    import onnx


class TwoDimensions(OnnxPass):
    """Write each average or Resize of (N,C,L) as Unsqueeze, one of (N,C,1,L), Squeeze.

    onnx2tf's direct way brings PyTorch's layout back for them; the reshapes that this adds cost nothing. Ensures that
    no average over the last of three kept dimensions, and no Resize of three, is left.
    """

    def rewrite(self, model: onnx.ModelProto) -> Rewritten[onnx.ModelProto]:
        """Return the model with these over two dimensions."""
        import numpy as np
        from onnx import helper, numpy_helper

        changed = []
        for place, node in reversed(_found(model)):
            axes = f"{node.name}_axes"
            model.graph.initializer.append(numpy_helper.from_array(np.array([2], np.int64), axes))
            flat, made = f"{node.input[0]}_as_image_{place}", f"{node.output[0]}_as_image"
            middle = _of_images(model, node, flat, made)
            parts = [
                helper.make_node("Unsqueeze", [node.input[0], axes], [flat], f"{node.name}_as_image"),
                middle,
                helper.make_node("Squeeze", [made, axes], list(node.output), f"{node.name}_as_row"),
            ]
            replace(model, place, parts)
            changed.append(middle.name)
        return Rewritten(model, tuple(changed[::-1]))

    def remaining(self, model: onnx.ModelProto) -> Iterator[str]:
        """Yield those that are left."""
        return (node.name for _, node in _found(model))


def _found(model: onnx.ModelProto) -> list[tuple[int, onnx.NodeProto]]:
    known, values = inferred_shapes(model), constants(model)

    def fits(node: onnx.NodeProto) -> bool:
        if len(known.get(node.input[0], ()) if node.input else ()) != 3:
            return False
        settings = attributes(node)
        if node.op_type not in ("GlobalAveragePool", "ReduceMean"):
            constant = all(name in values for name in node.input[2:] if name)
            return node.op_type == "Resize" and not settings.get("axes") and constant
        axes = settings.get("axes", values.get(node.input[1]) if node.input[1:] else None)
        over_last = axes is not None and [int(axis) % 3 for axis in axes] == [2] and settings.get("keepdims", 1)
        return node.op_type == "GlobalAveragePool" or bool(over_last)

    return [(place, node) for place, node in enumerate(model.graph.node) if fits(node)]


def _of_images(model: onnx.ModelProto, node: onnx.NodeProto, source: str, target: str) -> onnx.NodeProto:
    """Return the node over two dimensions."""
    import numpy as np
    from onnx import helper, numpy_helper

    if node.op_type != "Resize":
        return helper.make_node("GlobalAveragePool", [source], [target], node.name)
    values, inputs = constants(model), [source, ""]
    for name in node.input[2:]:
        if not name or values[name].size != 3:
            inputs.append("")
            continue
        given = values[name]
        wider = np.insert(given, 2, 1).astype(given.dtype)
        model.graph.initializer.append(numpy_helper.from_array(wider, f"{node.name}_{name}_as_image"))
        inputs.append(f"{node.name}_{name}_as_image")
    while not inputs[-1]:
        inputs.pop()
    made = helper.make_node("Resize", inputs, [target], node.name)
    made.attribute.extend(node.attribute)
    return made
