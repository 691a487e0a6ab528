"""Are a .tflite file's operators ones that an engine can walk through: known, in order, with the inputs they take?"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from edgeforge.errors import RecipeError
from edgeforge.tflite.check.layers import require_layer
from edgeforge.tflite.check.structure import DAMAGED
from edgeforge.tflite.check.tensors import require_free_shape, values_of
from edgeforge.tflite.flatbuffer import operator_name

# Inputs that may be left out stand between those that may not.
GAPS = ("UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "LSTM", "SVDF")
SUBGRAPHS = {  # which options name other subgraphs
    "IF": ("thenSubgraphIndex", "elseSubgraphIndex"),
    "WHILE": ("condSubgraphIndex", "bodySubgraphIndex"),
    "CALL_ONCE": ("initSubgraphIndex",),
}
CUSTOM = 32  # the code of operators that have a name of their own
NO_OPERATORS = ("CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES")
ANY = 10**9


class Arity(NamedTuple):
    """How many inputs and outputs an operator takes, and its options."""

    inputs: tuple[int, int]
    outputs: tuple[int, int]
    options: str
    needs_options: bool


@cache
def arities() -> dict[str, Arity]:
    """Return what is known of each operator."""
    read = tomllib.loads(Path(__file__).with_name("operators.toml").read_text())
    found = {}
    for name, text in read.items():
        inputs, outputs, options = (*text.split(), "")[:3]
        found[name] = Arity(_range(inputs), _range(outputs), options.lstrip("!"), options.startswith("!"))
    return found


def _range(text: str) -> tuple[int, int]:
    if text.endswith("+"):
        return int(text[:-1]), ANY
    low, _, high = text.partition("-")
    return int(low), int(high or low)


def require_operators(model: Any, number: int, where: str) -> None:
    """Raise RecipeError naming the operator of a subgraph that is wrong. where: see require_tensors."""
    graph = model.subgraphs[number]
    count = len(graph.tensors)
    for what, places in (("input", graph.inputs), ("output", graph.outputs)):
        for place in places:
            if not 0 <= place < count:
                raise _wrong(f"{what} {place}{where}", f"is none of its {count} tensors")
    for place in graph.inputs:
        require_free_shape(graph, int(place))
    known = {int(place) for place in graph.inputs}
    known |= {place for place, tensor in enumerate(graph.tensors) if _is_there(model, tensor)}
    given = set(known)
    for place, operator in enumerate(graph.operators):
        kind = _kind(model, operator, f"operator {place}{where}")
        name = f"operator {place}{where} ({kind})"
        _require_places(operator, count, name)
        _require_arity(kind, operator, name)
        for tensor in operator.inputs:
            if tensor >= 0 and tensor not in known:
                raise _wrong(name, f"reads tensor {tensor}, which nothing before it writes")
        for tensor in operator.outputs:
            if tensor in known:
                twice = "is an input or a constant" if tensor in given else "another operator writes too"
                raise _wrong(name, f"writes tensor {tensor}, which {twice}")
            known.add(int(tensor))
        for attribute in SUBGRAPHS.get(kind, ()):
            index = getattr(operator.builtinOptions, attribute)
            if not 0 < index < len(model.subgraphs):
                raise _wrong(name, f"runs subgraph {index} of {len(model.subgraphs)}")
        require_layer(model, graph, operator, kind, name)
    for place in graph.outputs:
        if int(place) not in known:
            raise _wrong(f"output {place}{where}", "is written by no operator")


def _is_there(model: Any, tensor: Any) -> bool:
    """Whether a tensor has a value before anything runs: a constant, one without entries, or a variable."""
    empty = tensor.shape is not None and any(size == 0 for size in tensor.shape)
    return bool(tensor.isVariable or empty or values_of(model, tensor) is not None)


def _kind(model: Any, operator: Any, name: str) -> str:
    codes = model.operatorCodes
    if not 0 <= operator.opcodeIndex < len(codes):
        raise _wrong(name, f"is of kind {operator.opcodeIndex}, and the file lists {len(codes)}")
    try:
        kind = operator_name(model, operator)
    except (KeyError, UnicodeDecodeError):
        raise _wrong(name, "is of a kind that TFLite does not know") from None
    code = codes[operator.opcodeIndex]
    if kind in NO_OPERATORS or bool(code.customCode) != (max(code.builtinCode, code.deprecatedBuiltinCode) == CUSTOM):
        raise _wrong(name, f"is of the kind {kind[:60]}, which is no operator")
    return kind


def _require_places(operator: Any, count: int, name: str) -> None:
    inside = [] if operator.intermediates is None else operator.intermediates
    for what, places, least in (("reads", operator.inputs, -1), ("writes", operator.outputs, 0), ("names", inside, -1)):
        for place in places:
            if not least <= place < count:
                raise _wrong(name, f"{what} tensor {place} of {count}")


def _require_arity(kind: str, operator: Any, name: str) -> None:
    arity = arities().get(kind)
    if arity is None:
        return
    for what, places, (low, high) in (
        ("inputs", operator.inputs, arity.inputs),
        ("outputs", operator.outputs, arity.outputs),
    ):
        if not low <= len(places) <= high:
            wanted = f"{low} or more" if high == ANY else str(low) if low == high else f"{low} to {high}"
            raise _wrong(name, f"has {len(places)} {what}; it takes {wanted}")
    if kind not in GAPS and any(place < 0 for place in operator.inputs[: arity.inputs[0]]):
        raise _wrong(name, "lacks an input that it cannot do without")
    options = "" if operator.builtinOptions is None else type(operator.builtinOptions).__name__.removesuffix("T")
    if options and options != arity.options:
        raise _wrong(name, f"has the options of another kind ({options})")
    if not options and arity.needs_options:
        raise _wrong(name, f"has no {arity.options}")


def require_no_circle(model: Any) -> None:
    """Raise RecipeError for subgraphs that run each other without end."""
    calls: dict[int, set[int]] = {}
    for number, graph in enumerate(model.subgraphs):
        calls[number] = set()
        for operator in graph.operators:
            for attribute in SUBGRAPHS.get(operator_name(model, operator), ()):
                calls[number].add(int(getattr(operator.builtinOptions, attribute)))
    done: set[int] = set()
    for start in calls:
        _follow(start, calls, [], done)


def require_one_network(model: Any) -> None:
    """Raise RecipeError for a file of several networks: an engine would run the first, and a device carry them all."""
    if alone := networks_beside(model):
        signatures = [
            one.signatureKey.decode(errors="replace") for one in model.signatureDefs or [] if one.signatureKey
        ]
        names = f" (signatures {', '.join(signatures)})" if len(signatures) > 1 else ""
        raise RecipeError(
            f"it holds {len(alone) + 1} networks{names}, and nothing says which one is meant: the first does not run "
            f"subgraph {alone[0]}",
            fix="convert one alone: tf.lite.TFLiteConverter.from_saved_model(folder, "
            f"signature_keys=['{(signatures or ['serving_default'])[0]}'])",
        )


def networks_beside(model: Any) -> list[int]:
    """Return the subgraphs that nothing in the main one runs, as a file with several signatures has them."""
    called, waiting = set(), [0]
    while waiting:
        called.add(number := waiting.pop())
        for operator in model.subgraphs[number].operators:
            waiting += [place for place in _named_subgraphs(operator) if place not in called]
    return [number for number in range(len(model.subgraphs)) if number not in called]


def _named_subgraphs(operator: Any) -> list[int]:
    """Return the subgraphs that an operator's options name."""
    found: list[int] = []
    for options in (operator.builtinOptions, operator.builtinOptions2):
        for name, value in vars(options).items() if options is not None else ():
            if name.endswith("ubgraphIndex") or name in ("subgraph", "branchSubgraphIndices"):
                found += value if isinstance(value, list) else [value]
    return found


