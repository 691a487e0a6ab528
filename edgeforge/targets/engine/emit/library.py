"""The C library of a network: text of all its files, from the templates in firmware/engine/templates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from edgeforge import __version__
from edgeforge.bundled import bundled
from edgeforge.guards.text import comment
from edgeforge.targets.engine.emit.comments import layer_comment, network_facts, tensor_line
from edgeforge.targets.engine.emit.expressions import (
    argument,
    arguments,
    array_name,
    constant_name,
    declaration,
    identifier,
    numbers,
    parameters,
    pointer,
)
from edgeforge.targets.engine.ir import C_TYPES, Operator
from edgeforge.targets.engine.kernel import Array, Names
from edgeforge.targets.engine.network import Network

ARDUINO = "arduino"  # the folder of the Arduino library, which has copies of the sources under src/


def library_files(networks: Sequence[Network]) -> dict[str, str]:
    """Return the text of each file of a library of several networks, by its path in the folder."""
    sources: dict[str, str] = {}
    for network in networks:
        name, context = identifier(network.name), _context(network)
        sources[f"{name}.h"] = _render("model.h", context)
        sources[f"{name}.c"] = _render("model.c", context)
        sources[f"{name}_weights.c"] = _render("weights.c", context)
        sources |= kernel_files(network)
    name = identifier(networks[0].name)
    facts = {
        "name": name,
        "sources": [path for path in sources if path.endswith(".c")],
        "headers": [f"{identifier(network.name)}.h" for network in networks],
    }
    files = dict(sources)
    files["CMakeLists.txt"] = _render("CMakeLists.txt", facts)
    files["zephyr/CMakeLists.txt"] = _render("zephyr.txt", facts)
    files["zephyr/module.yml"] = _render("module.yml", facts)
    files[f"{ARDUINO}/{name}/library.properties"] = _render("library.properties", facts)
    return files | {f"{ARDUINO}/{name}/src/{path}": text for path, text in sources.items()}


def write_libraries(networks: Sequence[Network], folder: Path) -> None:
    """Write a library of several networks, compiled for one core, into a folder."""
    for path, text in library_files(networks).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def write_library(network: Network, folder: Path) -> None:
    """Write the library of one network into a folder."""
    write_libraries([network], folder)


def kernel_files(network: Network) -> dict[str, str]:
    """Return engine.h and the files of the kernels that are called, with the headers that these include."""
    root = bundled("firmware/engine")
    stems = sorted({stem for kernel in network.kernels for stem in kernel.sources})
    waiting = ["engine.h", *(f"kernels/{stem}{suffix}" for stem in stems for suffix in (".h", ".c"))]
    found: dict[str, str] = {}
    while waiting:
        path = waiting.pop(0)
        if path in found or not (root / path).is_file():
            continue
        found[path] = (root / path).read_text(encoding="utf-8")
        for included in re.findall(r'^#include "([^"]+)"', found[path], re.MULTILINE):
            beside = (PurePosixPath(path).parent / included).as_posix()
            waiting.append(beside if (root / beside).is_file() else included)
    if network.options.rounding == "single":
        found["engine.h"] = found["engine.h"].replace("ENGINE_SINGLE_ROUNDING 0", "ENGINE_SINGLE_ROUNDING 1")
    return dict(sorted(found.items()))


def names_of(network: Network, number: int) -> Names:
    """Return the C expressions that a layer's call is made of."""
    operator, kernel = network.operators[number], network.kernels[number]
    return Names(
        layer=f"layer_{number}",
        inputs=tuple(pointer(network, tensor, written=False) for tensor in operator.inputs),
        outputs=tuple(pointer(network, tensor, written=True) for tensor in operator.outputs),
        states=tuple(pointer(network, tensor, written=True) for tensor in operator.state),
        scratch=f"memory + {network.scratch[number]}" if kernel.scratch(operator) else "NULL",
        arrays={what: array_name(network, number, what) for what in kernel.arrays(operator)},
    )


def _render(template: str, context: dict[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(bundled("firmware/engine/templates")), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["comment"] = comment
    return environment.get_template(template).render(context)


def _context(network: Network) -> dict[str, Any]:
    name = identifier(network.name)
    arrays = _arrays(network)
    states = [tensor for operator in network.operators for tensor in operator.state]
    return {
        "title": network.name,
        "name": name,
        "upper": name.upper(),
        "guard": f"{name.upper()}_H",
        "version": __version__,
        "core": network.options.core.name,
        "optimize": network.options.optimize,
        "facts": network_facts(network),
        "arena_bytes": max(network.arena_bytes, 1),
        "shared_bytes": max(network.shared_bytes, 1),
        "alignment": network.options.core.alignment,
        "ends": _ends(network),
        "parameters": parameters(network),
        "arguments": arguments(network),
        "headers": sorted({f"kernels/{one}.h" for kernel in network.kernels for one in kernel.headers}),
        "declarations": [array["declaration"] for array in arrays],
        "arrays": arrays,
        "states": [
            {
                "name": one.name,
                "offset": network.places[one.number].offset,
                "bytes": one.bytes,
                "value": one.zero_point if one.kind == "int8" else 0,  # what stands for 0
            }
            for one in states
        ],
        "layers": [_layer(network, number, operator) for number, operator in enumerate(network.operators)],
    }


def _layer(network: Network, number: int, operator: Operator) -> dict[str, Any]:
    kernel, names = network.kernels[number], names_of(network, number)
    return {
        "label": operator.label,
        "comment": layer_comment(operator, kernel),
        "definition": kernel.definition(operator, names),
        "call": kernel.call(operator, names),
    }


def _arrays(network: Network) -> list[dict[str, str]]:
    found, seen = [], set()
    for number, (operator, kernel) in enumerate(zip(network.operators, network.kernels, strict=True)):
        for what, array in kernel.arrays(operator).items():
            found.append(_array(array_name(network, number, what), array, f"{operator.label}: {what}"))
        for tensor in operator.inputs:
            if tensor.data is not None and tensor.number not in seen:
                seen.add(tensor.number)
                constant = Array(C_TYPES[tensor.kind], tensor.values.reshape(-1))
                comment = f"{tensor.name}: {tensor_line(tensor)}"
                found.append(_array(constant_name(network, tensor), constant, comment))
    return found


def _array(name: str, array: Array, comment: str) -> dict[str, str]:
    return {"declaration": declaration(name, array), "elements": numbers(array.values), "comment": comment}


def _ends(network: Network) -> list[dict[str, Any]]:
    found = []
    for what, tensors in (("in", network.inputs), ("out", network.outputs)):
        for number, tensor in enumerate(tensors):
            parameter = argument(network, what, number)
            found.append(
                {
                    "what": parameter,
                    "macro": f"{identifier(network.name)}_{parameter}".upper(),
                    "comment": f"{tensor.name}, {tensor_line(tensor)}",
                    "size": tensor.size,
                    "bytes": tensor.bytes,
                    "offset": network.end_offsets[tensor.number],
                    "scale": repr(tensor.scale) if tensor.scale else "",
                    "zero_point": tensor.zero_point,
                }
            )
    return found
