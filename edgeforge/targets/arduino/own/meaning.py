"""The preprocessing of a model made anywhere: how its input is made, and what its outputs mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from edgeforge.errors import RecipeError
from edgeforge.inputs.regular import read_regular
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing, RawInput, picture_shape, read_preprocessing_of
from edgeforge.suggest import nearest
from edgeforge.targets.arduino.own.endings import maker
from edgeforge.targets.arduino.own.input import InputReading, range_notes, read_input
from edgeforge.targets.arduino.own.metadata import TensorFacts, read_metadata
from edgeforge.targets.arduino.own.output import Output, meanings_for, read_output
from edgeforge.targets.arduino.own.question import Question, ask
from edgeforge.targets.arduino.own.wishes import Wishes, label_lines
from edgeforge.targets.arduino.own_tflite import OwnTFLite
from edgeforge.tflite.associated_files import associated_files


def preprocessing_of(model: OwnTFLite, wishes: Wishes, command: str = "") -> tuple[Preprocessing, list[str]]:
    """Return how raw inputs become the model's and what its outputs mean, and notes on where that is from.

    command: what the person has typed, to which the answers are options.
    Raises RecipeError, with that command and each answer, for what neither the file nor the person says.
    """
    data = read_regular(model.path, "name a .tflite file")
    own = read_preprocessing_of(data)
    outputs = outputs_of(model, data)
    if own is not None and (not of_these_inputs(own, model) or own.outputs != sum(one.values for one in outputs)):
        own = None
    readings = _readings(model, wishes, own)
    said = meanings_for(outputs, wishes, model.path)
    heads: list[Head] = []
    questions = [reading for reading in readings if isinstance(reading, Question)]
    notes: list[str] = []
    for output, meaning in zip(outputs, said, strict=True):
        known = [head for head in own.heads if head.tensor == output.place] if own is not None else []
        found = known if known and meaning is None else read_output(
            output, meaning, len(outputs) == 1, bool(wishes.labels) or wishes.threshold is not None
        )  # fmt: skip
        if isinstance(found, Question):
            questions.append(found)
        else:
            heads += found
            if not known:
                notes += _notes(output, found, meaning is not None)
    ask(model.path, questions, command)
    heads = _own_names(heads)
    several = len(readings) > 1
    inputs = [
        RawInput(name if several else "", shape, one.raw_max, one.mean, one.std, one.raw_type)
        for name, shape, one in zip(model.names, model.shapes, readings, strict=True)
        if not isinstance(one, Question)
    ]
    first = inputs[0]
    preprocessing = Preprocessing(
        first.shape, first.raw_max, first.mean, first.std, heads[0].classes, tuple(heads), first.raw_type,
        inputs=tuple(inputs) if several else (),
    )  # fmt: skip
    origins = [
        f"input {name}: {one.origin}" if several else f"input: {one.origin}"
        for name, one in zip(model.names, readings, strict=True)
        if not isinstance(one, Question) and one.origin
    ]
    ranges = [note for one, spec in zip(inputs, model.inputs, strict=True) for note in range_notes(one, spec)]
    return preprocessing, [*origins, *notes, *(ranges if own is None else ())]


def of_these_inputs(preprocessing: Preprocessing, model: OwnTFLite) -> bool:
    """Say whether a preprocessing is of a model's inputs, by their names and shapes."""
    found = [(one.name, one.shape) for one in preprocessing.every_input]
    names = model.names if len(model.shapes) > 1 else ("",)
    return found == list(zip(names, model.shapes, strict=True))


def _readings(model: OwnTFLite, wishes: Wishes, own: Preprocessing | None) -> list[InputReading | Question]:
    """Return how the raw values of each input become the model's, or what has to be asked.

    Raises RecipeError for what is said of no input, or of which of several is not said.
    """
    names, count = model.names, len(model.shapes)
    if wishes.input.option and count > 1:
        pictures = [name for name, shape in zip(names, model.shapes, strict=True) if picture_shape(shape)]
        raise RecipeError(
            f"{model.path}: it has {count} inputs ({', '.join(names)}): of which is {wishes.input.option} said?",
            fix=f"say it of each, for instance --input {pictures[0]}=0..1"
            if pictures
            else f"say it of each, for instance --input {names[0]}=float32",
        )
    said = {}
    for name, wish in wishes.inputs.items():
        place = names.index(name) if name in names else int(name) if name.isdecimal() and int(name) < count else None
        if place is None:
            raise RecipeError(
                f"{model.path}: {wish.option}: no input '{name}'{nearest(name, names)}",
                fix=f"its inputs are: {', '.join(names)}; or by number, from 0",
            )
        said[place] = wish
    facts, _ = read_metadata(model.graph.model)
    before = own.every_input if own is not None else (None,) * count
    return [
        read_input(
            model.shapes[place],
            model.inputs[place],
            facts[place] if place < len(facts) else TensorFacts(),
            said.get(place, wishes.input),
            before[place],
            names[place] if count > 1 else "",
        )
        for place in range(count)
    ]


def _notes(output: Output, heads: Sequence[Head], said: bool) -> list[str]:
    """Say what was read of an output in the file, and which labels are numbers for want of names."""
    found = []
    first = heads[0]
    if not said:
        found.append(f"output {output.names[0]}: it ends in {output.made_by or 'no softmax'}: {first.described}")
    if first.kind in ("classes", "map") and first.classes == tuple(map(str, range(len(first.classes)))):
        found.append(f"labels: the file has none; classes are called 0 to {len(first.classes) - 1} (--labels)")
    return found


def _own_names(heads: list[Head]) -> list[Head]:
    """Return the heads, each with a name of its own."""
    count = Counter(head.name for head in heads)
    return [
        replace(head, name=f"{head.name} {place}") if count[head.name] > 1 else head for place, head in enumerate(heads)
    ]


def outputs_of(model: OwnTFLite, data: bytes) -> list[Output]:
    """Return the output tensors of a model, as its file has them. data: the file."""
    graph = model.graph
    _, facts = read_metadata(graph.model)
    signature = graph.model.signatureDefs[0].outputs if graph.model.signatureDefs else []
    called = {entry.tensorIndex: entry.name.decode() for entry in signature or []}
    files = associated_files(data, ".txt")
    found = []
    for place, tensor in enumerate(graph.outputs):
        fact = facts[place] if place < len(facts) else TensorFacts()
        shape = graph.shape(tensor)
        names = (fact.name, called.get(tensor, ""), graph.name(tensor), f"output {place}")
        own = [files[name] for name in fact.label_files if name in files]
        own = own or (list(files.values()) if len(graph.outputs) == 1 else [])
        found.append(
            Output(
                place=place,
                names=tuple(name for name in names if name),
                shape=shape[1:] if shape[:1] == (1,) else shape,
                made_by=maker(graph, tensor),
                is_input_shaped=len(graph.inputs) == 1 and shape == graph.shape(graph.inputs[0]),
                labels=_fitting(own, shape),
                facts=fact,
            )
        )
    return found


def _fitting(texts: Sequence[str], shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return the labels of the first file that has one for each of an output's channels; of one output one or two."""
    wanted = {1, 2} if shape[-1:] == (1,) else {shape[-1]} if shape else set()
    return next((labels for labels in map(label_lines, texts) if len(labels) in wanted), ())
