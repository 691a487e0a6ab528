"""Whether a model fits a board: tensor arena, flash and RAM, whether its TFLM library takes it, and what to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

from edgeforge.apart.run import in_worker
from edgeforge.errors import BudgetExceeded, RecipeError
from edgeforge.evaluate.engines.judge import confirmed
from edgeforge.hardware.board import Board
from edgeforge.hardware.boards import all_boards, board, boards
from edgeforge.hardware.libraries import Library, caveats
from edgeforge.hardware.libraries import library as known_library
from edgeforge.hardware.op_resolver import OPERATORS
from edgeforge.inputs.regular import named, read_regular
from edgeforge.recipe.schema import DEFAULT_LIBRARY
from edgeforge.results.preprocessing import read_preprocessing_of
from edgeforge.results.rows.fit import ArenaRow, FitRow, FlashRow, LibraryVerdict, MemoryVerdict, Refusal
from edgeforge.targets.fit.advice import advice, library_verdict, memory_verdict
from edgeforge.targets.fit.arena import predict_arena, round_up
from edgeforge.targets.fit.better_plan import as_packed
from edgeforge.targets.fit.flash import Contents, contents_of, flash_of, runtime_ram
from edgeforge.targets.fit.library import refusals as library_refusals
from edgeforge.targets.fit.tflm_memory import runtimes
from edgeforge.targets.fit.time import estimate
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.graph import CONVERSIONS, Graph, layer_label, sources, targets
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes
from edgeforge.tflite.passes.fixed.order import read_fixed
from edgeforge.tflite.passes.memory_plan import UnreadablePlan, read_plan

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
    sketch: Library | None = None,
    refusals: Sequence[Refusal] = (),
    contents: Contents | None = None,
    packed: bytes | None = None,
) -> FitRow:
    """Return whether a .tflite model fits a board, and with what room; and whether the library takes it.

    key: the board's name in boards.toml or in the recipe, found by itself for the former.
    sketch: the TFLM library that the sketch is built with, whose structures, kernels and code are counted; default:
        the pinned one.
    refusals: layers that it refuses or computes wrongly, found otherwise than by its table of operators.
    contents: what the sketch holds beside its code; default: what `pack` would put into it.
    packed: the model as `pack` would write it, to say what that saves.
    Raises RecipeError for a file that is no model, or that computes in float.
    """
    graph = Graph(pure_flatbuffer(flatbuffer))
    require_integers(graph)
    contents = contents or contents_of(graph, read_preprocessing_of(flatbuffer))
    sketch = sketch or known_library(DEFAULT_LIBRARY)
    missing = [*missing_operators(graph), *unreadable_plan(graph)]
    named = {one.layer for one in missing}
    found = (*refusals, *library_refusals(graph.model_bytes, sketch))
    refused = [*missing, *(one for one in found if one.layer not in named)]
    row = _fit(graph, target, key, sketch, refused, contents)
    if packed and packed != graph.model_bytes:
        smaller = _fit(Graph(packed), target, key, sketch, refused, contents).memory
        if (smaller.ram_bytes, smaller.flash_bytes) != (row.memory.ram_bytes, row.memory.flash_bytes):
            row = row.model_copy(update={"packed": smaller})
    others = () if row.memory.fits else sorted(boards().values(), key=lambda one: (one.ram_bytes, one.flash_bytes))
    fitting = [one.title for one in others if _fit(graph, one, "", sketch, refused, contents).memory.fits]
    return row.model_copy(update={"advice": advice(row, graph, fitting)})


def _fit(graph: Graph, target: Board, key: str, sketch: Library, refusals: list[Refusal], contents: Contents) -> FitRow:
    kernels = sketch.kernels_on(target)
    arena = predict_arena(graph, runtimes()[sketch.structures], kernels, target.core)
    flash = flash_of(len(graph.model_bytes), graph.every_name, target, sketch.structures, kernels, contents)
    reserved = reserved_arena(arena)
    time = estimate(graph, target, kernels)
    ram = reserved + runtime_ram(sketch.structures, kernels) + contents.ram_bytes + target.core_ram_bytes
    return FitRow(
        board=key or next((name for name, one in boards().items() if one == target), target.title),
        title=target.title,
        memory=memory_of(ram, target, reserved, flash),
        library=LibraryVerdict(
            key=sketch.key,
            title=sketch.title,
            kernels=kernels,
            takes_it=not refusals,
            verdict=library_verdict(sketch.title, refusals, len(graph.every_name)),
            refusals=refusals,
            caveats=caveats(sketch, target),
        ),
        structures=runtimes()[sketch.structures].title,
        arena=arena,
        arena_reserved_bytes=reserved,
        variables=contents.variables,
        flash=flash,
        time=time,
        pace=contents.pace.told(time.milliseconds) if contents.pace else "",
        operators=sorted(set(graph.every_name)),
    )


def with_flash(row: FitRow, target: Board, flash: FlashRow) -> FitRow:
    """Return the row with another sum of flash, and what that makes of its verdict on memory."""
    memory = memory_of(row.memory.ram_bytes, target, row.arena_reserved_bytes, flash)
    return row.model_copy(update={"flash": flash, "memory": memory})


def memory_of(ram: int, target: Board, reserved: int, flash: FlashRow) -> MemoryVerdict:
    """Return the verdict on RAM (bytes in all, `reserved` of them the arena's) and flash."""
    ram_left, flash_left = target.ram_bytes - ram, target.flash_bytes - flash.total
    row = MemoryVerdict(
        fits=ram_left >= 0 and flash_left >= 0,
        verdict="",
        ram_bytes=ram,
        ram_limit_bytes=target.ram_bytes,
        ram_left_bytes=ram_left,
        flash_bytes=flash.total,
        flash_limit_bytes=target.flash_bytes,
        flash_left_bytes=flash_left,
    )
    return row.model_copy(update={"verdict": memory_verdict(row, reserved, flash)})


def reserved_arena(arena: ArenaRow) -> int:
    """Return the bytes that the sketch reserves: the prediction and a margin, aligned."""
    margin = UNMEASURED_MARGIN if arena.estimated else MARGIN
    return round_up(arena.needed_bytes + MARGIN_BYTES + int(arena.needed_bytes * margin))


@in_worker
def fit_file(
    path: Path,
    board_key: str,
    own: Mapping[str, Board] | None = None,
    sketch: Library | None = None,
    shapes: Shapes = AS_THE_FILE_SAYS,
) -> list[FitRow]:
    """Return the fit of a .tflite file on one board, or on `all`, ranked.

    Raises RecipeError for wrong input, ParityError for a model that LiteRT and TFLM compute differently.
    It is judged as `edgeforge pack` writes it: with fixed shapes. shapes: of inputs that the file leaves free.
    """
    flatbuffer, changes = read_fixed(path, shapes)
    require_integers(Graph(flatbuffer))
    refused, contents = confirmed(flatbuffer), _said_contents(path, Graph(flatbuffer))
    if board_key == "all":
        rows = rank_boards(flatbuffer, own, sketch=sketch, refusals=refused, contents=contents)
    else:
        rows = _with_packed(flatbuffer, {board_key: board(board_key, own)}, sketch, refused, contents)
    return [row.model_copy(update={"changes": list(changes)}) for row in rows]


def _said_contents(path: Path, graph: Graph) -> Contents | None:
    """Return what the sketch of a file holds that says itself how its inputs are made; None where it does not."""
    try:
        said = read_preprocessing_of(read_regular(path, "name a .tflite file"))
    except RecipeError as error:
        raise RecipeError(f"{named(path)}: {error.reason}", fix=error.fix) from error
    taken = [prod(graph.shape(place)) for place in graph.inputs]
    if said is None or [prod(one.shape) for one in said.every_input] != taken:
        return None
    return contents_of(graph, said)


def rank_boards(
    flatbuffer: bytes,
    own: Mapping[str, Board] | None = None,
    only: Sequence[str] = (),
    sketch: Library | None = None,
    refusals: Sequence[Refusal] = (),
    contents: Contents | None = None,
) -> list[FitRow]:
    """Return the model on every board (or `only` some): first those that it can go to, then those that it fits, the
    most RAM or flash left in share first.
    """
    known = {key: one for key, one in all_boards(own).items() if not only or key in only}
    rows = _with_packed(flatbuffer, known, sketch, refusals, contents)
    return sorted(rows, key=lambda row: (not row.deployable, not row.memory.fits, -_share_left(row.memory)))


def _with_packed(
    flatbuffer: bytes,
    known: Mapping[str, Board],
    sketch: Library | None,
    refusals: Sequence[Refusal],
    contents: Contents | None = None,
) -> list[FitRow]:
    """Return the model on each board, and what it would take there as `pack` writes it for that board alone."""
    graph, sketch = Graph(pure_flatbuffer(flatbuffer)), sketch or known_library(DEFAULT_LIBRARY)
    require_integers(graph)
    rows = []
    for key, one in known.items():
        packed = as_packed(graph.model_bytes, sketch, [one])
        rows.append(
            fit_model(flatbuffer, one, key=key, sketch=sketch, refusals=refusals, packed=packed, contents=contents)
        )
    return rows


def _share_left(memory: MemoryVerdict) -> float:
    return min(memory.ram_left_bytes / memory.ram_limit_bytes, memory.flash_left_bytes / memory.flash_limit_bytes)


def require_integers(graph: Graph) -> None:
    """Raise RecipeError when no operator computes in integers."""
    computing = [n for n, name in enumerate(graph.names) if name not in CONVERSIONS]
    floats = [n for n in computing if _touches_float(graph, n)]
    if computing and len(floats) == len(computing):
        raise RecipeError(
            f"the model computes in float: {layer_label(graph, floats[0])}"
            + (f" and {len(floats) - 1} more layers" if len(floats) > 1 else ""),
            fix=QUANTIZE,
        )


def missing_operators(graph: Graph) -> list[Refusal]:
    """Return the layers whose operator TFLM does not have."""
    return [
        Refusal(layer=layer_label(part, n), operator=name, reason=f"TensorFlow Lite Micro has no operator {name}",
                fix="replace that layer in the network")
        for part in graph.parts
        for n, name in enumerate(part.names)
        if name not in OPERATORS
    ]  # fmt: skip


def unreadable_plan(graph: Graph) -> list[Refusal]:
    """Return what TFLM has against a memory plan that is not of this model."""
    try:
        read_plan(graph.model)
    except UnreadablePlan as error:
        reason = f"{error.offsets} offsets for {error.tensors} tensors, and AllocateTensors() refuses that"
        fix = "`edgeforge pack` leaves it out: fit the file that it writes"
        return [Refusal(layer="its memory plan", operator="OfflineMemoryAllocation", reason=reason, fix=fix)]
    return []


def require_fit(rows: Sequence[FitRow]) -> None:
    """Raise BudgetExceeded, with what to change, when the model cannot go to one of the boards."""
    failing = [row for row in rows if not row.deployable]
    if failing:
        raise BudgetExceeded(
            "\n".join(f"{row.title}: {row.verdict}" for row in rows),
            fix="; ".join(dict.fromkeys(text for row in failing for text in row.advice)),
        )


def fitting(rows: Sequence[FitRow]) -> list[FitRow]:
    """Return the boards that the model can go to: a sketch offers no others. Raises BudgetExceeded for none."""
    found = [row for row in rows if row.deployable]
    if not found:
        require_fit(rows)
    return found


def _touches_float(graph: Graph, operator: int) -> bool:
    touched = (*sources(graph.operators[operator]), *targets(graph.operators[operator]))
    return any(graph.spec(tensor).dtype.startswith("float") for tensor in touched)
