"""The outputs that a bundle's self-test compares with: the desk's, where those can be trusted, else the reference's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.foreign.wording import reason_of
from edgeforge.results.rows.calibration import Finding
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.runtimes.onnxruntime import OnnxRunner
from edgeforge.runtimes.second_process import Model
from edgeforge.runtimes.self_agreement import agreement, on_this_desk

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RUNTIME = "onnxruntime"
MAX_STEPS = 1.01  # of the output's scale; its multiples are not exact in float32
FLOAT_OUTPUT = 0.02  # of the outputs' range, where the output itself is not quantized
UNOPTIMIZED = "its graph unoptimised"
EVALUATOR = "onnx's reference evaluator"
EVALUATED_OPSET = 19  # the first whose QuantizeLinear it knows
ASK_DOCTOR = "`edgeforge doctor` says whether it is this desk; if not, try raspberry_pi.optimize: basic"
PLAIN_KERNELS = "LiteRT's reference kernels"
ASK_LITERT = "`edgeforge doctor` says whether it is this desk"
ANOTHER_RELEASE = "install another release of onnxruntime; `edgeforge doctor` says what is trustworthy on this desk"


@dataclass(frozen=True)
class Goldens:
    """Outputs (N,outputs float32), whose they are, and what is wrong with the runtime that should have given them."""

    outputs: NDArray[np.float32]
    origin: str
    finding: Finding | None = None


def golden_outputs(
    target: Path, source: Path, images: NDArray[np.float32], *, int8: bool = False, step: float | None = None
) -> Goldens:
    """Return the goldens of a model optimised for the device (`target`), made from `source` (.onnx).

    images: N,C,H,W float32. int8: the model is quantized, and its outputs must be within one step of those of its
    graph unoptimised. step: the scale of its output; None where that is float.
    """
    found = agreement(OnnxRunner(target), Model(target), images)
    here = on_this_desk(RUNTIME)
    if found.agrees and not int8:
        return Goldens(found.outputs, here)
    if not found.agrees:
        reference, origin = reference_outputs(source, images)
        what = f"{target.name}: {here} disagrees with itself: {found}; the bundle's goldens are those of {origin}"
        return Goldens(reference, origin, Finding(severity="error", what=what, remedy=ANOTHER_RELEASE))
    plain = OnnxRunner(source, optimized=False).run(images)
    apart = float(abs(found.outputs - plain).max())
    if apart <= (step * MAX_STEPS if step else FLOAT_OUTPUT * float(plain.max() - plain.min())):
        return Goldens(found.outputs, here)
    reference, origin = reference_outputs(source, images)
    by = f"{apart / step:.0f} steps of its output" if step else f"{apart:.3g}, over {FLOAT_OUTPUT:g} of its range"
    what = f"{target.name}: {here} differs from {UNOPTIMIZED} by {by}; the bundle's goldens are those of {origin}"
    # A warning: on a deep network roundings add up. Where it is more than those, the desk's self-test fails, an error.
    return Goldens(reference, origin, Finding(severity="warning", what=what, remedy=ASK_DOCTOR))


def litert_goldens(target: Path, images: NDArray[np.float32], steps: int, scale: float | None, share: float) -> Goldens:
    """Return the goldens of a .tflite, of LiteRT as it runs on this desk, by XNNPACK.

    images: N,C,H,W float32. They must be within `steps` of the output's `scale` of LiteRT's reference kernels'
    outputs, or within `share` of their range where the output is not quantized; else those are the goldens.
    """
    found = agreement(LiteRTRunner(target, threads=1), Model(target), images)
    here = on_this_desk("litert")
    plain = LiteRTRunner(target, threads=1, kernels="reference").run(images)
    if not found.agrees:
        what = (
            f"{target.name}: {here} disagrees with itself: {found}; the bundle's goldens are those of {PLAIN_KERNELS}"
        )
        remedy = ANOTHER_RELEASE.replace(RUNTIME, "ai-edge-litert")
        return Goldens(plain, PLAIN_KERNELS, Finding(severity="error", what=what, remedy=remedy))
    apart = float(abs(found.outputs - plain).max())
    if apart <= (steps * scale * MAX_STEPS if scale else share * float(plain.max() - plain.min())):
        return Goldens(found.outputs, here)
    by = f"{apart / scale:.0f} steps of its output" if scale else f"{apart:.3g}, over {share:g} of its range"
    what = f"{target.name}: {here} differs from {PLAIN_KERNELS} by {by}; the bundle's goldens are those"
    return Goldens(plain, PLAIN_KERNELS, Finding(severity="warning", what=what, remedy=ASK_LITERT))


def reference_outputs(source: Path, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], str]:
    """Return the outputs (N,outputs float32) of a graph as it stands, and what computed them.

    That is ONNX Runtime without its optimisations, in float for a QDQ model, where it agrees with itself; else
    onnx's own evaluator, in NumPy.
    """
    found = agreement(OnnxRunner(source, optimized=False), Model(source, "unoptimized"), images)
    if found.agrees:
        return found.outputs, f"{UNOPTIMIZED} ({on_this_desk(RUNTIME)})"
    try:
        return _evaluated(source, images), f"{EVALUATOR}, as {UNOPTIMIZED} disagrees with itself too"
    except Exception as error:  # the evaluator lacks an operator
        return found.outputs, f"one run of {UNOPTIMIZED}, which disagrees with itself too ({reason_of(error)})"


def _evaluated(source: Path, images: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np
    import onnx
    from onnx.reference import ReferenceEvaluator

    model = onnx.load(source)
    opset = next(one.version for one in model.opset_import if not one.domain)
    if opset < EVALUATED_OPSET:
        model = onnx.version_converter.convert_version(model, EVALUATED_OPSET)
    evaluator = ReferenceEvaluator(model)
    name = evaluator.input_names[0]
    return np.concatenate([evaluator.run(None, {name: image[None]})[0] for image in images])
