"""The operators of a .tflite file as a graph, and smaller models cut out of it."""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from edgeforge.apart.watch import watched
from edgeforge.errors import RecipeError
from edgeforge.tflite.flatbuffer import operator_name, read_model, type_name, write_model
from edgeforge.tflite.tensor_spec import TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")

Kernels = Literal["xnnpack", "builtin", "reference"]


Resource = tuple[bytes, bytes]  # a variable's container, and its name there
# What holds state between inferences: their outputs depend on more than their inputs.
VARIABLES = ("READ_VARIABLE", "ASSIGN_VARIABLE", "VAR_HANDLE", "CALL_ONCE")
CONTROL = ("IF", "WHILE")  # whose other subgraphs come along where they are cut out


class Graph:
    """A subgraph's operators in the order in which they run. Tensors and operators are named by their place."""

    def __init__(self, model: Any, part: int = 0) -> None:
        """model: the bytes of a flatbuffer, or a ModelT. part: which subgraph; the main one is the first."""
        self.model = read_model(model) if isinstance(model, bytes) else model
        self._bytes = model if isinstance(model, bytes) else None
        self.part = part
        self.graph = self.model.subgraphs[part]
        self.tensors = self.graph.tensors
        self.operators = self.graph.operators
        self.names = [operator_name(self.model, operator) for operator in self.operators]
        self.inputs = [int(place) for place in self.graph.inputs]
        self.outputs = [int(place) for place in self.graph.outputs]

    @property
    def model_bytes(self) -> bytes:
        """The model as a flatbuffer: the very bytes that it was read from."""
        return write_model(self.model) if self._bytes is None else self._bytes

    @cached_property
    def parts(self) -> list[Graph]:
        """Every subgraph: this one, and those that its IF, WHILE and CALL_ONCE run."""
        return [self if n == self.part else Graph(self.model, n) for n in range(len(self.model.subgraphs))]

    @property
    def every_name(self) -> list[str]:
        """The operators of all subgraphs, as `names` has them."""
        return [name for part in self.parts for name in part.names]

    @cached_property
    def constants(self) -> set[int]:
        """Tensors whose value does not depend on the input: weights, and what is computed of weights alone."""
        found = {
            place
            for place, tensor in enumerate(self.tensors)
            if (data := self.model.buffers[tensor.buffer].data) is not None and len(data) > 0
        }
        for name, operator in zip(self.names, self.operators, strict=True):
            if name not in VARIABLES and all(place in found for place in sources(operator)):
                found.update(targets(operator))
        return found

    @cached_property
    def variables(self) -> set[int]:
        """Tensors that keep their values from one inference to the next, such as an LSTM's state."""
        return {place for place, tensor in enumerate(self.tensors) if tensor.isVariable}

    @cached_property
    def handles(self) -> dict[int, Resource]:
        """The tensors by which operators name resource variables: those that VAR_HANDLE writes."""
        return {
            targets(operator)[0]: (operator.builtinOptions.container or b"", operator.builtinOptions.sharedName or b"")
            for name, operator in zip(self.names, self.operators, strict=True)
            if name == "VAR_HANDLE"
        }

    @property
    def resources(self) -> set[Resource]:
        """The resource variables of all subgraphs, which are assigned in one inference and read in the next."""
        return {resource for part in self.parts for resource in part.handles.values()}

    @property
    def stateful(self) -> bool:
        """Whether an inference depends on those before it."""
        return any(part.variables for part in self.parts) or any(name in VARIABLES for name in self.every_name)

    @cached_property
    def layers(self) -> list[int]:
        """The operators that compute activations."""
        return [
            n
            for n, operator in enumerate(self.operators)
            if self.names[n] not in VARIABLES and not set(targets(operator)) <= self.constants
        ]

    def activations(self, operator: int) -> list[int]:
        """Return the inputs of an operator that are no constants and no variables, each once."""
        known = self.constants | self.variables
        return [place for place in dict.fromkeys(sources(self.operators[operator])) if place not in known]

    def readers(self, tensor: int) -> list[int]:
        """Return the operators that read a tensor."""
        return [n for n, operator in enumerate(self.operators) if tensor in sources(operator)]

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Return a tensor's shape, () for a scalar."""
        shape = self.tensors[tensor].shape
        return () if shape is None else tuple(int(size) for size in shape)

    def spec(self, tensor: int) -> TensorSpec:
        """Return a tensor's type, scale and zero point; those of its first channel where it has one a channel."""
        found = self.tensors[tensor]
        scales = None if found.quantization is None else found.quantization.scale
        kind = type_name(found.type).lower()
        if scales is None or len(scales) == 0:
            return TensorSpec(self.shape(tensor), kind)
        return TensorSpec(self.shape(tensor), kind, float(scales[0]), int(found.quantization.zeroPoint[0]))

    def name(self, tensor: int) -> str:
        """Return the name that the converter gave a tensor."""
        return str(self.tensors[tensor].name.decode())

    def without(self, gone: Collection[int]) -> bytes:
        """Return the model as it is now, without these operators; their tensors stay."""
        self.graph.operators = [operator for n, operator in enumerate(self.operators) if n not in gone]
        return write_model(self.model)


