"""What a fit comes to in words: the two verdicts, which layer sets the arena's peak, and what to change."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from edgeforge.results.rows.fit import ArenaRow, FitRow, FlashRow, MemoryVerdict, Refusal
from edgeforge.tflite.graph import Graph


def memory_verdict(row: MemoryVerdict, arena_reserved: int, flash: FlashRow) -> str:
    """Return the sentence that says whether RAM and flash suffice, and what is left or missing."""
    if row.fits:
        left = f"{row.ram_left_bytes:,} bytes of RAM and {row.flash_left_bytes:,} bytes of flash"
        return f"fits: {left} to spare{_left_out(flash)}"
    parts = []
    if row.ram_left_bytes < 0:
        parts.append(
            f"{-row.ram_left_bytes:,} bytes of RAM are missing: it takes {row.ram_bytes:,}, of them "
            f"{arena_reserved:,} for the tensor arena; the board has {row.ram_limit_bytes:,}"
        )
    if row.flash_left_bytes < 0:
        parts.append(
            f"{-row.flash_left_bytes:,} bytes of flash are missing: it takes {row.flash_bytes:,}, of them "
            f"{flash.model_bytes:,} for the model; the board has {row.flash_limit_bytes:,}"
        )
    return "does not fit: " + "; ".join(parts)


def library_verdict(title: str, refusals: Sequence[Refusal], layers: int) -> str:
    """Return the sentence that says whether the library takes every layer and computes it rightly."""
    if not refusals:
        return f"{title} takes every layer"
    named = {refusal.layer: refusal.kind for refusal in refusals}
    refused, wrong = (sum(kind == which for kind in named.values()) for which in ("refused", "wrong"))
    does = [f"refuses {refused}"] * (refused > 0) + [f"would compute {wrong} wrongly"] * (wrong > 0)
    reasons = "; ".join(f"{refusal.layer}: {refusal.reason}" for refusal in refusals)
    return f"of {_count(layers, 'layer')} {title} {' and '.join(does)}: {reasons}"


BOARDS_NAMED = 4


def advice(row: FitRow, graph: Graph, fitting: list[str]) -> list[str]:
    """Return what to change where a verdict is no. fitting: boards that it fits, the smallest first."""
    found = [refusal.fix for refusal in row.library.refusals if refusal.fix]
    if not row.memory.fits and row.packed and row.packed.fits:
        found.append(
            f"`edgeforge pack` writes it smaller (a memory plan, nothing twice), and then it {row.packed.verdict}"
        )
    if row.memory.ram_left_bytes < 0:
        found += _less_ram(row, graph)
    if row.memory.flash_left_bytes < 0:
        found.append(_less_flash(row))
    if fitting:
        more = len(fitting) - BOARDS_NAMED
        others = f", and {more} more: `edgeforge fit MODEL.tflite` ranks them" if more > 0 else ""
        found.append(f"it fits {', '.join(fitting[:BOARDS_NAMED])}{others}")
    return list(dict.fromkeys(found))


def peak_layer(arena: ArenaRow) -> str:
    """Return the layer in whose step most bytes are live, and what is live in it, the largest first."""
    step = arena.peak_step
    live = sorted((one for one in arena.buffers if one.first <= step <= one.last), key=lambda one: -one.bytes)
    layer = arena.steps[step - 1] if step else "the input"
    held = ", ".join(f"{'scratch' if one.kind == 'scratch' else one.name} {one.bytes:,}" for one in live[:3])
    return f"{layer} sets the peak of {arena.live_bytes[step]:,} bytes ({held})"


def arena_note(row: FitRow) -> str:
    """Return where the arena's size comes from, for the comment above it in the sketch."""
    arena = row.arena
    return (
        f"Predicted for {row.title} with {row.library.kernels} kernels ({row.structures}): arena_used_bytes() "
        f"{arena.used_bytes} bytes, {arena.head_bytes} for activations and scratch buffers and {arena.tail_bytes} for "
        f"structures; {arena.needed_bytes} while tensors are allocated. The rest is margin. "
        f"{peak_layer(arena)}."
    )


def _less_ram(row: FitRow, graph: Graph) -> list[str]:
    head = row.arena.head_bytes
    room = head + row.memory.ram_left_bytes
    if room <= 0:
        return [f"the arena's structures alone ({row.arena.tail_bytes:,} bytes) leave no room: use fewer layers"]
    share = room / head
    found = [f"{peak_layer(row.arena)}; activations must shrink to {100 * share:.0f} %"]
    shape = graph.shape(graph.inputs[0]) if graph.inputs else ()
    if len(shape) == 4:
        smaller = (int(size * sqrt(share)) for size in shape[1:3])
        found.append(f"take a smaller input, about {'×'.join(map(str, smaller))} instead of {shape[1]}×{shape[2]}")
    found.append(f"or a width multiplier of about {_two_digits(share)} (or prune that share of the channels)")
    return found


def _less_flash(row: FitRow) -> str:
    model = row.flash.model_bytes
    room = model + row.memory.flash_left_bytes
    if room <= 0:
        return "the program without a model already fills the flash: take another board"
    return f"the model must shrink to {room:,} bytes: a width multiplier of about {_two_digits(sqrt(room / model))}"


def _two_digits(share: float) -> str:
    return f"{int(100 * share) / 100:.2f}"


def _left_out(flash: FlashRow) -> str:
    if flash.vectors_left_out and not flash.vectors:
        return "; flash has no room for a test vector: the sketch cannot test itself at start"
    return f"; flash has no room for {_count(flash.vectors_left_out, 'more test vector')}" * bool(
        flash.vectors_left_out
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
