"""The stage `arduino`: an Arduino project around the full-integer model, with a self-test compiled in."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

from edgeforge.builder.stage import Job
from edgeforge.data.labels import truths
from edgeforge.data.splits import deployed_preprocessing, read_split
from edgeforge.evaluate.tflm import read_tflm
from edgeforge.hardware.board import Board
from edgeforge.hardware.boards import board
from edgeforge.hardware.libraries import library
from edgeforge.results.files import COMPILED_FILE, EMULATED_FILE, LISTENING_FILE, PACKED_FILE, TARGETS_FILE
from edgeforge.results.rows.engine import CompiledRow, EngineBoard, EngineRow
from edgeforge.results.rows.fit import FitRow
from edgeforge.results.rows.report import TargetRow
from edgeforge.results.rows.sound.listening import ListeningRow
from edgeforge.results.variant import shipped_variant
from edgeforge.runtimes.float_mean import board_runner
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.golden_vectors import choose_vectors, require_same_answers
from edgeforge.targets.arduino.measured import write_fitting
from edgeforge.targets.arduino.on_engine.sources import read_sources
from edgeforge.targets.arduino.own.endings import as_judged
from edgeforge.targets.arduino.project import ProjectFacts, write_project
from edgeforge.targets.fit.flash import MOST_VECTORS, SKETCH_BYTES, Contents, contents_of, vectors_that_fit
from edgeforge.targets.fit.judge import require_fit
from edgeforge.targets.fit.stage import read_fit
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.graph import Graph


def pack_arduino(job: Job) -> None:
    """Write the project NAME/ and targets.json; without a model that TFLM runs, rows with the reason."""
    name, own = job.recipe.name, job.recipe.boards
    tflm = read_tflm(job.inputs["tflm"])
    if job.recipe.runtime == "engine" and job.recipe.targets:
        rows = _pack_on_engine(job)
    elif tflm["reason"] or not job.recipe.targets:
        rows = [_unknown_target(key, board(key, own), tflm["reason"]) for key in job.recipe.targets]
    else:
        variant, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
        model = folder / str(variant.file)
        fits = list(read_fit(job.inputs["fit"]).values())
        if any(fit.deployable for fit in fits):  # on_misfit: report shows the others too
            boards = {fit.board: board(fit.board, own) for fit in fits}
            facts = _facts(job, model, fits, tflm)
            contents = contents_of(Graph(facts.flatbuffer), facts.preprocessing)
            _, fits = write_fitting(job.output / name, facts, fits, boards, contents)
        if job.recipe.on_misfit == "stop":
            require_fit(fits)  # again, by what was measured
        rows = [_target(fit, f"arduino/{name}" if fit.deployable else None) for fit in fits]
    (job.output / TARGETS_FILE).write_text(json.dumps([row.model_dump() for row in rows], indent=1))


def _facts(job: Job, model: Path, fits: list[FitRow], tflm: dict[str, Any]) -> ProjectFacts:
    """Return what the project of this build is made of, for all boards, with all the test vectors that one may have."""
    packed = job.inputs["fit"] / PACKED_FILE
    used = library(job.recipe.library)
    preprocessing = as_judged(deployed_preprocessing(job), Graph(packed.read_bytes()))
    raw, labels = read_split(job.inputs["data"], "test")
    require_same_answers(TFLMRunner(model), TFLMRunner(packed), preprocessing, raw[:MOST_VECTORS])
    runner = board_runner(packed, used)  # another one: a model may have a state, and the board starts without
    most = max(fit.flash.vectors for fit in fits)
    return ProjectFacts(
        name=job.recipe.name,
        flatbuffer=packed.read_bytes(),
        preprocessing=preprocessing,
        inputs=runner.inputs,
        outputs=runner.outputs,
        operators=tuple(tflm["operators"]),
        arena_bytes=0,
        arena_note="",
        boards=(),
        vectors=choose_vectors(runner, packed, preprocessing, raw, truths(labels, preprocessing.heads), most),
        library=used,
        listening=_listening(job),
        model_crc32=zlib.crc32(pure_flatbuffer(model.read_bytes())),
    )


def _listening(job: Job) -> ListeningRow | None:
    path = job.inputs.get("listen")
    return ListeningRow.model_validate_json((path / LISTENING_FILE).read_bytes()) if path else None


def _target(fit: FitRow, project: str | None) -> TargetRow:
    return TargetRow(
        board=fit.board,
        title=fit.title,
        fits=fit.memory.fits,
        library_takes_it=fit.library.takes_it,
        reason=fit.verdict,
        flash_bytes=fit.memory.flash_bytes,
        flash_limit_bytes=fit.memory.flash_limit_bytes,
        ram_bytes=fit.memory.ram_bytes,
        ram_limit_bytes=fit.memory.ram_limit_bytes,
        arena_bytes=fit.arena.used_bytes,
        arena_head_bytes=fit.arena.head_bytes,
        arena_tail_bytes=fit.arena.tail_bytes,
        operators=fit.operators,
        project=project,
        fit=fit,
    )


def _pack_on_engine(job: Job) -> list[TargetRow]:
    """Write the project NAME/ for the boards that have room, or whose core nothing here emulates; return their rows."""
    engine = EngineRow.model_validate_json((job.inputs["engine-emulated"] / EMULATED_FILE).read_bytes())
    compiled = CompiledRow.model_validate_json((job.inputs["engine"] / COMPILED_FILE).read_bytes())
    variant, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
    model = folder / str(variant.file)
    flatbuffer = pure_flatbuffer(model.read_bytes())
    preprocessing = as_judged(deployed_preprocessing(job), Graph(flatbuffer))
    contents = contents_of(Graph(flatbuffer), preprocessing)
    offered = [one for one in engine.boards if one.fits is not False]
    if offered:
        runner, (raw, labels) = TFLMRunner(model), read_split(job.inputs["data"], "test")
        count = min(_vectors(one, contents) for one in offered)
        names = truths(labels, preprocessing.heads)
        facts = ProjectFacts(
            name=job.recipe.name,
            flatbuffer=flatbuffer,
            preprocessing=preprocessing,
            inputs=runner.inputs,
            outputs=runner.outputs,
            operators=tuple(read_tflm(job.inputs["tflm"])["operators"]),
            arena_bytes=compiled.shared_bytes,
            arena_note="Activations, input and output, planned when the model was compiled.",
            boards=tuple(board(one.board, job.recipe.boards) for one in offered),
            vectors=choose_vectors(runner, model, preprocessing, raw, names, count),
            library=library(job.recipe.library),
            listening=_listening(job),
            model_crc32=zlib.crc32(flatbuffer),
            engine=read_sources(job.inputs["engine"] / "engine", compiled.c_name),
        )
        write_project(job.output / job.recipe.name, facts)
    return [_engine_target(one, compiled, job.recipe.name if one in offered else None) for one in engine.boards]


def _vectors(one: EngineBoard, contents: Contents) -> int:
    used = (one.flash_bytes or 0) + SKETCH_BYTES + contents.tables_bytes
    return vectors_that_fit(one.flash_limit_bytes - used, contents)


def _engine_target(one: EngineBoard, compiled: CompiledRow, name: str | None) -> TargetRow:
    return TargetRow(
        board=one.board,
        title=one.title,
        fits=one.fits,
        reason=one.sentence,
        flash_bytes=one.flash_bytes,
        flash_limit_bytes=one.flash_limit_bytes,
        ram_bytes=one.ram_bytes,
        ram_limit_bytes=one.ram_limit_bytes,
        arena_bytes=compiled.shared_bytes,
        operators=[],
        project=f"arduino/{name}" if name else None,
    )


def _unknown_target(key: str, target: Board, reason: str) -> TargetRow:
    return TargetRow(
        board=key,
        title=target.title,
        fits=None,
        reason=reason,
        flash_limit_bytes=target.flash_bytes,
        ram_limit_bytes=target.ram_bytes,
    )