def sources(operator: Any) -> list[int]:
    """Return the tensors that an operator reads; inputs left out (-1) are not among them."""
    return [int(place) for place in (operator.inputs if operator.inputs is not None else []) if place >= 0]


def targets(operator: Any) -> list[int]:
    """Return the tensors that an operator writes."""
    return [int(place) for place in (operator.outputs if operator.outputs is not None else []) if place >= 0]


def intermediates(operator: Any) -> list[int]:
    """Return the tensors that say how an LSTM's gates are quantized."""
    return [int(place) for place in (operator.intermediates if operator.intermediates is not None else [])]


def subgraphs_run(graph: Graph, operator: int) -> list[int]:
    """Return the subgraphs that an IF, WHILE or CALL_ONCE runs, in TFLM's order; none for other operators."""
    options = graph.operators[operator].builtinOptions
    match graph.names[operator]:
        case "IF":
            return [options.thenSubgraphIndex, options.elseSubgraphIndex]
        case "WHILE":
            return [options.condSubgraphIndex, options.bodySubgraphIndex]
        case "CALL_ONCE":
            return [options.initSubgraphIndex]
    return []


def require_one_subgraph(graph: Graph) -> None:
    """Raise RecipeError for a model with branches, loops or variables, whose layers have no values of their own."""
    if len(graph.model.subgraphs) != 1:
        raise RecipeError(
            f"the model has {len(graph.model.subgraphs)} subgraphs (control flow); layers are compared in one",
            fix="export the model without branches and loops",
        )


def layer_label(graph: Graph, operator: int) -> str:
    """Return an operator as people find it in the model: CONV_2D 3 (name of its output)."""
    label = f"{graph.names[operator]} {operator}"
    if written := targets(graph.operators[operator]):
        name = graph.name(written[0]).split(";")[0]
        label += f" ({name if len(name) <= 40 else '…' + name[-39:]})"
    return label + (f" of subgraph {graph.part}" if graph.part else "")


@dataclass(frozen=True)
class Cut:
    """A model cut out of another: its inputs and outputs are the tensors of these places there."""

    flatbuffer: bytes
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def cut(graph: Graph, operators: list[int], outputs: list[int]) -> Cut:
    """Return a model of some operators, in their order; what they read and do not compute becomes its input.

    Variables stay variables: they are zero before the first inference.
    """
    from ai_edge_litert import schema_py_generated as schema

    wanted = _with_constants(graph, operators)
    computed = {place for n in wanted for place in targets(graph.operators[n])}
    read = dict.fromkeys(place for n in wanted for place in sources(graph.operators[n]))
    given = computed | graph.constants | graph.variables
    inputs = [place for place in read if place not in given]
    inside = {place for n in wanted for place in intermediates(graph.operators[n])}
    places = {old: new for new, old in enumerate(sorted({*read, *computed, *inside, *outputs}))}
    model, part = schema.ModelT(), schema.SubGraphT()
    # LiteRT refuses a model that names an operator which its kernels have not, even one that nobody uses.
    codes = sorted({graph.operators[n].opcodeIndex for n in wanted})
    model.version, model.subgraphs = graph.model.version, [part]
    model.operatorCodes = [graph.model.operatorCodes[code] for code in codes]
    if {graph.names[n] for n in wanted} & {*CONTROL, *VARIABLES}:
        model.subgraphs, model.buffers = [part, *graph.model.subgraphs[1:]], graph.model.buffers
        codes, model.operatorCodes = list(range(len(graph.model.operatorCodes))), graph.model.operatorCodes
        part.tensors = [copy.copy(graph.tensors[old]) for old in places]
    else:
        model.buffers = [schema.BufferT()]
        part.tensors = [_moved(graph, old, model.buffers) for old in places]
    part.inputs, part.outputs = [places[old] for old in inputs], [places[old] for old in outputs]
    part.operators = [_rewired(graph.operators[n], places) for n in wanted]
    for operator in part.operators:
        operator.opcodeIndex = codes.index(operator.opcodeIndex)
    return Cut(write_model(model), tuple(inputs), tuple(outputs))


