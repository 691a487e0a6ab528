"""Whether a model fits a board: tensor arena, flash and RAM, and what to change where it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgeforge.errors import BudgetExceeded, RecipeError
from edgeforge.hardware.board import Board
from edgeforge.hardware.boards import all_boards, board, boards
from edgeforge.hardware.libraries import Library, caveats
from edgeforge.hardware.libraries import library as known_library
from edgeforge.hardware.op_resolver import OPERATORS
from edgeforge.recipe.schema import DEFAULT_LIBRARY
from edgeforge.results.rows.fit import ArenaRow, FitRow, Refusal
from edgeforge.targets.fit.advice import advice, verdict
from edgeforge.targets.fit.arena import predict_arena, round_up
from edgeforge.targets.fit.flash import flash_of, runtime_ram
from edgeforge.targets.fit.library import refusals as library_refusals
from edgeforge.targets.fit.tflm_memory import runtimes
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.flatbuffer import read_file
from edgeforge.tflite.graph import CONVERSIONS, Graph, layer_label, sources, targets

REFERENCE = "tflite-micro"  # the one that has reference kernels
# Room in the arena above the prediction: for what a later patch of the library may add. More where an operator's
# structures were not measured.
MARGIN_BYTES, MARGIN, UNMEASURED_MARGIN = 64, 0.01, 0.10

QUANTIZE = (
    "quantize it to full int8: `edgeforge build` makes tflite-int8; with TensorFlow set converter.optimizations = "
    "[tf.lite.Optimize.DEFAULT], representative_dataset, target_spec.supported_ops = "
    "[tf.lite.OpsSet.TFLITE_BUILTINS_INT8] and inference_input_type = inference_output_type = tf.int8"
)


def fit_model(
    flatbuffer: bytes,
    target: Board,
    *,
    key: str = "",
    library: str | None = None,
    sketch: Library | None = None,
    refusals: Sequence[Refusal] = (),
) -> FitRow:
    """Return whether a .tflite model fits a board, and with what room.

    key: the board's name in boards.toml or in the recipe, found by itself for the former.
    library: whose structures are counted (tflm_memory.toml); default: the pinned one, or for reference kernels
        tflite-micro.
    sketch: the library that the sketch is built with; default: the pinned one. A model with a layer that it lacks or
        would compute wrongly does not fit.
    refusals: layers refused for other reasons; the model then does not fit either.
    Raises RecipeError for a file that is no model, or that computes in float.
    """
    graph = Graph(pure_flatbuffer(flatbuffer))
    require_integers(graph)
    sketch = sketch or known_library(DEFAULT_LIBRARY)
    refusals = [*refusals, *library_refusals(graph.model_bytes, sketch)]
    row = _fit(graph, target, key, library, refusals)
    fitting = [] if row.fits else [one.title for one in boards().values() if _fit(graph, one, "", None, refusals).fits]
    said = {"verdict": verdict(row), "advice": advice(row, graph, fitting), "caveats": caveats(sketch, target)}
    return row.model_copy(update=said)


def _fit(graph: Graph, target: Board, key: str, library: str | None, refusals: Sequence[Refusal]) -> FitRow:
    runtime = runtimes()[library or (DEFAULT_LIBRARY if target.kernels == "cmsis-nn" else REFERENCE)]
    arena = predict_arena(graph, runtime, target.kernels, dsp=target.dsp)
    flash = flash_of(len(graph.model_bytes), graph.names, target, runtime.name)
    reserved = reserved_arena(arena)
    ram = reserved + runtime_ram(runtime.name, target.kernels) + target.core_ram_bytes
    missing = missing_operators(graph)
    refused = [*missing, *(one for one in refusals if one.layer not in {other.layer for other in missing})]
    return FitRow(
        board=key or next((name for name, one in boards().items() if one == target), target.title),
        title=target.title,
        kernels=target.kernels,
        library=runtime.title,
        fits=ram <= target.ram_bytes and flash.total <= target.flash_bytes and not refused,
        verdict="",
        arena=arena,
        arena_reserved_bytes=reserved,
        flash=flash,
        flash_bytes=flash.total,
        flash_limit_bytes=target.flash_bytes,
        ram_bytes=ram,
        ram_limit_bytes=target.ram_bytes,
        refusals=refused,
        operators=sorted(set(graph.names)),
    )


def reserved_arena(arena: ArenaRow) -> int:
    """Return the bytes that the sketch reserves: the prediction and a margin, aligned."""
    margin = UNMEASURED_MARGIN if arena.estimated else MARGIN
    return round_up(arena.needed_bytes + MARGIN_BYTES + int(arena.needed_bytes * margin))


def fit_file(
    path: Path, board_key: str, own: Mapping[str, Board] | None = None, sketch: Library | None = None
) -> list[FitRow]:
    """Return the fit of a .tflite file on one board, or on `all`, ranked. Raises RecipeError for wrong input."""
    flatbuffer = read_file(path)
    if board_key == "all":
        return rank_boards(flatbuffer, own, sketch=sketch)
    return [fit_model(flatbuffer, board(board_key, own), key=board_key, sketch=sketch)]


def rank_boards(
    flatbuffer: bytes,
    own: Mapping[str, Board] | None = None,
    only: Sequence[str] = (),
    sketch: Library | None = None,
) -> list[FitRow]:
    """Return the model on every board (or `only` some): first those that it fits, the most RAM left in share first."""
    known = {key: one for key, one in all_boards(own).items() if not only or key in only}
    rows = [fit_model(flatbuffer, one, key=key, sketch=sketch) for key, one in known.items()]
    return sorted(rows, key=lambda row: (not row.fits, -min(row.ram_headroom / row.ram_limit_bytes,
                                                            row.flash_headroom / row.flash_limit_bytes)))  # fmt: skip


def require_integers(graph: Graph) -> None:
    """Raise RecipeError when no operator computes in integers."""
    computing = [n for n, name in enumerate(graph.names) if name not in CONVERSIONS]
    floats = [n for n in computing if _touches_float(graph, n)]
    if computing and len(floats) == len(computing):
        raise RecipeError(
            f"the model computes in float: {layer_label(graph, floats[0])} and {len(floats) - 1} more layers",
            fix=QUANTIZE,
        )


def missing_operators(graph: Graph) -> list[Refusal]:
    """Return the layers whose operator TFLM does not have."""
    return [
        Refusal(layer=layer_label(graph, n), operator=name, reason=f"TensorFlow Lite Micro has no operator {name}",
                fix="replace that layer in the network")
        for n, name in enumerate(graph.names)
        if name not in OPERATORS
    ]  # fmt: skip


def require_fit(rows: Sequence[FitRow]) -> None:
    """Raise BudgetExceeded, with what to change, when the model does not fit one of the boards."""
    failing = [row for row in rows if not row.fits]
    if failing:
        raise BudgetExceeded(
            "\n".join(f"{row.title}: {row.verdict}" for row in rows),
            fix="; ".join(dict.fromkeys(text for row in failing for text in row.advice)),
        )


def _touches_float(graph: Graph, operator: int) -> bool:
    touched = (*sources(graph.operators[operator]), *targets(graph.operators[operator]))
    return any(graph.spec(tensor).dtype.startswith("float") for tensor in touched)