def _follow(number: int, calls: dict[int, set[int]], path: list[int], done: set[int]) -> None:
    if number in path:
        raise _wrong(f"subgraph {number}", "runs itself")
    if number in done:
        return
    if len(path) > 100:
        raise _wrong(f"subgraph {number}", "is run by too many others, one within the other")
    for other in sorted(calls[number]):
        _follow(other, calls, [*path, number], done)
    done.add(number)


def require_references(model: Any) -> None:
    """Raise RecipeError where signatures or metadata name what is not there."""
    for place, entry in enumerate(model.metadata or []):
        if not 0 <= entry.buffer < len(model.buffers):
            raise _wrong(f"metadata {place}", f"lies in buffer {entry.buffer} of {len(model.buffers)}")
    for place, signature in enumerate(model.signatureDefs or []):
        if not 0 <= signature.subgraphIndex < len(model.subgraphs):
            raise _wrong(f"signature {place}", f"is of subgraph {signature.subgraphIndex} of {len(model.subgraphs)}")
        count = len(model.subgraphs[signature.subgraphIndex].tensors)
        named: Iterable[Any] = (*(signature.inputs or []), *(signature.outputs or []))
        for one in named:
            if not 0 <= one.tensorIndex < count:
                raise _wrong(f"signature {place}", f"names tensor {one.tensorIndex} of {count}")


def _wrong(name: str, what: str) -> RecipeError:
    return RecipeError(f"this .tflite file is damaged: {name} {what}", fix=DAMAGED)
