"""Float against quantized, layer by layer: what each layer does alone, what has added up, what it costs the output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from edgeforge.data.splits import evenly_spaced
from edgeforge.errors import RecipeError
from edgeforge.evaluate.parity.deviation import DeviationSums, ValueStatistics
from edgeforge.evaluate.parity.layer_cost import Injection, measure_costs
from edgeforge.evaluate.parity.layer_evidence import add_advice
from edgeforge.foreign.wording import reason_of
from edgeforge.results.rows.parity import LayerRow
from edgeforge.tflite.figures.costs import macs
from edgeforge.tflite.graph import Cut, Graph, TensorRunner, cut, require_one_subgraph, targets
from edgeforge.tflite.input_shapes import input_names, output_names
from edgeforge.tflite.layer_match import Pair, clamp_of, match, same_inputs
from edgeforge.tflite.tensor_spec import TensorSpec
from edgeforge.tflite.tensors import fields_of, from_output, image_shape, to_steps

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Progress = Callable[[float, str], None]
IMAGES = 64  # enough: SQNR is over every value of every image


def layer_parity(
    float_model: bytes,
    quantized_model: bytes,
    inputs: NDArray[Any],
    *,
    modules: Mapping[int, str] | None = None,
    progress: Progress = lambda share, text: None,
) -> list[LayerRow]:
    """Compare a float32 .tflite with a quantized one of the same network, operator by operator.

    quantized_model: int8, int16 activations, or mixed, by TFLiteConverter or ai-edge-quantizer. inputs: N,C,H,W
    float32; of several inputs records of such (N). modules: operator's place in the float model → PyTorch module (see
    module_names.py). One row an operator, in the order in which they run; one that has no counterpart is a row with its
    reason. Deterministic.
    Raises RecipeError when the inputs do not fit the models.
    """
    graph, quantized = Graph(float_model), Graph(quantized_model)
    images = _images(inputs, graph, quantized)
    matched = match(graph, quantized)
    probes = [*_input_probes(graph, quantized)]
    for pair in matched.pairs:
        probes += _probes(graph, quantized, matched.tensors, pair, modules or {})
    injections = _compare(graph, quantized, matched.tensors, probes, images, macs(float_model), progress)
    progress(0.6, f"cost of {len(probes)} layers")
    measure_costs(graph, [probe.row for probe in probes], injections, lambda s, t: progress(0.6 + 0.4 * s, t))
    add_advice(graph, quantized, matched, [(probe.row, probe.pair, probe.values, probe.grid.noise) for probe in probes])
    return [probe.row for probe in probes]


@dataclass(eq=False)
class _Probe:
    """One output tensor of an operator, and what was seen of it."""

    row: LayerRow
    pair: Pair
    tensor: int = -1  # in the quantized model
    counterpart: int = -1  # in the float model
    clamp: tuple[float, float] = (-inf, inf)
    alone: tuple[Cut, TensorRunner, int] | None = None  # the operator cut out, and which of its outputs
    float_alone: tuple[Cut, TensorRunner, int] | None = None
    own: DeviationSums = field(default_factory=DeviationSums)
    accumulated: DeviationSums = field(default_factory=DeviationSums)
    grid: DeviationSums = field(default_factory=DeviationSums)
    values: ValueStatistics | None = None


def _images(inputs: NDArray[Any], graph: Graph, quantized: Graph) -> list[list[NDArray[Any]]]:
    """Return the inputs, each a value for every input tensor, in the models' own shape."""
    for one in (graph, quantized):
        require_one_subgraph(one)
    if len(graph.inputs) != len(quantized.inputs):
        raise RecipeError(
            f"the float model has {len(graph.inputs)} inputs, the quantized one {len(quantized.inputs)}",
            fix="give two models of one network",
        )
    fields = fields_of(inputs)
    if len(fields) != len(graph.inputs):
        raise RecipeError(
            f"the models have {len(graph.inputs)} inputs, {len(fields)} are given", fix="save an array for each input"
        )
    other = dict(zip(same_inputs(graph, quantized), quantized.inputs, strict=True))
    places = zip(graph.inputs, fields.values(), strict=True)
    values = [_input(graph, place, quantized, other[place], given) for place, given in places]
    return [list(one) for one in zip(*values, strict=True)]


