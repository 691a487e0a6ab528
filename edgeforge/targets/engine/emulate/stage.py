"""The stage `engine-emulated`: the C library on an emulated core, over the test split, and on the targets' cores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edgeforge.builder.stage import Job
from edgeforge.data.splits import evenly_spaced, read_preprocessing, read_split
from edgeforge.errors import BudgetExceeded, MissingDependency
from edgeforge.hardware.boards import board
from edgeforge.recipe.schema import Engine
from edgeforge.results.files import EMULATED_FILE, PREDICTIONS_FILE
from edgeforge.results.rows.engine import EmulatedRow, EngineBoard, EngineRow
from edgeforge.results.variant import ENGINE_INT8, Variant, shipped_variant, write_variants
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emulate.boards import core_of, judge
from edgeforge.targets.engine.emulate.features import features_on_core
from edgeforge.targets.engine.emulate.machine import MACHINES
from edgeforge.targets.engine.emulate.prove import desk_outputs, emulated, require_same_bytes
from edgeforge.targets.engine.emulate.trade import trade_of
from edgeforge.targets.engine.options import CORES, PORTABLE, Options, core_named
from edgeforge.targets.engine.stage import core_of_recipe
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.figures.costs import macs
from edgeforge.tflite.tensors import from_output, to_input

# About a minute of QEMU, at an instruction a multiply-accumulate.
MACS_EMULATED = 4 * 10**9
FEW = 4  # images on the cores of further targets
NAME = "model"  # not the recipe's: its bytes and instructions depend on none
WITHOUT_A_CORE = "cortex-m4"  # what portable C is built for


def emulate_shipped(job: Job) -> None:
    """Write emulated.json (EngineRow), variants.json, and predictions.npz of the images that were run.

    Without compiler or emulator there are no figures, and the reason. Raises ParityError where a byte differs.
    """
    import numpy as np

    source, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
    row = EngineRow(source=source.name)
    wishes = job.recipe.engine or Engine()
    core = core_of_recipe(job).name
    core = WITHOUT_A_CORE if core == PORTABLE.name else core
    own = {key: board(key, job.recipe.boards) for key in job.recipe.targets}
    further = {core_of(one) for one in own.values()} & set(MACHINES) - {core}
    try:
        path = folder / str(source.file)
        runner = TFLMRunner(path)
        raw, _ = read_split(job.inputs["data"], "test")
        index = evenly_spaced(len(raw), max(FEW, MACS_EMULATED // max(macs(path.read_bytes()), 1)))
        preprocessing = read_preprocessing(job.inputs["data"])
        tensors = to_input(preprocessing.apply(raw[index]), runner.input)
        options = Options(CORES[core], wishes.optimize, wishes.rounding, wishes.max_ram)
        job.progress(0.1, f"{len(index)} images on this desk")
        expected, litert = desk_outputs(path, tensors, options)
        for number, name in enumerate((core, *sorted(further))):
            job.progress(0.3 + 0.6 * number / (1 + len(further)), f"emulated {name}")
            count = len(index) if number == 0 else FEW
            found, outputs = emulated(
                pure_flatbuffer(path.read_bytes()), NAME,
                replace(options, core=core_named(name)), tensors[:count], expected[:count],
                None if litert is None else litert[:count], len(raw),
            )  # fmt: skip
            require_same_bytes(found, "LiteRT" if wishes.rounding == "single" else "TFLM")
            found.features = features_on_core(preprocessing, core_named(name))
            row.runs.append(found)
            if number == 0:
                logits: dict[str, Any] = {
                    ENGINE_INT8: from_output(outputs, runner.output),
                    f"{ENGINE_INT8}-index": index,
                }
                np.savez(job.output / PREDICTIONS_FILE, **logits)
        flatbuffer = pure_flatbuffer(path.read_bytes())
        row.trade = trade_of(compile_model(flatbuffer, NAME, options), flatbuffer)
        variant = _variant(row.runs[0])
    except MissingDependency as error:
        row.reason = f"{error.reason} ({error.fix})"
        variant = Variant(ENGINE_INT8, "engine", "int8", None, reason=row.reason)
    by_core = {run.core: run for run in row.runs}
    row.boards = [judge(key, one, by_core, row.reason) for key, one in own.items()]
    if job.recipe.runtime == "engine" and job.recipe.on_misfit == "stop":
        _require_room(row.boards)
    (job.output / EMULATED_FILE).write_text(row.model_dump_json(indent=1))
    write_variants(job.output, [variant])


def _require_room(boards: list[EngineBoard]) -> None:
    """Raise BudgetExceeded where the sketch's engine has too little memory on a board."""
    if any(one.fits is False for one in boards):
        raise BudgetExceeded(
            "\n".join(one.sentence for one in boards),
            fix="make the network or its input smaller, or take a larger board: edgeforge boards",
        )


def _variant(run: EmulatedRow) -> Variant:
    detail = f"plain C on an emulated {run.core}"
    if run.images < run.of:
        detail += f", {run.images} of {run.of} test images, evenly spaced"
    same = {"name": "gives the bytes of the desk", "passed": True, "detail": f"{run.outputs:,} output bytes"}
    return Variant(ENGINE_INT8, "engine", "int8", None, detail, checks=(same,))
