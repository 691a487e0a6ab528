"""The arena's layers and tensors by the names that a person gave the network's modules, where they are known."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from edgeforge.results.rows.fit import ArenaRow
from edgeforge.results.rows.parity import LayerRow

STEP = re.compile(r"(\w+) (\d+) \(.*\)")  # CONV_2D 1 (conv_2d_1)


def modules_of(layers: Sequence[LayerRow]) -> dict[str, str]:
    """Return `CONV_2D 1` → module, of the layers whose module is known."""
    return {f"{row.operator} {row.place}": row.module for row in layers if row.module and row.place is not None}


def named_arena(arena: ArenaRow, modules: Mapping[str, str]) -> ArenaRow:
    """Return the arena with its steps, and the tensors that they write, named by modules.

    An arena whose operators are not those of the compared model, in number or kind, is returned as it is.
    """
    steps = [STEP.fullmatch(step) for step in arena.steps]
    keys = [f"{found[1]} {found[2]}" if found else "" for found in steps]
    if not modules or not set(modules) <= set(keys):
        return arena
    named = [
        f"{modules[key]} ({key})" if key in modules else step for key, step in zip(keys, arena.steps, strict=True)
    ]  # fmt: skip
    buffers = [
        one.model_copy(update={"name": modules[keys[one.first - 1]]})
        if one.kind != "scratch" and one.first > 0 and keys[one.first - 1] in modules
        else one
        for one in arena.buffers
    ]
    return arena.model_copy(update={"steps": named, "buffers": buffers})