def _input(graph: Graph, place: int, quantized: Graph, other: int, given: NDArray[Any]) -> NDArray[Any]:
    """Return one input (N, and the models' own shape) of N,C,H,W."""
    import numpy as np

    if graph.spec(place).scale is not None:
        raise RecipeError("the first model is not float32", fix="name the float .tflite first, then the quantized one")
    shape = graph.shape(place)
    c, h, w = image_shape(shape)
    if shape != quantized.shape(other):
        raise RecipeError(
            f"the models take inputs of shapes {list(shape)} and {list(quantized.shape(other))}",
            fix="give two models of one network",
        )
    if given.ndim != 4 or given.shape[1:] != (c, h, w) or len(given) == 0:
        raise RecipeError(f"the inputs have the shape {given.shape}, the models take (N,{c},{h},{w})", fix="save x so")
    whole = given.astype(graph.spec(place).dtype).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(whole).reshape(len(given), *shape)


def _input_probes(graph: Graph, quantized: Graph) -> list[_Probe]:
    """A quantized model's input is rounded before any operator runs."""
    probes = []
    names = input_names(quantized)
    for name, place, source in zip(names, quantized.inputs, same_inputs(graph, quantized), strict=True):
        spec = quantized.spec(place)
        if spec.scale is not None:
            row = _row("input" if len(names) == 1 else f"input {name}", "INPUT", None, spec)
            probes.append(_Probe(row, Pair(None, None), place, source, values=_value_statistics(row)))
    return probes


def _probes(
    graph: Graph, quantized: Graph, tensors: Mapping[int, int], pair: Pair, modules: Mapping[int, str]
) -> list[_Probe]:
    """Return a probe for each output of an operator; one without measurements when it has no counterpart."""
    module = modules.get(pair.float32) if pair.float32 is not None else None
    if pair.quantized is None:
        assert pair.float32 is not None
        outputs = targets(graph.operators[pair.float32])
        name = f"{graph.names[pair.float32]} {pair.float32} of the float model"
        row = _row(name, graph.names[pair.float32], None, graph.spec(outputs[0]), module)
        row.reason = pair.reason
        return [_Probe(row, pair)]
    kind, found = quantized.names[pair.quantized], []
    alone = float_alone = None
    for number, tensor in enumerate(targets(quantized.operators[pair.quantized])):
        name = f"{kind} {pair.quantized}" + (f" output {number}" if number else "")
        row = _row(name, kind, pair.quantized, quantized.spec(tensor), module)
        row.reason = pair.reason
        counterpart = tensors.get(tensor)
        if pair.reason or counterpart is None:
            found.append(_Probe(row, pair))
            continue
        if alone is None:
            try:
                alone = _cut_runner(quantized, pair.quantized)
                float_alone = None if pair.float32 is None else _cut_runner(graph, pair.float32)
            except (RuntimeError, ValueError) as error:
                row.reason = f"LiteRT does not run it alone: {reason_of(error)}"
                found.append(_Probe(row, pair))
                continue
        if tensor in quantized.outputs and len(quantized.outputs) > 1:
            row.output = output_names(quantized)[quantized.outputs.index(tensor)]
        probe = _Probe(row, pair, tensor, counterpart, clamp_of(graph, counterpart, quantized, pair.quantized))
        probe.alone = (*alone, number)
        probe.float_alone = None if float_alone is None else (*float_alone, number)
        probe.values = _value_statistics(row)
        found.append(probe)
    return found


def _cut_runner(graph: Graph, operator: int) -> tuple[Cut, TensorRunner]:
    part = cut(graph, [operator], targets(graph.operators[operator]))
    return part, TensorRunner(part.flatbuffer)


def _row(name: str, kind: str, place: int | None, spec: TensorSpec, module: str | None = None) -> LayerRow:
    import numpy as np

    row = LayerRow(
        name=f"{module} ({name})" if module else name,
        module=module,
        operator=kind,
        place=place,
        shape=list(spec.shape),
        precision=spec.dtype,
        scale=spec.scale,
        zero_point=spec.zero_point,
    )
    if spec.scale:
        limits, zero = np.iinfo(spec.dtype), spec.zero_point or 0
        row.low, row.high = spec.scale * (int(limits.min) - zero), spec.scale * (int(limits.max) - zero)
    return row


def _value_statistics(row: LayerRow) -> ValueStatistics:
    if row.scale is None or row.low is None or row.high is None:
        return ValueStatistics(-inf, inf)
    return ValueStatistics(row.low - row.scale / 2, row.high + row.scale / 2)