def downstream(graph: Graph, tensor: int) -> list[int]:
    """Return the operators whose result depends on a tensor, in the order in which they run."""
    reached, found = {tensor}, []
    for n, operator in enumerate(graph.operators):
        if reached & set(sources(operator)):
            found.append(n)
            reached.update(targets(operator))
    return found


def _with_constants(graph: Graph, operators: list[int]) -> list[int]:
    """Add the operators that compute constants for these, such as a DEQUANTIZE of weights."""
    wanted = set(operators)
    read = {place for n in wanted for place in sources(graph.operators[n])}
    for n in reversed(range(len(graph.operators))):
        made = set(targets(graph.operators[n]))
        if n not in wanted and made & read and made <= graph.constants:
            wanted.add(n)
            read.update(sources(graph.operators[n]))
    return sorted(wanted)


def _moved(graph: Graph, place: int, buffers: list[Any]) -> Any:
    tensor = copy.copy(graph.tensors[place])
    buffer = graph.model.buffers[tensor.buffer]
    tensor.buffer = 0
    if buffer.data is not None and len(buffer.data) > 0:
        tensor.buffer = len(buffers)
        buffers.append(buffer)
    return tensor


def _rewired(operator: Any, places: dict[int, int]) -> Any:
    moved = copy.copy(operator)
    moved.inputs = [places[int(old)] if old >= 0 else -1 for old in operator.inputs]
    moved.outputs = [places[int(old)] for old in operator.outputs]
    moved.intermediates = [places[old] for old in intermediates(operator)] or None
    return moved


class TensorRunner:
    """Runs a model in LiteRT and returns tensors by their place.

    kernels: builtin are LiteRT's own, which leave every tensor to be read; reference are the plain ones; xnnpack is
    faster. Operators that XNNPACK refuses run with the builtin kernels. shapes: of the inputs, where not the file's.
    """

    def __init__(
        self,
        flatbuffer: bytes,
        *,
        every: bool = False,
        kernels: Kernels = "builtin",
        shapes: Sequence[tuple[int, ...]] = (),
    ) -> None:
        try:
            self.interpreter = _interpreter(flatbuffer, every, kernels, shapes)
        except RuntimeError:
            if kernels != "xnnpack":
                raise
            self.interpreter = _interpreter(flatbuffer, every, "builtin", shapes)
        self.inputs = [details["index"] for details in self.interpreter.get_input_details()]
        self.outputs = [details["index"] for details in self.interpreter.get_output_details()]

    def run(self, values: list[NDArray[Any]], wanted: list[int] | None = None) -> list[NDArray[Any]]:
        """Return the tensors `wanted` (the outputs, if not said) for values of the inputs."""
        for place, value in zip(self.inputs, values, strict=True):
            self.interpreter.set_tensor(place, value)
        with watched("LiteRT"):
            self.interpreter.invoke()
        return [self.interpreter.get_tensor(place) for place in (self.outputs if wanted is None else wanted)]

    def shape(self, place: int) -> tuple[int, ...]:
        """Return the shape that a tensor had in the last inference."""
        return tuple(self.interpreter.get_tensor(place).shape)


def _interpreter(flatbuffer: bytes, every: bool, kernels: Kernels, shapes: Sequence[tuple[int, ...]]) -> Any:
    import warnings

    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = {
        "xnnpack": OpResolverType.AUTO,
        "builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        "reference": OpResolverType.BUILTIN_REF,
    }[kernels]
    with watched("LiteRT"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that keeping every tensor takes memory is known
        interpreter = Interpreter(
            model_content=flatbuffer,
            num_threads=1,
            experimental_op_resolver_type=resolver,
            experimental_preserve_all_tensors=every,
        )
        for details, shape in zip(interpreter.get_input_details(), shapes, strict=False):
            interpreter.resize_tensor_input(details["index"], shape)
        interpreter.allocate_tensors()
    return interpreter


def constant_value(graph: Graph, tensor: int) -> NDArray[np.float32] | None:
    """Return a float32 constant's value; None for other types and for what is computed."""
    import numpy as np

    data = graph.model.buffers[graph.tensors[tensor].buffer].data
    if data is None or graph.spec(tensor).dtype != "float32":
        return None
    return np.frombuffer(np.asarray(data, np.uint8).tobytes(), np.float32).reshape(graph.shape(tensor))
