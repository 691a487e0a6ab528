"""What the report page shows of the tensor arenas: boards whose arena is the same share one plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgeforge.report.fit.layer_names import modules_of, named_arena
from edgeforge.report.fit.plot import arena_plot
from edgeforge.report.fit.table import peak_text
from edgeforge.report.plots.fitted import for_page
from edgeforge.results.rows.fit import FitRow
from edgeforge.results.rows.parity import LayerRow
from edgeforge.results.rows.report import TargetRow


def fit_view(targets: list[TargetRow], layers: Sequence[LayerRow] = ()) -> list[dict[str, Any]]:
    """Return a section a different arena: the boards' titles, the first board's row, plot, parts and advice.

    layers: of the same model, which know the modules that they came from.
    """
    groups: dict[str, list[FitRow]] = {}
    for target in targets:
        if target.fit:
            fit = target.fit.model_copy(update={"arena": named_arena(target.fit.arena, modules_of(layers))})
            groups.setdefault(fit.arena.model_dump_json(), []).append(fit)
    return [
        {
            "titles": [row.title for row in rows],
            "row": rows[0],
            "peak": f"Peak: {peak_text(rows[0])}",
            "plot": _plot(rows[0]),
            "parts": [part for row in rows for part in parts(row)],
            "times": [f"{row.title}: {row.time.sentence}." for row in rows if row.time],
            "advice": [f"{row.title}: {text}" for row in rows for text in row.advice],
        }
        for rows in groups.values()
    ]


def _plot(row: FitRow) -> str:
    return for_page(lambda width: arena_plot(row.arena, f"Tensor arena on {row.title}", width))


def parts(row: FitRow) -> list[tuple[str, int]]:
    """Return what one board's RAM and flash are made of, in bytes."""
    arena, flash = row.arena, row.flash
    tail = [(f"{row.title}: arena, {name}", size) for name, size in arena.tail.items() if size]
    compiled = f"measured, {flash.measured}" if flash.measured else "estimated"
    left_out = f", {flash.vectors_left_out} left out for want of flash" if flash.vectors_left_out else ""
    how = {
        "kernels": " of its operators",
        "test vectors": f" ({flash.vectors}{left_out})",
        "sketch": f" ({compiled})",
    }
    others = sum(row.variables.values())
    named = [
        ("arena, activations and scratch buffers", arena.head_bytes),
        ("arena, margin and room to plan", row.arena_reserved_bytes - arena.used_bytes),
        *row.variables.items(),
        (
            "variables of runtime and core, stack",
            row.memory.ram_bytes - row.arena_reserved_bytes - others,
        ),
        *((f"flash, {name}{how.get(name, '')}", size) for name, size in flash.parts),
    ]
    return tail + [(f"{row.title}: {name}", size) for name, size in named]