def _compare(
    graph: Graph,
    quantized: Graph,
    tensors: Mapping[int, int],
    probes: list[_Probe],
    images: list[list[NDArray[Any]]],
    macs: int,
    progress: Progress,
) -> list[Injection]:
    """Run both models on every image, fill in the rows, and return what `measure_costs` needs of some images."""
    import numpy as np

    whole, whole_quantized = (
        TensorRunner(graph.model_bytes, every=True),
        TensorRunner(quantized.model_bytes, every=True),
    )
    measured = [probe for probe in probes if probe.counterpart >= 0]
    needed = sorted({place for n in graph.layers for place in (*graph.activations(n), *targets(graph.operators[n]))})
    wanted = [probe.tensor for probe in measured]
    sources = [(graph.inputs.index(tensors[place]), quantized.spec(place)) for place in quantized.inputs]
    kept = _cost_images(len(images), len(measured), macs, sum(int(np.prod(graph.shape(t))) * 8 for t in needed))
    injections = []
    for number, image in enumerate(images):
        progress(0.6 * number / len(images), f"image {number + 1} of {len(images)}")
        floats = dict(zip(needed, whole.run(image, needed), strict=True))
        given = [
            image[place].astype(spec.dtype, copy=False) if spec.scale is None else to_steps(image[place], spec)
            for place, spec in sources
        ]
        steps = whole_quantized.run(given, wanted)
        errors: list[NDArray[np.float32] | None] = [None] * len(probes)
        for probe, value in zip(measured, steps, strict=True):
            spec = quantized.spec(probe.tensor)
            expected = np.clip(floats[probe.counterpart], *probe.clamp)
            probe.accumulated.add(expected, np.clip(from_output(value, spec), *probe.clamp))
            assert probe.values is not None
            probe.values.add(expected)
            if spec.scale:
                probe.grid.add(expected, from_output(to_steps(expected, spec), spec))
            errors[probes.index(probe)] = _alone(probe, quantized, tensors, floats, spec)
        if number in kept:
            injections.append(Injection(floats, errors, [probe.counterpart for probe in probes]))
    for probe in measured:
        scale = probe.row.scale
        assert probe.values is not None
        probe.row.own = None if probe.row.reason else probe.own.row(scale)
        probe.row.accumulated = probe.accumulated.row(scale)
        probe.row.grid_sqnr_db = probe.grid.row(scale).sqnr_db if scale else None
        probe.row.saturation = probe.values.saturation if scale else None
        probe.row.minimum, probe.row.maximum = probe.values.minimum, probe.values.maximum
    return injections


def _alone(
    probe: _Probe,
    quantized: Graph,
    tensors: Mapping[int, int],
    floats: Mapping[int, NDArray[Any]],
    spec: TensorSpec,
) -> NDArray[np.float32] | None:
    """Add one image to what a layer does alone, and return its error there (quantized minus float).

    None where the float operator is infinite at the quantized inputs, as 1/sqrt is at 0.
    """
    import numpy as np

    if probe.alone is None:  # the model's input
        expected = floats[probe.counterpart]
        found = from_output(to_steps(expected, spec), spec)
    else:
        part, runner, output = probe.alone
        given, real = [], {}
        for place in part.inputs:
            value, of = floats[tensors[place]], quantized.spec(place)
            given.append(to_steps(value, of) if of.scale else value.astype(of.dtype))
            real[tensors[place]] = from_output(given[-1], of) if of.scale else value
        found = from_output(runner.run(given)[output], spec)
        if probe.float_alone is None:  # a conversion, which should change nothing
            expected = next(iter(real.values()))
        else:
            float_part, float_runner, output = probe.float_alone
            expected = float_runner.run([real[place] for place in float_part.inputs])[output]
    if not np.isfinite(expected).all():
        probe.row.reason = NOT_FINITE
        return None
    expected, found = np.clip(expected, *probe.clamp), np.clip(found, *probe.clamp)
    probe.own.add(expected, found)
    return found - expected


NOT_FINITE = "the float operator is infinite at the quantized inputs, as 1/sqrt is at 0: one step is too coarse there"
COST_MACS = 60 * 10**9  # what XNNPACK manages in some ten seconds
COST_BYTES = 512 * 1024**2


def _cost_images(images: int, layers: int, macs: int, bytes_an_image: int) -> set[int]:
    """Choose the images on which costs are measured: each takes half a network's run a layer."""
    affordable = min(COST_MACS // max(layers * macs // 2, 1), COST_BYTES // max(bytes_an_image, 1))
    return set(evenly_spaced(images, int(min(max(affordable, 2), 32))).tolist())
