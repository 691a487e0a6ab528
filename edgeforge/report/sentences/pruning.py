"""What the report says of pruning, in sentences."""

from __future__ import annotations

from edgeforge.results.rows.pruning import PruningRow

NO_SPEED = (
    "No runtime here skips zeros: they make a file smaller only once it is compressed, and no model faster; "
    "no speed is claimed."
)


def sparsity(row: PruningRow) -> float:
    """Return the share of zeros among the weights of all convolutions and dense layers."""
    return sum(layer.zeros for layer in row.layers) / max(sum(layer.weights for layer in row.layers), 1)


def pruning_lines(row: PruningRow) -> list[str]:
    """Return what a reader must know of the pruning, a sentence a line."""
    lines = []
    if row.method == "magnitude":
        lines.append(f"Magnitude: {100 * sparsity(row):.1f} % of the weights are zero, {_per_layer(row)}.")
    else:
        lines.append(
            f"Channels: parameters {row.parameters_before:,} → {row.parameters_after:,}, multiply-accumulates "
            f"{row.macs_before:,} → {row.macs_after:,}; {_per_layer(row)}."
        )
    if row.top1_before is not None and row.top1_after is not None:
        lines.append(
            f"Float accuracy {100 * row.top1_before:.2f} → {100 * row.top1_after:.2f} % on the test split, after "
            f"{len(row.fine_tuning.epochs)} epochs of fine-tuning."
        )
    for file in row.files:
        lines.append(
            f"{file.name}: {_change(file.dense_bytes, file.bytes)} bytes, "
            f"gzip {_change(file.dense_gzip_bytes, file.gzip_bytes)}."
        )
    if row.arena_bytes is not None:
        lines.append(f"Tensor arena in TFLM: {_change(row.dense_arena_bytes, row.arena_bytes)} bytes.")
    if row.method == "magnitude":
        lines.append(
            f"Parameters ({row.parameters_after:,}) and multiply-accumulates ({row.macs_after:,}) stay. {NO_SPEED}"
        )
    return lines


def _per_layer(row: PruningRow) -> str:
    if row.method == "magnitude":
        parts = [f"{layer.name} {100 * layer.zeros / layer.weights:.1f} %" for layer in row.layers]
    else:
        parts = [f"{layer.name} {layer.channels_before} → {layer.channels_after}" for layer in row.layers]
    return ", ".join(parts[:6]) + (f" and {len(parts) - 6} more" if len(parts) > 6 else "")


def _change(before: int | None, after: int) -> str:
    return f"{after:,}" if before is None else f"{before:,} → {after:,}"
