"""Builds side by side: each variant's figures in all of them, judged against the first."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeforge.errors import RecipeError
from edgeforge.report.score import drop_words, heading, score
from edgeforge.results.answers import Answers, read_answers
from edgeforge.results.report_file import read_report
from edgeforge.results.rows.report import Drop, Report, VariantRow

PAIRED = (
    "Judged on the same test inputs, in pairs: classes by McNemar's exact test, values by paired bootstrap; maps "
    "too, by each image's own mean IoU."
)
UNPAIRED = (
    "≈: judged by counts alone (Fisher's exact test), since the builds do not share their test split or hold no single "
    "answers: a change that a paired test would see may pass as a tie."
)
LEFT_OUT = ("name",)  # keys of a recipe that change nothing that is compared


@dataclass(frozen=True)
class Build:
    """One of the builds that are compared: the letter it has in the table, its folder, what it answered."""

    letter: str
    title: str
    report: Report
    answers: Answers | None


@dataclass(frozen=True)
class Row:
    """One variant in one build. judged: against the first build that has it; empty there. marks: see UNPAIRED."""

    variant: str
    letter: str
    reason: str = ""  # why there are no figures
    score: str = ""
    verdict: str = ""
    change: str = ""
    size_kb: str = "–"
    p50_ms: str = "–"
    arena_bytes: str = "–"


@dataclass(frozen=True)
class Comparison:
    """What is shown: a row for each variant of each build, and what differs between the builds."""

    builds: list[Build]
    heading: str
    rows: list[Row]
    differences: dict[str, list[str]]  # letter → what differs from the first build
    notes: list[str]


def read_build(number: int, title: str, path: Path) -> Build:
    """Return a build folder's (or a report.json's) report and answers, by the letter of its number."""
    report = read_report(path)
    letters = string.ascii_uppercase
    letter = letters[number] if number < len(letters) else f"{letters[number // len(letters) - 1]}{number % 26}"
    return Build(letter, title, report, read_answers(path) if path.is_dir() else None)


def compare(builds: list[Build]) -> Comparison:
    """Judge every variant of every build against the first build that has it.

    Raises RecipeError where the primary heads are not of one kind: accuracy and RMSE cannot be set side by side.
    """
    first, *others = builds
    for other in others:
        if heading(other.report) != heading(first.report):
            raise RecipeError(
                f"{first.title} is judged by {heading(first.report)} and {other.title} by {heading(other.report)}",
                fix="compare builds of one task",
            )
    names = dict.fromkeys(row.name for build in builds for row in build.report.variants)
    rows = [row for name in names for row in _rows(name, builds)]
    notes = [PAIRED] if any(row.verdict and "≈" not in row.verdict for row in rows) else []
    notes += [UNPAIRED] if any("≈" in row.verdict for row in rows) else []
    if len({json.dumps({key: build.report.machine.get(key) for key in ("cpu", "cores")}) for build in builds}) > 1:
        notes.append("Measured on different machines: latency compares only on the same.")
    differences = {build.letter: differing(first.report, build.report) for build in others}
    return Comparison(builds, heading(first.report), rows, differences, notes)


def _rows(name: str, builds: list[Build]) -> list[Row]:
    """Return a variant's rows; a failed one says why."""
    rows: list[Row] = []
    base: tuple[Build, VariantRow] | None = None
    for build in builds:
        found = next((row for row in build.report.variants if row.name == name), None)
        if found is None:
            continue
        if found.metrics is None:
            rows.append(Row(name, build.letter, reason=found.reason or found.status))
            continue
        change, verdict = _judged(base, (build, found)) if base else ("", "")
        base = base or (build, found)
        rows.append(
            Row(
                name,
                build.letter,
                score=score(found.metrics).text,
                change=change,
                verdict=verdict,
                size_kb=f"{found.size_bytes / 1024:,.1f}" if found.size_bytes else "–",
                p50_ms=f"{found.latency_ms.p50:,.3f}" if found.latency_ms else "–",
                arena_bytes=f"{found.arena_bytes:,}" if found.arena_bytes else "–",
            )
        )
    return rows


def _judged(base: tuple[Build, VariantRow], other: tuple[Build, VariantRow]) -> tuple[str, str]:
    """Return how a variant's figure differs from the base's, and the verdict: tie, better or worse."""
    (first, was), (build, now) = base, other
    assert was.metrics and now.metrics
    from edgeforge.evaluate.maps.overlap import error_drop

    pair = first.answers.pair(build.answers, now.name) if first.answers and build.answers else None
    if pair is None:
        digits = score(now.metrics).digits
        change = score(now.metrics).value - score(was.metrics).value
        return f"{change:+,.{digits}f}", f"≈ {accuracy_verdict(was, now)}"
    if now.metrics.iou is not None:
        drop = error_drop(*(errors.astype(float) for errors in pair))
    else:
        drop = paired_drop(*pair, is_class=now.metrics.top1 is not None, unit=now.metrics.unit)
    return drop_words(drop), drop.verdict


def paired_drop(was: Any, now: Any, *, is_class: bool, unit: str) -> Drop:
    """Judge two builds' errors on the same inputs (N each; see results/answers.py)."""
    from edgeforge.evaluate.statistics import mcnemar, rmse_difference

    if is_class:
        return mcnemar(was == 0, now == 0)
    difference, low, high, verdict = rmse_difference(was.astype(float), now.astype(float))
    return Drop(points=0.0, verdict=verdict, rmse=difference, rmse_low=low, rmse_high=high, unit=unit)


def accuracy_verdict(left: VariantRow, right: VariantRow) -> str:
    """Return `tie`, `better` or `worse` of the right accuracy, or RMSE, from counts and intervals alone."""
    from edgeforge.evaluate.statistics import SIGNIFICANCE, unpaired_p_value

    was, now = left.metrics, right.metrics
    assert was and now
    if was.top1 is None or now.top1 is None:
        a, b = score(was), score(now)
        better = b.value > a.value if now.iou is not None else b.value < a.value
        return "tie" if a.low <= b.high and b.low <= a.high else "better" if better else "worse"
    if unpaired_p_value(was.correct, was.images, now.correct, now.images) >= SIGNIFICANCE:
        return "tie"
    return "better" if now.top1 > was.top1 else "worse"


def differing(a: Report, b: Report) -> list[str]:
    """Return what differs in the recipe, key by key, and in the toolchain: `model.args.width: 8 → 16`."""
    import yaml

    lines = list(_changes("", yaml.safe_load(a.recipe_yaml), yaml.safe_load(b.recipe_yaml)))
    names = sorted(a.toolchain.keys() | b.toolchain.keys())
    pairs = ((name, a.toolchain.get(name, "–"), b.toolchain.get(name, "–")) for name in names)
    return lines + [f"{name}: {left} → {right}" for name, left, right in pairs if left != right]


def _changes(key: str, was: Any, now: Any) -> Iterator[str]:
    """Yield a line a value that differs; a part of the recipe that only one has is one line."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*was, *now]):
            yield from _changes(f"{key}.{name}" if key else str(name), was.get(name), now.get(name))
    elif was != now and key not in LEFT_OUT:
        yield f"{key}: {_text(was)} → {_text(now)}"


def _text(value: Any) -> str:
    """Return a value as a recipe has it, without what is not set; a dash for none."""
    if value is None:
        return "–"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_text(one)}' for name, one in value.items() if one is not None)}}}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
