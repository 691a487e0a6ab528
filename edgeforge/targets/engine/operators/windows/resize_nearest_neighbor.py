"""RESIZE_NEAREST_NEIGHBOR: each pixel is one of the input's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeforge.targets.engine.fixed_point import round_away
from edgeforge.targets.engine.ir import BYTES, Operator
from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.operators.weighted.sizes import images
from edgeforge.targets.engine.read import Found

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ResizeNearestNeighbor(Operator):
    """input N,H,W,C, output N,h,w,C of int8 or int16. rows: h, columns: w: which of the input's each takes."""

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]


def lower(found: Found) -> ResizeNearestNeighbor:
    """Return the operator; which pixels are nearest is settled here."""
    source, target = found.input(0, "int8", "int16"), found.output(found.input(0).kind)
    found.rank(source, 4)
    if target.shape[::3] != source.shape[::3]:
        found.refuse(f"has the shape {target.shape}, its input {source.shape}", target)
    corners, centers = bool(found.option("alignCorners")), bool(found.option("halfPixelCenters"))
    rows = nearest(source.shape[1], target.shape[1], corners, centers)
    columns = nearest(source.shape[2], target.shape[2], corners, centers)
    return ResizeNearestNeighbor(found.label, (source,), (target,), rows, columns)


def nearest(size: int, output_size: int, align_corners: bool, half_pixel_centers: bool) -> NDArray[np.int32]:
    """Return the input's place for each of the output's (GetNearestNeighbor of resize_nearest_neighbor.h, float32)."""
    import numpy as np

    inner = align_corners and output_size > 1
    scale = np.float32(size - inner) / np.float32(output_size - inner)
    found = []
    for place in range(output_size):
        exact = np.float32(place + (0.5 if half_pixel_centers else 0.0)) * scale
        whole = round_away(float(exact)) if align_corners else int(np.floor(exact))
        found.append(max(min(whole, size - 1), 0))
    return np.array(found, np.int32)


class PortableResizeNearestNeighbor(Kernel[ResizeNearestNeighbor]):
    """Any sizes; copies pixels."""

    operator = ResizeNearestNeighbor
    function = "engine_resize_nearest_neighbor"
    source = "resize_nearest_neighbor"

    def arrays(self, operator: ResizeNearestNeighbor) -> dict[str, Array]:
        return {"rows": Array("int16_t", operator.rows), "columns": Array("int16_t", operator.columns)}

    def parameters(self, operator: ResizeNearestNeighbor, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            **images(operator),
            "pixel_bytes": operator.input.shape[3] * BYTES[operator.input.kind],
            "rows": arrays["rows"],
            "columns": arrays["columns"],
        }


LOWERINGS = {"RESIZE_NEAREST_NEIGHBOR": lower}
KERNELS = (PortableResizeNearestNeighbor(),)
