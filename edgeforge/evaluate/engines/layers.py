"""One model in TFLM, and each of its layers alone in LiteRT on the very integers that TFLM gave it.

Layer by layer the bound is one step exactly: TFLM rounds twice where LiteRT rounds once. What the two models differ by
as a whole is a consequence, and no bound of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeforge.apart.watch import watched
from edgeforge.foreign.wording import cause
from edgeforge.runtimes.native_output import CapturedOutput
from edgeforge.runtimes.tflm import LARGEST_ARENA
from edgeforge.tflite.graph import CONTROL, Graph, Kernels, Resource, TensorRunner, cut, layer_label, sources, targets
from edgeforge.tflite.passes.memory_plan import METADATA, with_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

STEPS = 1  # of a quantized tensor, a layer
RELATIVE = 1e-5  # of a float tensor's largest magnitude: another order of summation
STEPPED = ("int8", "uint8", "int16")


@dataclass(frozen=True)
class Fault:
    """A layer, and what is wrong with it."""

    layer: str
    operator: str
    reason: str


@dataclass
class Found:
    """What two engines made of a model: what TFLM refuses, and where they disagree."""

    inputs: int = 0
    refused: list[Fault] = field(default_factory=list)
    disagreements: list[Fault] = field(default_factory=list)


def compare(flatbuffer: bytes, inputs: list[list[NDArray[Any]]], now: Callable[[str], None]) -> Found:
    """Run a model on both engines and compare each layer. inputs: each a value for every input tensor.

    now: told what is about to run, so that a crash has a name.
    """
    graph, found = Graph(flatbuffer), Found(len(inputs))
    now("allocate")
    try:
        plain, kept = Tflm(graph), Tflm(graph, every=True)
        runs = [plain.run(given) for given in _told(inputs, now)]
    except RuntimeError as error:
        place = first_refused(graph, inputs[0], _refuses)
        found.refused.append(fault(graph, place, f"TensorFlow Lite Micro refuses it: {_said(error)}"))
        return found
    worst: dict[int, tuple[float, str]] = {}
    alone: dict[int, Alone] = {}
    now("LiteRT's state at the start")
    states, unread = _states_at_start(graph, inputs[0])
    if unread:
        found.disagreements = [fault(graph, *unread)]
        return found
    kept.reset()
    for given, answers in zip(inputs, runs, strict=True):
        now("run with every tensor kept")
        if graph.variables:
            kept.reset()
        values = kept.values(given)
        for place in graph.layers:
            if place not in alone:
                now(f"LiteRT {place}")
                alone[place] = Alone(graph, place)
            _keep_worst(worst, place, alone[place].differs(values))
        for place, reason in _state_faults(graph, values, states):
            _keep_worst(worst, place, (1.0, reason))
        if not graph.stateful and any(
            a.tobytes() != values[place].tobytes() for a, place in zip(answers, graph.outputs, strict=True)
        ):
            last = len(graph.operators) - 1
            _keep_worst(worst, last, (1.0, "TFLM's answer changes with the place of its tensors in memory"))
    found.disagreements = [fault(graph, place, worst[place][1]) for place in sorted(worst)]
    return found


def _said(error: RuntimeError) -> str:
    """Return why TFLM gave up, by what it printed."""
    notes = " ".join(getattr(error, "__notes__", ()))
    for printed, meaning in (
        (
            "no_integer_overflow_from_quantization",
            "hardly a signal comes there: in steps of its output's scale its clamp, such as ReLU6's 6, exceeds 32 bits",
        ),
        ("failed to prepare", "its kernel does not take these types or shapes"),
        ("failed to invoke", "its kernel fails as it runs"),
    ):
        if printed in notes:
            return meaning
    return cause(error)


def fault(graph: Graph, place: int, reason: str) -> Fault:
    """Return a Fault of the layer at a place."""
    return Fault(layer_label(graph, place), graph.names[place], reason)


def first_refused(graph: Graph, given: list[NDArray[Any]], refuses: Callable[[bytes, list[NDArray[Any]]], bool]) -> int:
    """Return the first operator whose prefix of the model is refused, by halving; the last one if none is."""
    low, high = 0, len(graph.operators) - 1  # the whole model is refused
    while low < high:
        middle = (low + high) // 2
        ends = [place for n in range(middle + 1) for place in targets(graph.operators[n])]
        ends = [place for place in ends if place not in graph.constants][-1:]
        part = cut(graph, list(range(middle + 1)), ends)
        values = dict(zip(graph.inputs, given, strict=True))
        if ends and all(place in values for place in part.inputs):
            refused = refuses(part.flatbuffer, [values[place] for place in part.inputs])
        else:
            refused = False
        low, high = (low, middle) if refused else (middle + 1, high)
    return low


def _refuses(flatbuffer: bytes, given: list[NDArray[Any]]) -> bool:
    try:
        Tflm(Graph(flatbuffer)).run(given)
    except RuntimeError:
        return True
    return False


def _told(inputs: list[list[NDArray[Any]]], now: Callable[[str], None]) -> Any:
    for given in inputs:
        now("run")
        yield given


class Tflm:
    """The TFLM interpreter of one model; `every`: no tensor shares its memory with another, so that all can be read."""

    def __init__(self, graph: Graph, *, every: bool = False) -> None:
        # Where each tensor has memory of its own, a plan of the model's has no place.
        planned = every and any(entry.name == METADATA for entry in graph.model.metadata or ())
        self.graph, self.every = Graph(with_plan(graph.model_bytes, None)) if planned else graph, every
        self._load()

    def _load(self) -> None:
        from tflite_micro.python.tflite_micro import runtime

        config = runtime.InterpreterConfig
        with watched("TFLM"), CapturedOutput() as said:
            try:
                self.interpreter = runtime.Interpreter.from_bytes(
                    self.graph.model_bytes,
                    arena_size=LARGEST_ARENA,
                    intrepreter_config=config.kPreserveAllTensors if self.every else config.kAllocationRecording,
                )
            except RuntimeError as error:
                error.add_note(said.text())
                raise

    def reset(self) -> None:
        """Forget what inferences have left behind (see TFLMRunner.forget)."""
        if self.graph.resources:
            self._load()
        elif self.graph.stateful:
            self.interpreter.reset()

    def run(self, given: list[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the outputs for values of the inputs. Raises RuntimeError with TFLM's words."""
        import numpy as np

        self.reset()
        self._invoke(given)
        return [np.array(self.interpreter.get_output(place)) for place in range(len(self.graph.outputs))]

    def values(self, given: list[NDArray[Any]]) -> dict[int, NDArray[Any]]:
        """Return every activation of an inference, by its place."""
        import numpy as np

        self._invoke(given)
        graph = self.graph
        written = [place for operator in graph.operators for place in targets(operator)]
        wanted = [place for place in written if place not in graph.constants and graph.spec(place).dtype != "resource"]
        found = {place: np.array(self.interpreter.GetTensor(place, 0)["tensor_data"]) for place in wanted}
        return found | dict(zip(graph.inputs, given, strict=True))

    def _invoke(self, given: list[NDArray[Any]]) -> None:
        with watched("TFLM"), CapturedOutput() as said:
            try:
                for place, value in enumerate(given):
                    self.interpreter.set_input(value, place)
                self.interpreter.invoke()
            except RuntimeError as error:
                error.add_note(said.text())
                raise


