"""Is the float32 .tflite what the ONNX model is? Asked in every build, whatever variants it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from edgeforge.errors import ParityError
from edgeforge.onnx_graph.checks import module_of
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.runtimes.onnxruntime import OnnxRunner
from edgeforge.tflite.graph import Graph, TensorRunner, targets

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

INPUTS = 32
# Float rounding in another order of summation; a wrong layout is off by orders of magnitude more.
RELATIVE_TOLERANCE = 1e-4


def require_equal(
    floating: bytes, source: Path, samples: NDArray[np.float32], origins: Mapping[int, tuple[str, ...]]
) -> dict[str, Any]:
    """Return the proof that a float32 .tflite gives the outputs of the .onnx file that it was made of.

    samples: N,C,H,W float32. origins: see FloatTFLite. Raises ParityError, which names the operator that differs first.
    """
    samples = samples[:INPUTS]
    expected = OnnxRunner(source).run(samples)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "float32.tflite"
        path.write_bytes(floating)
        found = LiteRTRunner(path).run(samples)
    difference = _relative(expected, found)
    detail = f"{difference:.1e} of the logits' range at most on {len(expected)} calibration images"
    if not difference <= RELATIVE_TOLERANCE:
        first = _first_difference(floating, source, samples[:1], origins)
        begins = f"; it begins at {first}" if first else ""
        raise ParityError(
            f"TFLite float32 differs from ONNX by {detail} (allowed: {RELATIVE_TOLERANCE:.0e}){begins}",
            fix="the converter gets that operator wrong: write it otherwise in the network"
            if first
            else "look for a reshape or transpose in the model that mixes channels with height or width",
        )
    return {"name": "equal to ONNX", "passed": True, "detail": detail}


def _relative(expected: NDArray[Any], found: NDArray[Any]) -> float:
    """Return the largest difference over the range of what is expected; infinite for other shapes."""
    if expected.shape != found.shape:
        return float("inf")
    width = float(expected.max() - expected.min())
    return float(abs(found - expected).max()) / (width or 1.0)


def _first_difference(
    floating: bytes, source: Path, image: NDArray[np.float32], origins: Mapping[int, tuple[str, ...]]
) -> str:
    """Return the first operator whose values differ, and its module; empty where none can be named."""
    import onnx
    import onnxruntime

    model = onnx.load(source)
    makers = {name: node for node in model.graph.node for name in node.output if name}
    given = {value.name for value in model.graph.output}
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in makers if name not in given)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    values = dict(zip(names, session.run(names, {session.get_inputs()[0].name: image}), strict=True))
    graph = Graph(floating)
    try:
        runner = TensorRunner(floating, every=True)
    except RuntimeError:  # LiteRT's own kernels check shapes that XNNPACK does not
        return ""
    ours = image.transpose(0, 2, 3, 1).reshape(graph.shape(graph.inputs[0]))
    places = [place for operator in graph.operators for place in targets(operator) if place in origins]
    for place, found in zip(places, runner.run([ours], places), strict=True):
        name = next((said for said in reversed(origins[place]) if said in makers), None)
        if name and _relative(_channels_last(values[name], found.shape), found) > RELATIVE_TOLERANCE:
            return f"operator {makers[name].op_type} of module '{module_of(makers[name])}'"
    return ""


def _channels_last(value: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    moved = value.transpose(0, *range(2, value.ndim), 1) if value.ndim > 2 else value
    return moved if moved.shape == shape else value.reshape(shape) if value.size == prod(shape) else value
