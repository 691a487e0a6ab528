"""Operator sets: a model of an old or a very new one, converted to one that every stage takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.errors import ParityError, RecipeError
from edgeforge.foreign.wording import cause, with_debug

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

OLDEST, NEWER = 13, 17  # quantization per channel came with 13
NEWEST = 20  # what torch.onnx.export writes, and all that follows is proven on
RELATIVE_TOLERANCE = 1e-5  # of the outputs' range: the operators are the same, at most in other words
EXPORT = f"export it with an opset up to {NEWEST}: torch.onnx.export(…, opset_version={NEWEST})"


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of ONNX's own operator set that a model is of."""
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)


def require_known_opset(model: onnx.ModelProto) -> None:
    """Raise RecipeError for an operator set that the installed onnx has not: what its operators do is not known."""
    import onnx

    opset, newest = opset_of(model), onnx.defs.onnx_opset_version()
    if opset > newest:
        raise RecipeError(f"it is of opset {opset}; the newest known here is {newest}", fix=EXPORT)


def settled_opset(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Return a model in an operator set that every stage takes: the very one, where it is of one already.

    name: the file's, for messages. An operator that is newer is written as those that it is defined by. Raises
    RecipeError naming the operator that has no such definition, ParityError where the outputs are not the same.
    """
    from onnx import version_converter

    opset = opset_of(model)
    if OLDEST <= opset <= NEWEST:
        return model
    try:
        plain = _without_newer_operators(model, name) if opset > NEWEST else model
        converted: onnx.ModelProto = version_converter.convert_version(plain, NEWER if opset < OLDEST else NEWEST)
    except RecipeError:
        raise
    except Exception as error:
        raise RecipeError(
            f"model: {name} is of opset {opset} and cannot be converted to {NEWEST}: {cause(error)}",
            fix=with_debug(EXPORT, error),
        ) from error
    converted.ir_version = min(converted.ir_version, 10)  # what all readers of opset 20 know
    _keep_metadata(model, converted)
    _require_same(model, converted, name)
    return converted


def _without_newer_operators(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    import onnx
    from onnx import inliner

    newer = {node.op_type: node for node in model.graph.node if _since(node) > NEWEST and not _older(node)}
    if not newer:
        return model
    typed = onnx.shape_inference.infer_shapes(model)  # what some definitions depend on, of constants too
    typed.graph.value_info.extend(
        onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        for tensor in model.graph.initializer
    )
    for node in typed.graph.node:
        if node.op_type in newer:  # a definition refers to attributes, and finds none that was left out
            known = onnx.defs.get_schema(node.op_type).attributes
            given = {one.name for one in node.attribute}
            defaults = (one.default_value for name, one in known.items() if name not in given)
            node.attribute.extend(value for value in defaults if value.name)
    plain: onnx.ModelProto = inliner.inline_selected_functions(
        typed, [("", kind) for kind in newer], inline_schema_functions=True
    )
    del plain.graph.value_info[:]
    left = next((node for node in plain.graph.node if node.op_type in newer), None)
    if left is not None:
        raise RecipeError(
            f"model: {name}: operator {left.op_type} '{left.name}' came with opset {_since(left)}, "
            f"and nothing in opset {NEWEST} stands for it",
            fix=f"replace it in the network, and {EXPORT}",
        )
    return plain


def _since(node: onnx.NodeProto) -> int:
    import onnx

    if node.domain not in ("", "ai.onnx"):
        return 0
    return int(onnx.defs.get_schema(node.op_type).since_version)


def _older(node: onnx.NodeProto) -> bool:
    """Say whether an operator of this name was there already."""
    import onnx

    try:
        onnx.defs.get_schema(node.op_type, NEWEST)
    except Exception:  # onnx's own SchemaError
        return False
    return True


def _keep_metadata(before: onnx.ModelProto, after: onnx.ModelProto) -> None:
    """Give nodes the modules' names that the converter leaves out."""
    known = {node.output[0]: node.metadata_props for node in before.graph.node if node.output}
    for node in after.graph.node:
        if node.output and node.output[0] in known and not node.metadata_props:
            node.metadata_props.extend(known[node.output[0]])
    if not after.metadata_props:
        after.metadata_props.extend(before.metadata_props)


def _require_same(before: onnx.ModelProto, after: onnx.ModelProto, name: str) -> None:
    import numpy as np

    expected, found = (_outputs(model) for model in (before, after))
    for a, b in zip(expected, found, strict=True):
        apart = float(abs(a.astype(np.float64) - b).max()) if a.size else 0.0
        spread = float(a.max() - a.min()) if a.size else 0.0
        if not apart <= RELATIVE_TOLERANCE * spread:
            raise ParityError(
                f"{name} converted from opset {opset_of(before)} to {opset_of(after)} differs by {apart:.2g}, "
                f"where its outputs span {spread:.2g}",
                fix=EXPORT,
            )


def _outputs(model: onnx.ModelProto) -> list[NDArray[Any]]:
    """Return the outputs of one random input; sizes that the file leaves open are 1 (the batch) or 32."""
    import numpy as np

    random = np.random.default_rng(0)
    weights = {tensor.name for tensor in model.graph.initializer}
    feeds = {}
    for value in model.graph.input:
        if value.name not in weights:
            sizes = [size.dim_value for size in value.type.tensor_type.shape.dim]
            shape = [size or (32 if place else 1) for place, size in enumerate(sizes)]
            feeds[value.name] = random.uniform(0, 1, shape).astype(np.float32)
    return run_model(model, feeds)


def run_model(model: onnx.ModelProto, feeds: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the outputs of ONNX Runtime or, for operators that it has not yet, of onnx's own evaluator, in NumPy."""
    import onnxruntime
    from onnx.reference import ReferenceEvaluator
    from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as Lacking

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Lacking:
        return list(ReferenceEvaluator(model).run(None, feeds))
    made: list[NDArray[Any]] = session.run(None, feeds)
    return made