class Alone:
    """One layer in LiteRT's reference kernels, or in its others where it has no reference of the operator (ELU)."""

    def __init__(self, graph: Graph, place: int) -> None:
        self.graph, self.place = graph, place
        self.part = cut(graph, [place], targets(graph.operators[place]))
        self.refused = ""
        kinds: tuple[Kernels, ...] = ("reference", "builtin")
        for kernels in kinds:
            try:
                with CapturedOutput():
                    self.runner = TensorRunner(self.part.flatbuffer, kernels=kernels)
                self.refused = ""
                break
            except (RuntimeError, ValueError) as error:
                self.refused = self.refused or f"LiteRT refuses it with TFLM's shapes: {cause(error)}"

    def differs(self, values: dict[int, NDArray[Any]]) -> tuple[float, str] | None:
        """Return by how much TFLM's outputs are off for its own inputs, and that in words; None within the bound."""
        if self.refused:
            return float("inf"), self.refused
        try:
            self.runner.interpreter.reset_all_variables()
            made = self.runner.run([values[place] for place in self.part.inputs])
        except (RuntimeError, ValueError) as error:
            return float("inf"), f"LiteRT does not run it with TFLM's values: {cause(error)}"
        found = [self._apart(place, ours, values[place]) for place, ours in zip(self.part.outputs, made, strict=True)]
        return max((one for one in found if one), default=None)

    def _apart(self, place: int, ours: NDArray[Any], theirs: NDArray[Any]) -> tuple[float, str] | None:
        if ours.shape != theirs.shape:
            return float("inf"), f"TFLM gives the shape {list(theirs.shape)}, LiteRT {list(ours.shape)}"
        spec = self.graph.spec(place)
        if spec.dtype.startswith("float"):
            return _reals_apart(ours, theirs)
        apart = float(abs(ours.astype("int64") - theirs.astype("int64")).max(initial=0))
        allowed = self._allowed() if spec.dtype in STEPPED and spec.scale is not None else 0
        if apart <= allowed:
            return None
        return apart, f"LiteRT and TFLM are up to {apart:.0f} steps apart on the same inputs (allowed: {allowed})"

    def _allowed(self) -> int:
        """Return the steps of one layer; of a recurrent one and of a loop's body, each round is a layer."""
        operator, name = self.graph.operators[self.place], self.graph.names[self.place]
        if name == "UNIDIRECTIONAL_SEQUENCE_LSTM":
            shape = self.graph.shape(sources(operator)[0])
            return STEPS * max(shape[:-1])
        if name in CONTROL:
            return STEPS * sum(len(part.operators) for part in self.graph.model.subgraphs[1:])
        return STEPS


