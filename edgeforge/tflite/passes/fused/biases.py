"""A bias added behind a transposed convolution, as its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edgeforge.passes import Pass, Refusal, Rewritten
from edgeforge.tflite.flatbuffer import operators, write_model
from edgeforge.tflite.graph import Graph, constant_value, layer_label, sources, targets
from edgeforge.tflite.layers import activation_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BEHIND = ("NONE", "RELU")  # of the ADD; RELU stays, as an operator of its own


class FuseBiases(Pass[bytes]):
    """Give each TRANSPOSE_CONV the constant that an ADD behind it, or behind its crop, adds to every pixel.

    onnx2tf's direct way leaves them apart: in int8 that is a rounding more, and a tensor that no module of PyTorch has.
    Requires a float model of one subgraph. Ensures that only ADDs go, and RELUs come in place of those that had one.
    Refused: an ADD with another activation, of a tensor that others read, or of something else than a value a channel.
    """

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with biases; the very bytes where there are none."""
        graph = Graph(model)
        kept: list[Any] = []
        changed, refused = [], []
        makers = _makers(graph)
        for place, operator in enumerate(graph.operators):
            source = next((tensor for tensor in sources(operator) if tensor in makers), None)
            if graph.names[place] != "ADD" or source is None:
                kept.append(operator)
                continue
            bias, reason = _bias(graph, place, source)
            if bias is None:
                refused.append(Refusal(layer_label(graph, place), reason))
                kept.append(operator)
                continue
            changed.append(layer_label(graph, place))
            maker = makers[source]
            maker.inputs = [*sources(maker), _constant(graph, bias, f"{graph.name(source)}_bias")]
            if activation_of(operator) == "NONE":
                last = next(one for one in graph.operators if source in targets(one))
                last.outputs = operator.outputs
            else:
                kept.append(_relu(graph, source, targets(operator)[0]))
        if not changed:
            return Rewritten(model, refused=tuple(refused))
        graph.graph.operators = kept
        return Rewritten(write_model(graph.model), tuple(changed), tuple(refused))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield operators that have come or gone otherwise."""
        was, made = Counter(operators(before)), Counter(operators(after.model))
        if (
            was["ADD"] - made["ADD"] != len(after.changed)
            or (was - made).keys() > {"ADD"}
            or (made - was).keys() > {"RELU"}
        ):
            yield f"the operators were {dict(was)}, are {dict(made)}"


def _makers(graph: Graph) -> dict[int, Any]:
    """Return the outputs of transposed convolutions without a bias, and of crops behind them, and the convolution."""
    makers: dict[int, Any] = {}
    for kind, operator in zip(graph.names, graph.operators, strict=True):
        if kind == "TRANSPOSE_CONV" and len(sources(operator)) == 3:
            makers[targets(operator)[0]] = operator
        elif kind == "STRIDED_SLICE" and (cropped := sources(operator)[0]) in makers:
            whole, part = graph.shape(cropped), graph.shape(targets(operator)[0])
            if len(graph.readers(cropped)) == 1 and len(whole) == len(part) and whole[-1] == part[-1]:
                makers[targets(operator)[0]] = makers[cropped]
    return makers


def _bias(graph: Graph, place: int, source: int) -> tuple[NDArray[np.float32] | None, str]:
    """Return the value a channel that an ADD adds to a tensor, or None and the reason why it is none."""
    operator = graph.operators[place]
    others = [tensor for tensor in sources(operator) if tensor != source]
    if len(graph.readers(source)) > 1 or source in graph.outputs:
        return None, "what it adds to has other readers"
    if activation_of(operator) not in BEHIND:
        return None, f"TFLM's transposed convolution has no room for {activation_of(operator)}"
    value = constant_value(graph, others[0]) if others else None
    if value is None or value.size != graph.shape(source)[-1] or value.reshape(-1).size != value.shape[-1]:
        return None, "it does not add one value a channel"
    return value.reshape(-1), ""


def _constant(graph: Graph, value: NDArray[np.float32], name: str) -> int:
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    buffer, tensor = schema.BufferT(), schema.TensorT()
    buffer.data = np.frombuffer(value.tobytes(), np.uint8)
    graph.model.buffers.append(buffer)
    tensor.name, tensor.type, tensor.shape = name.encode(), schema.TensorType.FLOAT32, [value.size]
    tensor.buffer = len(graph.model.buffers) - 1
    graph.graph.tensors.append(tensor)
    return len(graph.graph.tensors) - 1


def _relu(graph: Graph, source: int, target: int) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    kind = schema.BuiltinOperator.RELU
    code = next((n for n, one in enumerate(graph.model.operatorCodes) if one.builtinCode == kind), None)
    if code is None:
        made = schema.OperatorCodeT()
        made.builtinCode = made.deprecatedBuiltinCode = kind
        made.version = 1
        graph.model.operatorCodes.append(made)
        code = len(graph.model.operatorCodes) - 1
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, [source], [target]
    return operator
