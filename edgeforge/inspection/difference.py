"""What differs between two model files: layers by their counterparts, totals for files of two kinds."""

from __future__ import annotations

from math import prod
from pathlib import Path

from edgeforge.apart.run import in_worker
from edgeforge.hardware.board import Board
from edgeforge.hardware.libraries import Library
from edgeforge.inspection.inspected import Inspected
from edgeforge.inspection.read import inspect_file
from edgeforge.results.rows.inspected import ChangedLayer, InspectedLayer, ModelDifference, ModelRow, TensorRow
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes
from edgeforge.tflite.layer_match import align

MOST_ALIGNED = 4_000_000  # pairs: aligning takes layers of a times layers of b
ROLES = {1: "weights", 2: "bias"}  # of a layer that multiplies


@in_worker
def difference(
    a: Path, b: Path, shapes: Shapes = AS_THE_FILE_SAYS, board: Board | None = None, used: Library | None = None
) -> ModelDifference:
    """Return what differs between two model files. Layers are matched by operator and output shape, in their order."""
    left, right = inspect_file(a, shapes, board, used), inspect_file(b, shapes, board, used)
    one, two = left.row, right.row
    found = ModelDifference(a=one, b=two, same_bytes=one.sha256 == two.sha256, totals=_totals(one, two))
    if {one.format, two.format} - {"TFLite"} and one.format != two.format:
        found.reason = f"layers of {one.format} and {two.format} have no common names: only the sums are compared"
    elif len(one.layers) * len(two.layers) > MOST_ALIGNED:
        found.reason = f"{len(one.layers):,} and {len(two.layers):,} layers are too many to be matched"
    elif not found.same_bytes:
        _compare(left, right, found)
    return found


def _totals(a: ModelRow, b: ModelRow) -> dict[str, tuple[str, str]]:
    """Return the figures of both as text; those of a kind that neither has are left out."""
    rows = {
        "format": (a.format, b.format),
        "file bytes": (a.size_bytes, b.size_bytes),
        "layers": (len(a.layers), len(b.layers)),
        "multiply-accumulates": (a.macs, b.macs),
        "parameters": (a.parameters, b.parameters),
        "bytes of constants": (a.constant_bytes, b.constant_bytes),
        "peak of activations": (a.peak_bytes, b.peak_bytes),
        "inputs": tuple(_ends(row, row.inputs) for row in (a, b)),
        "outputs": tuple(_ends(row, row.outputs) for row in (a, b)),
    }
    return {name: (_text(one), _text(two)) for name, (one, two) in rows.items()}


def _text(value: object) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _ends(row: ModelRow, places: list[int]) -> str:
    return ", ".join(tensor_text(row.tensors[place]) for place in places)


def _compare(left: Inspected, right: Inspected, found: ModelDifference) -> None:
    a, b = left.row, right.row
    keys = [[_key(row, layer) for layer in row.layers] for row in (a, b)]

    def likeness(x: tuple[str, object, str], y: tuple[str, object, str]) -> float:
        if x[0] != y[0]:
            return 0.0
        return 1.0 + 2.0 * (x[1] == y[1]) + 1.0 * (x[2] == y[2])

    for one, two in align(keys[0], keys[1], likeness):
        layer = a.layers[one] if one is not None else b.layers[two or 0]
        changed = ChangedLayer(a=one, b=two, label=label(layer, one if one is not None else two or 0))
        if one is None or two is None:
            changed.differences.append(f"only in {'b' if one is None else 'a'}")
        else:
            found.matched += 1
            _differences(left, right, a.layers[one], b.layers[two], changed)
        if changed.differences or changed.integers_changed:
            found.layers.append(changed)


def _key(row: ModelRow, layer: InspectedLayer) -> tuple[str, object, str]:
    shape = row.tensors[layer.writes[0]].shape if layer.writes else None
    return layer.operator, None if shape is None else tuple(shape), layer.name


