"""C identifiers, pointers and numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from edgeforge.targets.engine.ir import C_TYPES, Tensor
from edgeforge.targets.engine.kernel import Array, c_value
from edgeforge.targets.engine.network import Network

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = 112


def identifier(name: str) -> str:
    """Return a name as C allows it."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"_{plain}" if plain[:1].isdigit() or not plain else plain


def argument(network: Network, what: str, number: int) -> str:
    """Return the name of a parameter: in, or in_1 where there are several."""
    ends = network.inputs if what == "in" else network.outputs
    return what if len(ends) == 1 else f"{what}_{number}"


def parameters(network: Network) -> str:
    """Return the parameters of the C function that runs the network."""
    ins = [f"const {C_TYPES[one.kind]} *{argument(network, 'in', n)}" for n, one in enumerate(network.inputs)]
    outs = [f"{C_TYPES[one.kind]} *{argument(network, 'out', n)}" for n, one in enumerate(network.outputs)]
    return ", ".join(ins + outs)


def arguments(network: Network) -> str:
    """Return the names of the same."""
    ins = [argument(network, "in", n) for n in range(len(network.inputs))]
    return ", ".join(ins + [argument(network, "out", n) for n in range(len(network.outputs))])


def pointer(network: Network, tensor: Tensor, *, written: bool) -> str:
    """Return a pointer to a tensor's memory, of its type; what is only read is const."""
    place, kind = network.places[tensor.number], C_TYPES[tensor.kind]
    if place.base == "constant":
        return constant_name(network, tensor)
    if place.base == "input":
        return _as(network.inputs[place.offset], tensor, argument(network, "in", place.offset), "const ")
    if place.base == "output":
        return _as(network.outputs[place.offset], tensor, argument(network, "out", place.offset), "")
    const = "" if written else "const "
    return f"({const}{kind} *)(memory + {place.offset})"


def constant_name(network: Network, tensor: Tensor) -> str:
    """Return the C name of a constant tensor."""
    return f"{identifier(network.name)}_tensor_{tensor.number}"


def array_name(network: Network, layer: int, what: str) -> str:
    """Return the C name of a layer's constant, such as digits_0_weights."""
    return f"{identifier(network.name)}_{layer}_{what}"


def declaration(name: str, array: Array) -> str:
    """Return what stands before = in an array's definition."""
    aligned = f"_Alignas({array.alignment}) " if array.alignment else ""
    return f"{aligned}{array.type} {name}[{len(array.values)}]"


def numbers(values: NDArray[Any]) -> str:
    """Return an array's elements in lines; rows become structs."""
    if values.ndim == 1:
        parts = [c_value(value) for value in values.tolist()]
    else:
        parts = [c_value(tuple(row)) for row in values.tolist()]
    lines, line = [], ""
    for part in parts:
        if len(line) + len(part) + 3 > COLUMNS:
            lines.append(f"  {line.rstrip()}\n")
            line = ""
        line += f"{part}, "
    return "".join([*lines, f"  {line.rstrip()}\n"] if line else lines)


def _as(end: Tensor, tensor: Tensor, name: str, const: str) -> str:
    return name if end.kind == tensor.kind else f"({const}{C_TYPES[tensor.kind]} *){name}"
