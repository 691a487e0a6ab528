"""QOperator form (QLinearConv and its like) rewritten to Q/DQ form: DequantizeLinear, the operator, QuantizeLinear."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from edgeforge.errors import RecipeError
from edgeforge.onnx_graph.passes.onnx_pass import OnnxPass
from edgeforge.onnx_graph.quantized.parameters import named
from edgeforge.passes import Rewritten

if TYPE_CHECKING:
    import onnx

# Which inputs are triples, which are the output's scale and zero point, and where a bias stands.
Layout = tuple[tuple[int, ...], int, int | None]
LAYOUTS: dict[str, tuple[str, Layout]] = {
    "QLinearConv": ("Conv", ((0, 3), 6, 8)),
    "QLinearMatMul": ("MatMul", ((0, 3), 6, None)),
    "QGemm": ("Gemm", ((0, 3), 7, 6)),
    "QLinearAdd": ("Add", ((0, 3), 6, None)),
    "QLinearMul": ("Mul", ((0, 3), 6, None)),
    "QLinearAveragePool": ("AveragePool", ((0,), 3, None)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", ((0,), 3, None)),
    "QLinearLeakyRelu": ("LeakyRelu", ((0,), 3, None)),
    "QLinearReduceMean": ("ReduceMean", ((0,), 3, None)),
    "QLinearSigmoid": ("Sigmoid", ((0,), 3, None)),
    "QLinearSoftmax": ("Softmax", ((0,), 3, None)),
}
CONCAT = "QLinearConcat"  # output's scale and zero point first, then a triple an input
OWN = ("channels_last", "opset")  # attributes that the plain operators have not
DYNAMIC = ("DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "DynamicQuantizeMatMul", "MatMulIntegerToFloat",
           "DynamicQuantizeLSTM")  # fmt: skip
QDQ = "quantize it in Q/DQ form: quantize_static(quant_format=QuantFormat.QDQ)"


class PlainOperators(OnnxPass):
    """Replace each QLinear operator by what it computes. Ensures that none is left.

    Raises RecipeError for one without a plain form, and for dynamic quantization, which stores no ranges.
    """

    def rewrite(self, model: onnx.ModelProto) -> Rewritten[onnx.ModelProto]:
        """Return the model in Q/DQ form; `changed` are the operators' names."""
        nodes, changed = [], []
        for node in model.graph.node:
            _refuse_dynamic(node)
            if not is_qoperator(node):
                nodes.append(node)
                continue
            nodes += list(_plain(node, model))
            changed.append(node.name)
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        return Rewritten(model, tuple(changed))

    def remaining(self, model: onnx.ModelProto) -> Iterator[str]:
        """Yield the names of QLinear operators."""
        return (node.name for node in model.graph.node if is_qoperator(node))


def is_qoperator(node: onnx.NodeProto) -> bool:
    """Say whether a node computes in integers by itself, as QLinearConv does."""
    return node.op_type.startswith("QLinear") or node.op_type == "QGemm"


def _refuse_dynamic(node: onnx.NodeProto) -> None:
    if node.op_type in DYNAMIC:
        raise RecipeError(
            f"model: {named(node)} is quantized dynamically: the file holds no range of its activations",
            fix=f"{QDQ}, with calibration images; or name the float model here",
        )


def _plain(node: onnx.NodeProto, model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Yield DequantizeLinear of each input, the plain operator, and QuantizeLinear of its result."""
    from onnx import helper

    inputs = list(node.input)
    if node.op_type == CONCAT:
        kind, starts, out, bias = "Concat", tuple(range(2, len(inputs), 3)), 0, None
    elif node.op_type in LAYOUTS:
        kind, (starts, out, bias) = LAYOUTS[node.op_type]
    else:
        raise RecipeError(f"model: {named(node)} has no Q/DQ form that is known", fix=QDQ)
    given = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    if given.get("channels_last"):
        raise RecipeError(f"model: {named(node)} is made for N,H,W,C alone", fix=QDQ)
    read = []
    for start in starts:
        value, scale, zero = inputs[start : start + 3]
        real = f"{node.output[0]}/{start}"
        axis = _axis(node, start, model)
        yield _linear("DequantizeLinear", [value, scale, zero], real, f"{node.name}/dequantize_{start}", axis)
        read.append(real)
    if bias is not None and len(inputs) > bias and inputs[bias]:
        read.append(_bias(node, inputs, bias, model))
    plain = helper.make_node(kind, read, [f"{node.output[0]}/real"], name=f"{node.name}/{kind}")
    plain.attribute.extend(one for one in node.attribute if one.name not in OWN)
    plain.metadata_props.extend(node.metadata_props)
    ends = [name for name in inputs[out : out + 2] if name]
    if not ends:  # QGemm may give float
        plain.output[0] = node.output[0]
        yield plain
        return
    yield plain
    yield _linear("QuantizeLinear", [plain.output[0], *ends], node.output[0], f"{node.name}/quantize", None)


def _linear(kind: str, inputs: list[str], output: str, name: str, axis: int | None) -> onnx.NodeProto:
    from onnx import helper

    return helper.make_node(kind, inputs, [output], name=name, **({} if axis is None else {"axis": axis}))


def _axis(node: onnx.NodeProto, start: int, model: onnx.ModelProto) -> int | None:
    """Return the axis of a second input's scales: output channels of a convolution, columns of a matrix."""
    if start == 0 or node.op_type not in ("QLinearConv", "QLinearMatMul", "QGemm"):
        return None
    turned = any(one.name == "transB" and one.i for one in node.attribute)
    return 0 if node.op_type == "QLinearConv" or turned else 1


def _bias(node: onnx.NodeProto, inputs: list[str], place: int, model: onnx.ModelProto) -> str:
    """Add a bias in float: its integers count in steps of input scale × weight scale."""
    import numpy as np
    from onnx import numpy_helper

    values: Callable[[str], np.ndarray] = {  # type: ignore[type-arg]
        tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
    }.__getitem__
    try:
        step = values(inputs[1]).astype(np.float64) * values(inputs[4]).astype(np.float64)
        real = (values(inputs[place]) * step).astype(np.float32)
    except KeyError as error:
        raise RecipeError(f"model: {named(node)}: its bias or scales are no constants", fix=QDQ) from error
    name = f"{node.output[0]}/bias"
    model.graph.initializer.append(numpy_helper.from_array(real, name))
    return name
