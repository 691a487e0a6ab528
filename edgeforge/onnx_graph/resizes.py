"""What of ONNX's Resize TFLite has no operator for, said before the conversion."""

from __future__ import annotations

from math import isclose
from typing import TYPE_CHECKING

from edgeforge.errors import RecipeError
from edgeforge.onnx_graph.checks import module_of
from edgeforge.onnx_graph.graph import attributes, constants, inferred_shapes

if TYPE_CHECKING:
    import onnx

WITHOUT_TFLITE = "or build without TFLite: --set quantize.tflite.variants=[]"


def require_resizes(model: onnx.ModelProto) -> None:
    """Raise RecipeError naming a Resize, and its module, that TFLite would compute otherwise."""
    values, known = constants(model), inferred_shapes(model)
    for node in model.graph.node:
        if node.op_type != "Resize":
            continue
        settings = attributes(node)
        mode = settings.get("mode", b"nearest").decode()
        where = f"operator Resize of module '{module_of(node)}'"
        if mode == "cubic":
            raise RecipeError(
                f"{where} interpolates by cubes (mode='bicubic'), which TFLite has no operator for",
                fix=f"use mode='bilinear', {WITHOUT_TFLITE}",
            )
        scales = values.get(node.input[2]) if len(node.input) > 2 and node.input[2] else None
        sizes = known.get(node.input[0], []), known.get(node.output[0], [])
        if scales is None or scales.size == 0 or len(sizes[0]) != len(scales) or len(sizes[1]) != len(scales):
            continue
        for scale, before, after in zip(scales.tolist(), *sizes, strict=True):
            if before and not isclose(scale * before, after, abs_tol=1e-3):
                raise RecipeError(
                    f"{where} scales {before} by {scale:.4g}, which is not whole: PyTorch places {after} values by "
                    f"that, TFLite by {after}/{before}",
                    fix=f"give F.interpolate size=…, or recompute_scale_factor=True, {WITHOUT_TFLITE}",
                )
