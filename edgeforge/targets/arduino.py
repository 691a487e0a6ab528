"""The stage `arduino`: an Arduino project around the full-integer model, with a self-test compiled in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgeforge.artifact import shipped_variant
from edgeforge.data.labels import truths
from edgeforge.data.splits import read_preprocessing, read_split
from edgeforge.evaluate.tflm import read_tflm
from edgeforge.export.associated_files import pure_flatbuffer
from edgeforge.report.schema import TargetRow
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.stage import Job
from edgeforge.targets.arduino_project import ProjectFacts, write_project
from edgeforge.targets.boards import board
from edgeforge.targets.golden_vectors import choose_vectors

TARGETS_FILE = "targets.json"
# Room above the arena measured on this desk: kernels optimised for the board (CMSIS-NN, ESP-NN) ask for scratch
# buffers that the reference kernels here do not.
ARENA_MARGIN = 0.10
ARENA_ALIGNMENT = 16
NOT_COUNTED = "kernels, TFLM itself and the board's core are not counted yet"


def pack_arduino(job: Job) -> None:
    """Write the project NAME/ and targets.json; without a model that TFLM runs, rows with the reason."""
    name = job.recipe.name
    tflm = read_tflm(job.inputs["tflm"])
    if tflm["reason"] or not job.recipe.targets:
        rows = [_target(key, reason=tflm["reason"]) for key in job.recipe.targets]
    else:
        variant, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
        model = folder / str(variant.file)
        flatbuffer = pure_flatbuffer(model.read_bytes())
        arena = arena_with_margin(tflm["arena_bytes"])
        write_project(job.output / name, _project(job, model, flatbuffer, arena, tflm))
        rows = [_target(key, tflm=tflm, flash=len(flatbuffer), arena=arena, project=f"arduino/{name}")
                for key in job.recipe.targets]  # fmt: skip
    (job.output / TARGETS_FILE).write_text(json.dumps([row.model_dump() for row in rows], indent=1))


def arena_with_margin(measured: int) -> int:
    """Return the arena's size in bytes: what was measured plus the margin, rounded up to its alignment."""
    wanted = int(measured * (1 + ARENA_MARGIN))
    return -(-wanted // ARENA_ALIGNMENT) * ARENA_ALIGNMENT


def _project(job: Job, model: Path, flatbuffer: bytes, arena: int, tflm: dict[str, Any]) -> ProjectFacts:
    """Return what the project of this build is made of."""
    runner = TFLMRunner(model)
    preprocessing = read_preprocessing(job.inputs["data"])
    raw, labels = read_split(job.inputs["data"], "test")
    names = truths(labels, preprocessing.heads)
    return ProjectFacts(
        name=job.recipe.name,
        flatbuffer=flatbuffer,
        preprocessing=preprocessing,
        input=runner.input,
        output=runner.output,
        operators=tuple(tflm["operators"]),
        arena_bytes=arena,
        arena_note=(
            f"Measured in TFLM on a 64-bit desk: {tflm['arena_bytes']} bytes ({tflm['arena_head_bytes']} for "
            f"activations, {tflm['arena_tail_bytes']} that stay, an upper bound: pointers are half as large here). "
            f"Margin {round(100 * ARENA_MARGIN)} % for the scratch buffers of kernels optimised for the board "
            "(CMSIS-NN, ESP-NN), which the reference kernels do not need."
        ),
        boards=tuple(board(key) for key in job.recipe.targets),
        vectors=choose_vectors(runner, preprocessing, raw, names),
    )


def _target(
    key: str,
    *,
    reason: str = "",
    tflm: dict[str, Any] | None = None,
    flash: int | None = None,
    arena: int | None = None,
    project: str | None = None,
) -> TargetRow:
    target = board(key)
    fits: bool | None = None
    if flash is not None and arena is not None:
        over_flash, over_ram = flash > target.flash_bytes, arena > target.ram_bytes
        fits = not (over_flash or over_ram)
        reason = NOT_COUNTED
        if over_ram:
            reason = f"the tensor arena needs {arena:,} bytes of RAM, the board has {target.ram_bytes:,}"
        if over_flash:
            reason = f"the model needs {flash:,} bytes of flash, the board has {target.flash_bytes:,}"
    tflm = tflm or {}
    return TargetRow(
        board=key,
        title=target.title,
        fits=fits,
        reason=reason,
        flash_bytes=flash,
        flash_limit_bytes=target.flash_bytes,
        ram_bytes=arena,
        ram_limit_bytes=target.ram_bytes,
        arena_bytes=tflm.get("arena_bytes"),
        arena_head_bytes=tflm.get("arena_head_bytes"),
        arena_tail_bytes=tflm.get("arena_tail_bytes"),
        operators=tflm.get("operators", []),
        project=project,
    )
