"""The report as one page that opens anywhere: no network, no files beside it; JavaScript only sorts its table."""

from __future__ import annotations

from typing import Any

from edgeforge.evaluate.parity.layer_evidence import costliest
from edgeforge.report.contents import with_contents
from edgeforge.report.fit.view import fit_view
from edgeforge.report.maps import map_cells, map_columns
from edgeforge.report.page import render_page
from edgeforge.report.parity.plot import depth_plot
from edgeforge.report.parity.table import identical_text
from edgeforge.report.parity.view import grade, parity_view
from edgeforge.report.plots.figures import accuracy_plot, bars_plot, threads_plot, training_plot
from edgeforge.report.plots.fitted import for_half, for_page
from edgeforge.report.plots.heads import confusion_plots, scatter_plots
from edgeforge.report.plots.mixed import mix_plot, sensitivity_plot
from edgeforge.report.score import digits_of, drop_words, heading, is_map, is_value, score
from edgeforge.report.sentences.board_runs import run_lines
from edgeforge.report.sentences.edge_tpu import edge_tpu_lines
from edgeforge.report.sentences.emulated import engine_lines, litert_words
from edgeforge.report.sentences.listening import listening_line
from edgeforge.report.sentences.pruning import pruning_lines
from edgeforge.report.sentences.travelled import mixed_line, travelled_lines
from edgeforge.report.table import head_cells, head_rows, threshold_words, time_text
from edgeforge.results.rows.pictures.maps import COLOURS
from edgeforge.results.rows.report import RUNTIMES, Drop, Latency, Report
from edgeforge.results.rows.training import TrainingRow
from edgeforge.results.variant import ONNX_INT8, TFLM_INT8, TORCH_FX


def render(report: Report) -> str:
    """Return the page, the same for the same report. All text of the report is escaped; only our own SVG is not."""
    from markupsafe import Markup

    filters = {
        "kb": kilobytes,
        "percent": percent,
        "drop_badge": drop_badge,
        "speed": speed,
        "grade": grade,
        "identical": identical_text,
        "score": score,
        "head_rows": head_rows,
        "head_cells": head_cells,
        "map_cells": map_cells,
        "run_lines": run_lines,
        "litert_words": litert_words,
        "time_text": time_text,
    }
    made = [row for row in report.variants if row.status == "ok"]
    wanted = (report.reference, TORCH_FX, ONNX_INT8, report.shipped, TFLM_INT8)
    plots: dict[str, Any] = {
        "size": for_half(lambda width: accuracy_plot(report, "size", width)),
        "latency": for_half(lambda width: accuracy_plot(report, "latency", width)),
        "bars": for_half(lambda width: bars_plot(report, width)),
        "training": _curves(report.training if report.training.epochs else None),
        "fine_tuning": _curves(report.pruning.fine_tuning if report.pruning else None),
        "qat": _curves(report.qat),
        "confusion": {},
        "heads": {},
    }
    for row in made:
        if row.name in wanted:
            plots["confusion"] |= {name: Markup(plot) for name, plot in confusion_plots(report, row).items()}
            plots["heads"] |= {name: Markup(plot) for name, plot in scatter_plots(row).items()}
    if report.parity and report.parity.layers:
        layers = report.parity.layers
        plots["depth"] = for_page(lambda width: depth_plot(layers, costliest(layers), width))
    if mixed := report.mixed:
        plots["mix"] = for_half(lambda width: mix_plot(mixed, width))
        plots["sensitivity"] = for_half(lambda width: sensitivity_plot(mixed, width))
    if raspberry_pi := report.raspberry_pi:
        plots["raspberry_pi"] = for_half(lambda width: threads_plot(raspberry_pi.devices, width))
    groups = {title: [row for row in report.variants if row.runtime == key] for key, title in RUNTIMES.items()}
    values = {
        "report": report,
        "headline": headline(report),
        "score_title": heading(report),
        "value_first": is_value(report),
        "map_first": is_map(report),
        "map_columns": map_columns(report) if is_map(report) else [],
        "colours": COLOURS,
        "threshold_words": threshold_words(report),
        "judged": any(row.metrics is not None and row.metrics.auroc is not None for row in report.variants),
        "groups": {title: rows for title, rows in groups.items() if rows},
        "plots": plots,
        "fits": fit_view(report.targets, report.parity.layers if report.parity else ()),
        "pruning_lines": pruning_lines(report.pruning) if report.pruning else [],
        "engine_lines": engine_lines(report.engine) if report.engine else [],
        "edge_tpu_lines": edge_tpu_lines(report.edge_tpu) if report.edge_tpu else [],
        "parity_view": parity_view(report.parity),
        "travelled_lines": travelled_lines(report),
        "listening_line": listening_line(report.listening),
        "mixed_line": mixed_line(report.mixed) if report.mixed else "",
        "timing": next((row.latency_ms for row in made if row.latency_ms), None),
    }
    return with_contents(render_page("report.html.j2", filters, values))


