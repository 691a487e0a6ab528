"""Shapes of inputs that a model file leaves free: a free batch is 1, and `--shape` says the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

from edgeforge.errors import RecipeError
from edgeforge.suggest import nearest

if TYPE_CHECKING:
    from edgeforge.tflite.graph import Graph

Shapes = Mapping[str, tuple[int, ...]]  # by the input's name; under "": of a model's only input
AS_THE_FILE_SAYS: Shapes = {}
MOST_DIMENSIONS, MOST_VALUES = 8, 2**30  # of an input: four gigabytes of float32
EXAMPLE = "96"  # a size to show how a shape is said


def parse_shapes(texts: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of `--shape` options: NAME=1,96,96,3, or 1,96,96,3 for a model with one input.

    Raises RecipeError for what is no shape.
    """
    found = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        try:
            found[name] = tuple(int(size) for size in sizes.split(","))
        except ValueError as error:
            raise RecipeError(
                f"--shape {text[:60]}: not a shape", fix="for instance --shape input=1,96,96,3"
            ) from error
        shape = found[name]
        if min(shape) < 1 or len(shape) > MOST_DIMENSIONS or prod(shape) > MOST_VALUES:
            fault = f"a shape has 1 to {MOST_DIMENSIONS} sizes above 0, of at most {MOST_VALUES:,} values together"
            raise RecipeError(f"--shape {text[:60]}: {fault}", fix="for instance --shape input=1,96,96,3")
    return found


def fixed_shapes(inputs: Mapping[str, Sequence[object]], shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """Return the shape of each input. inputs: name → its sizes as the file has them, anything but a size above 0 free.

    A free first dimension of several is the batch, which is 1. Raises RecipeError for a dimension that stays free, for
    a shape of no input, and for one that contradicts the file.
    """
    known = {alias: name for name in inputs for alias in (name, short_name(name))}
    said: dict[str, tuple[int, ...]] = {}
    for name, shape in shapes.items():
        owner = next(iter(inputs)) if not name and len(inputs) == 1 else known.get(name)
        if owner is None:
            names = ", ".join(short_name(one) for one in inputs)
            fault = f"'{name}' is no input{nearest(name, known)}" if name else "which input is meant?"
            raise RecipeError(f"--shape: {fault}", fix=f"its inputs are called {names}: --shape NAME=1,{EXAMPLE},…")
        said[owner] = shape
    return {name: _fixed(name, sizes, said.get(name)) for name, sizes in inputs.items()}


def short_name(name: str) -> str:
    """Return an input's name as people know it, without what TensorFlow adds."""
    return name.removeprefix("serving_default_").removesuffix(":0")


def unlike(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of which no two are alike: by their place where they are."""
    return tuple(name if names.count(name) == 1 else f"{name} {place}" for place, name in enumerate(names))


def input_names(graph: Graph) -> tuple[str, ...]:
    """Return what a .tflite's inputs are called: by its signature, else by their tensors, as people know them."""
    return _names(graph, graph.inputs, "inputs")


def output_names(graph: Graph) -> tuple[str, ...]:
    """Return what a .tflite's outputs are called: by its signature, else by their tensors."""
    return _names(graph, graph.outputs, "outputs")


def _names(graph: Graph, places: Sequence[int], ends: str) -> tuple[str, ...]:
    signatures = graph.model.signatureDefs or []
    entries = getattr(signatures[0], ends) or [] if signatures else []
    called = {entry.tensorIndex: entry.name.decode(errors="replace") for entry in entries}
    return unlike([called.get(place) or short_name(graph.name(place)) for place in places])


def _fixed(name: str, sizes: Sequence[object], said: tuple[int, ...] | None) -> tuple[int, ...]:
    known = [size if isinstance(size, int) and size > 0 else None for size in sizes]
    if said is not None:
        agrees = len(said) == len(known) and all(a in (None, b) for a, b in zip(known, said, strict=True))
        if not agrees:
            raise RecipeError(
                f"--shape {short_name(name)}={_comma(said)}: the file says [{_comma(known)}]",
                fix="give a size to each dimension that is free (?), and leave the others",
            )
        return said
    if len(known) > 1 and known[0] is None:
        known[0] = 1
    if None in known:
        example = ",".join(EXAMPLE if size is None else str(size) for size in known)
        raise RecipeError(
            f"its input '{short_name(name)}' leaves dimensions free: [{_comma(known)}]",
            fix=f"say its shape, for instance --shape {short_name(name)}={example}",
        )
    return tuple(size for size in known if size is not None)


def _comma(sizes: Sequence[int | None]) -> str:
    return ",".join("?" if size is None else str(size) for size in sizes)
