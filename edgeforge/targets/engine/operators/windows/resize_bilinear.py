"""RESIZE_BILINEAR: each pixel is a mixture of four of the input's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeforge.targets.engine.ir import Operator
from edgeforge.targets.engine.kernel import Field, Kernel
from edgeforge.targets.engine.operators.weighted.sizes import images
from edgeforge.targets.engine.read import Found

ONE = 1 << 10


@dataclass(frozen=True, eq=False)
class ResizeBilinear(Operator):
    """input N,H,W,C, output N,h,w,C of int8. scale: input pixels a pixel of the output, in 1/1024 (height, width)."""

    scale: tuple[int, int]
    half_pixel_centers: bool


def lower(found: Found) -> ResizeBilinear:
    """Return the operator as ResizeBilinearInteger of resize_bilinear.h prepares it."""
    source, target = found.input(0, "int8"), found.output("int8")
    found.rank(source, 4)
    corners, centers = bool(found.option("alignCorners")), bool(found.option("halfPixelCenters"))
    if corners and centers:
        found.refuse("it aligns corners and has half pixel centers, which exclude each other")
    if target.shape[::3] != source.shape[::3]:
        found.refuse(f"has the shape {target.shape}, its input {source.shape}", target)
    height, width = (_scale(source.shape[axis], target.shape[axis], corners) for axis in (1, 2))
    return ResizeBilinear(found.label, (source,), (target,), (height, width), centers)


def _scale(size: int, output_size: int, align_corners: bool) -> int:
    inner = int(align_corners and output_size > 1)
    return (ONE * (size - inner) + (output_size - inner) // 2) // (output_size - inner)


class PortableResizeBilinear(Kernel[ResizeBilinear]):
    """Any sizes; int8."""

    operator = ResizeBilinear
    function = "engine_resize_bilinear"
    source = "resize_bilinear"

    def parameters(self, operator: ResizeBilinear, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            **images(operator),
            "scale_y": operator.scale[0],
            "scale_x": operator.scale[1],
            "half_pixel_centers": operator.half_pixel_centers,
        }


LOWERINGS = {"RESIZE_BILINEAR": lower}
KERNELS = (PortableResizeBilinear(),)