def _curves(row: TrainingRow | None) -> str:
    return for_half(lambda width: training_plot(row, width)) if row else ""


def headline(report: Report) -> list[str]:
    """Return what a reader must know, in up to three sentences: the model for the board, beside the float one."""
    rows = {row.name: row for row in report.variants if row.status == "ok"}
    reference, small = rows.get(report.reference), rows.get(report.shipped)
    if not (reference and reference.metrics and small and small.metrics and small.size_bytes and reference.size_bytes):
        return ["No full-integer model was made: see the table below for the reason."]
    what = "RMSE" if is_value(report) else "mean IoU" if is_map(report) else "accuracy"
    times = f"{reference.size_bytes / small.size_bytes:.2f}×"
    sentences = [
        f"The full-integer TFLite model is {times} smaller than PyTorch float32 "
        f"({kilobytes(small.size_bytes)} against {kilobytes(reference.size_bytes)} KB); its {what} is "
        f"{_accuracy_verdict(small.drop)} ({score(small.metrics).text} against "
        f"{score(reference.metrics).full}{_p_value(small.drop)})."
    ]
    board_row = rows.get(TFLM_INT8)
    if board_row and board_row.metrics and board_row.arena_bytes:
        of = "" if what == "accuracy" else f" {what}"
        sentences.append(
            f"On the microcontroller's own kernels it reaches {score(board_row.metrics).full}"
            f"{of} on {board_row.metrics.images:,} test inputs, "
            f"with a tensor arena of {_arena(report, board_row.arena_bytes)}."
        )
    fitting = [target.title for target in report.targets if target.fits]
    failing = [target.title for target in report.targets if target.fits is False]
    refusing = {t.fit.library.title: t.fit.library for t in report.targets if t.fit and not t.fit.library.takes_it}
    if fitting:
        sentences.append(f"It fits {', '.join(fitting)}.")
    if failing:
        sentences.append(f"It does not fit {', '.join(failing)}.")
    for library in refusing.values():
        layers = ", ".join(dict.fromkeys(refusal.layer for refusal in library.refusals))
        sentences.append(f"{library.title} does not take it: {layers}.")
    return sentences


def _arena(report: Report, on_desk: int) -> str:
    """Return the arena's size on the first board; without one, on this 64-bit desk."""
    target = next((target for target in report.targets if target.fit), None)
    return f"{target.arena_bytes:,} bytes on {target.title}" if target else f"{on_desk:,} bytes on this desk"


def _accuracy_verdict(drop: Drop | None) -> str:
    if drop is None or drop.verdict in ("tie", "reference"):
        return "a tie"
    if drop.rmse is not None:
        return f"{abs(drop.rmse):,.{digits_of(drop.rmse)}f} {drop.unit} {drop.verdict}"
    return f"{abs(drop.points):.2f} points {drop.verdict}"


def _p_value(drop: Drop | None) -> str:
    return f", McNemar p = {drop.p_value:.2g}" if drop and drop.p_value is not None else ""


def kilobytes(size: int | None) -> str:
    """Return bytes as KB of 1,024 bytes with one decimal; a dash when unknown."""
    return "–" if size is None else f"{size / 1024:,.1f}"


def percent(share: float) -> str:
    """Return a share in [0, 1] as percent with two decimals."""
    return f"{100 * share:.2f}"


def drop_badge(drop: Drop | None) -> dict[str, Any]:
    """Return the badge of an accuracy verdict: its style, text and the figures behind it."""
    if drop is None or drop.verdict == "reference":
        return {"style": "neutral", "text": "reference", "title": "what all others are compared with"}
    behind = (
        f"{drop.only_reference_right} inputs only the reference gets right, {drop.only_variant_right} only this; "
        f"McNemar p = {drop.p_value or 0:.3g}"
    )
    if drop.rmse is not None:
        behind = f"RMSE {drop.rmse:+.3g} {drop.unit}, 95 % from {drop.rmse_low:+.3g} to {drop.rmse_high:+.3g}"
    if drop.iou_low is not None:
        behind = f"mean IoU {-drop.points:+.2f} points, 95 % from {drop.iou_low:+.2f} to {drop.iou_high:+.2f}"
    text = "tie" if drop.verdict == "tie" else f"{drop.verdict} {drop_words(drop)}".replace("-", "\N{MINUS SIGN}")
    style = {"tie": "good", "worse": "bad", "better": "good"}[drop.verdict]
    return {"style": style, "text": text, "title": behind}


def speed(latency: Latency | None) -> str:
    """Return how many times faster than the reference, with its 95 % interval; `tie` when that contains 1."""
    if latency is None or not (latency.ratio and latency.ratio_low and latency.ratio_high):
        return "–"
    if latency.verdict == "tie":
        return "tie"
    return f"{1 / latency.ratio:.2f}× ({1 / latency.ratio_high:.2f}–{1 / latency.ratio_low:.2f})"
