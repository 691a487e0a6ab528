"""The stage `fit`: whether the model that ships fits the recipe's boards, before anything is measured or packed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from edgeforge.builder.stage import Job
from edgeforge.errors import StageFailed
from edgeforge.evaluate.engines.judge import confirmed
from edgeforge.hardware.boards import board
from edgeforge.hardware.libraries import library
from edgeforge.results.files import FIT_FILE, PACKED_FILE
from edgeforge.results.preprocessing import read_preprocessing_of
from edgeforge.results.rows.fit import FitRow, Refusal
from edgeforge.results.variant import shipped_variant
from edgeforge.targets.fit.better_plan import as_packed
from edgeforge.targets.fit.flash import contents_of
from edgeforge.targets.fit.judge import fit_model, require_fit
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.graph import Graph


def judge_fit(job: Job) -> None:
    """Write fit.json, a FitRow for every target, and packed.tflite, the model with the memory plan that suits them.

    Without a model to ship there are no rows, and without one or a target no file.

    Raises BudgetExceeded when the model does not fit and the recipe does not say `on_misfit: report`, ParityError when
    LiteRT and TFLM compute it differently.
    """
    try:
        variant, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
        flatbuffer = (folder / str(variant.file)).read_bytes()
    except StageFailed:  # said by the variant's own row
        flatbuffer = b""
    write_fit(job, flatbuffer, confirmed)


def write_fit(job: Job, flatbuffer: bytes, refused: Callable[[bytes], Sequence[Refusal]]) -> None:
    """Write fit.json and packed.tflite of a model with its preprocessing; an empty one has no rows.

    refused: returns the layers that TFLM refuses. Raises BudgetExceeded as the recipe asks.
    """
    used, boards = library(job.recipe.library), {key: board(key, job.recipe.boards) for key in job.recipe.targets}
    rows = []
    if flatbuffer and boards:
        plain, preprocessing = pure_flatbuffer(flatbuffer), read_preprocessing_of(flatbuffer)
        refusals, packed = refused(plain), as_packed(plain, used, list(boards.values()))
        contents = contents_of(Graph(packed), preprocessing)
        rows = [
            fit_model(packed, one, key=key, sketch=used, contents=contents, refusals=refusals)
            for key, one in boards.items()
        ]
        (job.output / PACKED_FILE).write_bytes(packed)
    (job.output / FIT_FILE).write_text(json.dumps([row.model_dump(mode="json") for row in rows], indent=1))
    if job.recipe.on_misfit == "stop" and job.recipe.runtime == "tflm":  # the engine's boards are judged by its own run
        require_fit(rows)


def read_fit(folder: Path) -> dict[str, FitRow]:
    """Return what `judge_fit` wrote, by board."""
    rows = [FitRow.model_validate(row) for row in json.loads((folder / FIT_FILE).read_text())]
    return {row.board: row for row in rows}