def _reals_apart(ours: NDArray[Any], theirs: NDArray[Any]) -> tuple[float, str] | None:
    import numpy as np

    with np.errstate(invalid="ignore"):
        apart = np.where(ours == theirs, 0, abs(ours - theirs))
    most = float(abs(ours).max(initial=0))
    largest = float(apart.max(initial=0))
    if largest <= RELATIVE * most or ((np.isnan(ours) == np.isnan(theirs)).all() and np.isnan(largest)):
        return None
    return largest, f"LiteRT and TFLM are up to {largest:.2g} apart on the same inputs, of values up to {most:.2g}"


def _states_at_start(
    graph: Graph, given: list[NDArray[Any]]
) -> tuple[dict[Resource, NDArray[Any]], tuple[int, str] | None]:
    """Return what LiteRT finds in each resource variable that is read before anything but the model's beginning is
    assigned to it; and, where LiteRT refuses, the operator that reads one and why.
    """
    reads = [place for place, name in enumerate(graph.names) if name == "READ_VARIABLE"]
    if not reads:
        return {}, None
    wanted = [targets(graph.operators[place])[0] for place in reads]
    try:
        with CapturedOutput():
            found = TensorRunner(graph.model_bytes, every=True, kernels="builtin").run(given, wanted)
    except (RuntimeError, ValueError) as error:
        return {}, (reads[0], f"LiteRT does not run the model, whose state may begin with nothing: {cause(error)}")
    handles = [graph.handles.get(sources(graph.operators[place])[0]) for place in reads]
    begun: dict[Resource, NDArray[Any]] = {}
    for handle, value in zip(handles, found, strict=True):
        if handle is not None:
            begun.setdefault(handle, value)
    return begun, None


def _state_faults(graph: Graph, values: dict[int, NDArray[Any]], states: dict[Resource, NDArray[Any]]) -> Any:
    """Yield variables that do not hold what was assigned to them in the inference before, or at the start; keep what is
    assigned now.
    """
    for place, (name, operator) in enumerate(zip(graph.names, graph.operators, strict=True)):
        handle = graph.handles.get(next(iter(sources(operator)), -1))
        if handle is None:
            continue
        if name == "READ_VARIABLE":
            read = values[targets(operator)[0]]
            if handle in states and states[handle].tobytes() != read.tobytes():
                yield place, "TFLM reads another value than was assigned in the inference before, or at the start"
        if name == "ASSIGN_VARIABLE" and sources(operator)[1] in values:
            states[handle] = values[sources(operator)[1]]


def _keep_worst(worst: dict[int, tuple[float, str]], place: int, found: tuple[float, str] | None) -> None:
    if found and found > worst.get(place, (0.0, "")):
        worst[place] = found
