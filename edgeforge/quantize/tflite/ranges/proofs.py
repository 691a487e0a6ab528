"""Puts known ranges into an int8 .tflite, and proves its scales, zero points and weights tensor by tensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgeforge.quantize.known_ranges import KnownRanges, QuantizedWeights
from edgeforge.quantize.tflite.ranges.matching import Matched, match
from edgeforge.quantize.tflite.static import quantize_static
from edgeforge.tflite.flatbuffer import operator_name, read_model
from edgeforge.tflite.layers import KINDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RELATIVE_TOLERANCE = 1e-6  # of a scale: it has gone through float32 minimum and maximum


def range_checks(quantized: bytes, matched: Matched, known: KnownRanges) -> list[dict[str, Any]]:
    """Return rows of results.rows.report.Check: activations, weights and biases against those that are known."""
    model = read_model(quantized)
    return [_activation_check(model.subgraphs[0], matched, known.owner), *_weight_checks(model, matched, known)]


def with_known_ranges(
    float_model: bytes, known: KnownRanges, origins: Mapping[int, tuple[str, ...]], *, per_channel_dense: bool
) -> tuple[bytes, Matched, list[dict[str, Any]]]:
    """Return a prepared float model quantized with known ranges, what was matched, and the proofs of it.

    Raises ParityError naming a tensor without a known range: nothing is calibrated anew.
    """
    matched = match(float_model, known, origins)
    model = quantize_static(
        float_model, matched.ranges, exceptions=matched.float_layers, per_channel_dense=per_channel_dense
    )
    return model, matched, range_checks(model, matched, known)


def _activation_check(graph: Any, matched: Matched, owner: str) -> dict[str, Any]:
    tensors = {tensor.name.decode(): tensor.quantization for tensor in graph.tensors}
    wrong = []
    for name, expected in matched.tensors.items():
        # Behind a float layer the range is that of the QUANTIZE which ai-edge-quantizer puts there, if one does.
        name = f"{name}_quantized" if name in matched.float_layers else name
        if name not in tensors:
            continue
        found = tensors[name]
        if found is None or found.scale is None:
            wrong.append(f"'{name}' is float")
        elif not _close(found.scale[0], expected.scale) or int(found.zeroPoint[0]) != expected.zero_point:
            wrong.append(
                f"'{name}' has {found.scale[0]:.7g} and {found.zeroPoint[0]}, "
                f"{owner}'s '{expected.name}' {expected.scale:.7g} and {expected.zero_point}"
            )
    proven = f"scale and zero point of all {len(matched.tensors)} activations"
    if matched.inherited:
        proven += f", {len(matched.inherited)} of them passed on from their input"
    return _check(f"{owner}'s activation ranges", wrong, proven)


def _weight_checks(model: Any, matched: Matched, known: KnownRanges) -> list[dict[str, Any]]:
    graph = model.subgraphs[0]
    weights = {entry.module: entry for entry in known.weights}
    layers = []
    for operator in graph.operators:
        name = graph.tensors[operator.outputs[0]].name.decode()
        if operator_name(model, operator) in KINDS and name in matched.tensors and name not in matched.float_layers:
            expected = weights.get(matched.tensors[name].module)
            if expected is not None:
                layers.append((name, operator, expected))
    wrong_scale, wrong_bias, identical, total = [], [], 0, 0
    for name, operator, expected in layers:
        tensor = graph.tensors[operator.inputs[1]]
        scale = tensor.quantization.scale
        if len(scale) != len(expected.scale) or not _close(scale, expected.scale):
            wrong_scale.append(f"'{name}'")
        import numpy as np

        values = np.frombuffer(bytes(model.buffers[tensor.buffer].data), np.int8).reshape(tensor.shape)
        layouts = _layouts(expected, values.shape, _flattened_image(graph, operator.inputs[0]))
        identical += max(int((values == layout).sum()) for layout in layouts)
        total += values.size
        if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
            input_scale = graph.tensors[operator.inputs[0]].quantization.scale[0]
            if not _close(graph.tensors[operator.inputs[2]].quantization.scale, input_scale * scale):
                wrong_bias.append(f"'{name}'")
    same = f"{identical:,} of {total:,} int8 weights identical"
    return [
        _check(f"{known.owner}'s weight scales", wrong_scale, f"all {len(layers)} layers; {same}"),
        _check("bias scale is input × weight scale", wrong_bias, f"all {len(layers)} layers, int32"),
    ]


def _flattened_image(graph: Any, tensor: int) -> tuple[int, int, int] | None:
    """Return (H,W,C) of the image, or (1,L,C) of the row, that a RESHAPE made this tensor of; None where none was."""
    maker = next((operator for operator in graph.operators if tensor in operator.outputs), None)
    before = list(graph.tensors[maker.inputs[0]].shape) if maker else []
    if len(before) == 3:
        return 1, before[1], before[2]
    return (before[1], before[2], before[3]) if len(before) == 4 else None


def _layouts(
    weights: QuantizedWeights, shape: tuple[int, ...], image: tuple[int, int, int] | None
) -> list[NDArray[np.int8]]:
    """Return known weights in the layouts TFLite may have: O,H,W,I, of rows O,1,L,I; depthwise 1,H,W,O; dense O,I.

    The columns of a dense layer behind a flattened image stand in H,W,C order there (FlattenChannelsLast).
    """
    values = weights.values[:, :, None] if weights.values.ndim == 3 else weights.values
    if values.ndim == 4:
        depthwise = shape[0] == 1 and values.shape[1] == 1 and shape[3] == values.shape[0]
        return [values.transpose(1, 2, 3, 0) if depthwise else values.transpose(0, 2, 3, 1)]
    if image is None or image[0] * image[1] * image[2] != values.shape[1]:
        return [values]
    h, w, c = image
    return [values, values.reshape(-1, c, h, w).transpose(0, 2, 3, 1).reshape(values.shape)]


def _close(found: Any, expected: Any) -> bool:
    import numpy as np

    return bool(np.allclose(found, expected, rtol=RELATIVE_TOLERANCE, atol=0.0))


def _check(name: str, offenders: list[str], proven: str) -> dict[str, Any]:
    found = "; ".join(offenders[:3]) + (f" and {len(offenders) - 3} more" if len(offenders) > 3 else "")
    return {"name": name, "passed": not offenders, "detail": f"not {found}" if offenders else proven}