def _differences(
    left: Inspected, right: Inspected, a: InspectedLayer, b: InspectedLayer, changed: ChangedLayer
) -> None:
    """Write what differs of two layers into their row."""
    for what, one, two in (("reads", a.reads, b.reads), ("writes", a.writes, b.writes)):
        if len(one) != len(two):
            changed.differences.append(f"{what} {len(one)} → {len(two)} tensors")
        for place, (x, y) in enumerate(zip(one, two, strict=False)):
            tensor, other = left.row.tensors[x], right.row.tensors[y]
            if what == "reads" and tensor.kind == other.kind == "activation":
                continue  # said where it is written
            role = ROLES.get(place, f"input {place}") if a.macs and len(one) > 1 else f"input {place}"
            name = "output" if what == "writes" else role
            changed.differences += [f"{name}: {text}" for text in _of_tensors(tensor, other)]
            if what == "reads" and tensor.kind == other.kind == "constant":
                _of_values(left, right, x, y, changed)
    for name in dict.fromkeys([*a.options, *b.options]):
        if a.options.get(name) != b.options.get(name):
            changed.differences.append(f"{name} {a.options.get(name, '–')} → {b.options.get(name, '–')}")


def _of_tensors(a: TensorRow, b: TensorRow) -> list[str]:
    found = []
    if a.shape != b.shape:
        found.append(f"shape {shape_text(a.shape)} → {shape_text(b.shape)}")
    if a.dtype != b.dtype:
        found.append(f"type {a.dtype} → {b.dtype}")
    if a.kind != b.kind:
        found.append(f"{a.kind} → {b.kind}")
    for name, one, two in (("scale", a.scales, b.scales), ("zero point", a.zero_points, b.zero_points)):
        if one != two:
            found.append(_numbers_text(name, one, two))
    return found


def _numbers_text(name: str, a: list[float] | list[int], b: list[float] | list[int]) -> str:
    """Return how scales or zero points differ: of one each, or of how many channels."""
    if len(a) == len(b) > 1:
        differing = sum(x != y for x, y in zip(a, b, strict=True))
        return f"{name} of {differing} of {len(a)} channels"
    one, two = (
        f"{values[0]:.6g}" if len(values) == 1 else f"{len(values)} {name}s" if values else "none" for values in (a, b)
    )
    return f"{name} {one} → {two}"


def _of_values(left: Inspected, right: Inspected, a: int, b: int, changed: ChangedLayer) -> None:
    """Count how many numbers of two constants of one shape and type differ, and by how much at most."""
    import numpy as np

    one, two = left.values(a), right.values(b)
    if one is None or two is None or one.size != two.size or one.dtype != two.dtype:
        return
    same = one.ravel() == two.ravel()
    changed.integers = (changed.integers or 0) + int(one.size)
    changed.integers_changed = (changed.integers_changed or 0) + int((~same).sum())
    if not same.all():
        wide = np.float64 if one.dtype.kind == "f" else np.int64
        largest = float(np.abs(one.ravel().astype(wide) - two.ravel().astype(wide)).max())
        changed.largest = max(changed.largest or 0.0, largest)


def label(layer: InspectedLayer, place: int) -> str:
    """Return a layer as people find it: CONV_2D 3 (name)."""
    name = layer.name if len(layer.name) <= 40 else f"…{layer.name[-39:]}"
    return f"{layer.operator} {place} ({name})"


def shape_text(shape: list[int] | None) -> str:
    """Return a shape as text: 1×8×8×4; a size that the file leaves free is a question mark."""
    if shape is None:
        return "?"
    return "×".join(str(size) if size or (prod(shape) == 0 and len(shape) == 1) else "?" for size in shape) or "scalar"


def tensor_text(tensor: TensorRow) -> str:
    """Return a tensor's type and shape, and its scale where it has one: int8 1×8×8×4 (0.0124, -3)."""
    text = f"{tensor.dtype} {shape_text(tensor.shape)}"
    if len(tensor.scales) == 1:
        zero = f", {tensor.zero_points[0]}" if tensor.zero_points else ""
        text += f" ({tensor.scales[0]:.4g}{zero})"
    elif tensor.scales:
        text += f" ({len(tensor.scales)} scales)"
    return text
